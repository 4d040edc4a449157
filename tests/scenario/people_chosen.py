#!/usr/bin/env python3
"""Whom records are about: who is chosen by --subject, and what comes with them."""
import json
import sqlite3

import stage


def people(place):
    """Ann, one whose key is the empty text, and what is nobody's; comments name no person."""
    database = sqlite3.connect(place.work / "app.db")
    database.executescript("""
        CREATE TABLE users(id TEXT PRIMARY KEY, name TEXT);
        CREATE TABLE memories(id INTEGER PRIMARY KEY, user_id TEXT REFERENCES users, title TEXT);
        CREATE TABLE comments(id INTEGER PRIMARY KEY, memory_id REFERENCES memories, text TEXT);
        INSERT INTO users VALUES('ann', 'Ann'), ('', 'Nameless');
        INSERT INTO memories VALUES(1, 'ann', 'hers'), (2, '', 'of the nameless'),
            (3, NULL, 'nobody''s');
        INSERT INTO comments VALUES(1, 1, 'on hers'), (2, 2, 'on another''s'),
            (3, 3, 'on nobody''s');
        """)
    database.close()
    place.repository(app="app.db")
    config = place.work / "perdure.toml"
    config.write_text(config.read_text() + '''
[source.app.subjects]
table = "users"
key = "id"
label = "name"
[source.app.records.user]
table = "users"
title = "name"
[source.app.records.memory]
table = "memories"
title = "title"
[source.app.records.comment]
table = "comments"
body = "text"
''')
    place.good("backup")


def exported(place, *words):
    place.good("export", *words, "--format", "ndjson", "-o", place.folder / "out.ndjson",
               "--replace")
    records = map(json.loads, (place.folder / "out.ndjson").read_text().splitlines())
    return {(record["_type"], record["_id"]) for record in records
            if record.get("_type") in ("user", "memory", "comment")}


def claim_a_person_whose_key_is_empty_can_be_chosen(place):
    people(place)
    theirs = {("user", ""), ("memory", "2"), ("comment", "2")}
    for where in ([], ["--snapshot", "latest"]):
        assert exported(place, "--subject=", *where) == theirs, where
        assert exported(place, "--subject=", "--subject", "ann", *where) > theirs, where
    # An empty word is a variable that is not set.
    ran = place.run("export", "--subject", "", "--format", "json", "-o", "x.json")
    assert ran.code == 2 and "--subject=" in ran.err, ran
    database = sqlite3.connect(place.work / "app.db")
    database.executescript("DELETE FROM memories; DELETE FROM comments;")
    database.close()
    place.good("restore", "latest", "app", "--subject=", "--to", "live", "--confirm", "app")
    database = sqlite3.connect(place.work / "app.db")
    assert database.execute("SELECT id FROM memories").fetchall() == [(2,)]
    database.close()


def claim_what_hangs_on_a_persons_records_is_exported_with_them(place):
    people(place)
    for where in ([], ["--snapshot", "latest"]):
        got = exported(place, "--subject", "ann", *where)
        assert got == {("user", "ann"), ("memory", "1"), ("comment", "1")}, got
    assert exported(place, "--subject", "nobody-of-that-name") == set()


def claim_where_no_people_are_mapped_nobodys_records_are_not_called_all_of_theirs(place):
    database = sqlite3.connect(place.work / "app.db")
    database.executescript("CREATE TABLE memories(id INTEGER PRIMARY KEY, who, title TEXT);"
                           "INSERT INTO memories VALUES(1, 'ann', 'hers')")
    database.close()
    place.repository(app="app.db")
    config = place.work / "perdure.toml"
    config.write_text(config.read_text() +
                      '[source.app.records.memory]\ntable = "memories"\ntitle = "title"\n')
    ran = place.run("export", "--subject", "ann", "--format", "json", "-o", "x.json")
    assert ran.code == 2 and "subject" in ran.err, ran


stage.main(globals())
