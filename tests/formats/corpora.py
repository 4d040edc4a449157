#!/usr/bin/python3
"""Real texts as memories: Tang poems, names of emoji in twelve languages, chat.

usage: corpora.py DATABASE TEXT_FOLDER [records of each]
"""
import json
import pathlib
import sqlite3
import sys

SCHEMA = """
CREATE TABLE memories (id INTEGER PRIMARY KEY, title TEXT, content TEXT, created_at TEXT,
                       project TEXT, category TEXT);
CREATE TABLE tags (id INTEGER PRIMARY KEY, name TEXT UNIQUE);
CREATE TABLE memory_tags (memory_id INTEGER REFERENCES memories(id),
                          tag_id INTEGER REFERENCES tags(id), PRIMARY KEY (memory_id, tag_id));
"""


def poems(folder):
    for path in sorted(folder.glob("chinese-poetry-tang/*/poet.tang.*.json")):
        for poem in json.loads(path.read_text()):
            yield (poem["title"], "\n".join(poem["paragraphs"]), None, "chinese-poetry",
                   poem["author"][:1], [poem["author"]])


def emoji(folder):
    for path in sorted(folder.glob("cldr-emoji-annotations/*/annotations.json")):
        language = path.parent.name
        for sign, names in json.loads(path.read_text())["annotations"]["annotations"].items():
            words = names.get("default", [])
            yield (f"{sign} {names.get('tts', [''])[0]}", "\n".join(words), None, "emoji",
                   language, words[:5])


def chat(folder):
    for path in sorted(folder.glob("irc-disentanglement/*/*.raw.txt")):
        with open(path, encoding="utf-8", errors="surrogateescape") as lines:
            for number, line in enumerate(lines):
                clock = f"2004-11-15 {line[1:6]}:00" if line[:1] == "[" else None
                text = line.rstrip("\n").encode("utf-8", "surrogateescape").decode(
                    "utf-8", "replace")
                yield (text[8:60], text, clock, "irc", path.stem, [path.parent.name])


# What perdure.toml says of such a database, as the source "app".
MAPPING = """[source.app.records.memory]
table = "memories"
title = "title"
body = "content"
body_format = "text"
created = "created_at"
project = "project"
category = "category"
tags = "memory_tags(memory_id, tag_id) -> tags.name"
"""


def load_corpora(database, folder, limit):
    with sqlite3.connect(database) as connection:
        connection.executescript(SCHEMA)
        tags = {}
        for corpus in (poems, emoji, chat):
            for count, (title, content, created, project, category, names) in enumerate(
                    corpus(pathlib.Path(folder))):
                if count == limit:
                    break
                key = connection.execute(
                    "INSERT INTO memories (title, content, created_at, project, category)"
                    " VALUES (?, ?, ?, ?, ?)",
                    (title, content, created, project, category)).lastrowid
                for name in dict.fromkeys(names):
                    if name not in tags:
                        tags[name] = connection.execute("INSERT INTO tags (name) VALUES (?)",
                                                        (name,)).lastrowid
                    connection.execute("INSERT INTO memory_tags VALUES (?, ?)", (key, tags[name]))
    connection.close()


if __name__ == "__main__":
    load_corpora(sys.argv[1], sys.argv[2], int(sys.argv[3]) if len(sys.argv) > 3 else None)
