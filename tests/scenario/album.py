"""A small memories application to export: people, collections, tags, media, hostile values."""
import sqlite3

MAPPING = '''version = 1
[repository.main]
destinations = ["disk"]
key = { file = "perdure.key" }
[destination.disk]
type = "local"
path = "backups"
[source.app]
type = "sqlite"
path = "app.db"
media = "media"
[source.app.subjects]
table = "users"
key = "id"
label = "name"
[source.app.records.memory]
table = "memories"
title = "title"
body = "content"
created = "created_at"
category = "category"
collection = "collection_id -> collections.name"
tags = "memory_tags(memory_id, tag_id) -> tags.name"
media = "media(memory_id).path"
[source.app.records.person]
table = "users"
title = "name"
[export.weekly]
format = "csv"
output = "weekly.csv"
type = ["memory"]
fields = ["title", "created"]
'''

SCHEMA = """
CREATE TABLE users(id INTEGER PRIMARY KEY, name TEXT, email TEXT);
CREATE TABLE collections(id INTEGER PRIMARY KEY, name TEXT);
CREATE TABLE tags(id INTEGER PRIMARY KEY, name TEXT);
CREATE TABLE memories(id INTEGER PRIMARY KEY, user_id REFERENCES users(id), title TEXT,
  content TEXT, category TEXT, rating INTEGER, created_at TEXT, collection_id INTEGER);
CREATE TABLE memory_tags(memory_id INTEGER, tag_id INTEGER, PRIMARY KEY(memory_id, tag_id));
CREATE TABLE media(id INTEGER PRIMARY KEY, memory_id INTEGER, path TEXT);
"""

CATEGORIES = ["travel", "family", "work"]
NAMES = ["Alpen", "日本の旅", "=cmd|' /C calc'!A0", "../../etc", "مرحبا"]


def picture(i):
    """Bytes that no compressor shrinks and no reader takes for a picture."""
    state, out = i * 2654435761 % 2**32 or 1, bytearray()
    for _ in range(700 + 400 * (i % 5)):
        state = (state * 1103515245 + 12345) % 2**32
        out += state.to_bytes(4, "little")
    return bytes(out)


def create(place, memories=300, missing=False):
    """Files and database in the place's work folder; returns the media's bytes by path."""
    place.write("perdure.toml", MAPPING)
    database = sqlite3.connect(place.work / "app.db")
    database.executescript(SCHEMA)
    database.executemany("INSERT INTO users VALUES(?,?,?)",
                         [(i, f"Person {i}", f"p{i}@example.org") for i in range(1, 6)])
    database.executemany("INSERT INTO collections VALUES(?,?)", list(enumerate(NAMES, 1)))
    database.executemany("INSERT INTO tags VALUES(?,?)", [(1, "fun"), (2, "later"), (3, "früh")])
    media = {}
    for i in range(1, memories + 1):
        database.execute(
            "INSERT INTO memories VALUES(?,?,?,?,?,?,?,?)",
            (i, i % 5 + 1, f"Memory {i * 7919 % 1000:03d} \u00e9\U0001f600",
             f"line one\nline {i} " * (i % 40), CATEGORIES[i % 3], i % 6,
             f"2024-{i % 12 + 1:02d}-{i % 28 + 1:02d}T10:00:00Z", i % 5 + 1))
        database.execute("INSERT INTO memory_tags VALUES(?,?)", (i, i % 3 + 1))
        if i % 10 == 0:
            path = f"2024/photo {i}.bin"
            database.execute("INSERT INTO media VALUES(?,?,?)", (i, i, path))
            media[path] = picture(i)
            place.write(f"media/{path}", media[path])
    if missing:
        database.execute("INSERT INTO media VALUES(99999, 1, 'gone.jpg')")
    database.commit()
    database.close()
    return media


def rows(place, sql, *values):
    with sqlite3.connect(f"file:{place.work / 'app.db'}?mode=ro", uri=True) as database:
        return database.execute(sql, values).fetchall()
