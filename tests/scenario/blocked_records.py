#!/usr/bin/env python3
"""What cannot come back, or go, is told by the plan, named, and keeps nothing else from it."""
import sqlite3

import stage

SCHEMA = """
CREATE TABLE users(id INTEGER PRIMARY KEY, name TEXT UNIQUE);
CREATE TABLE memories(id INTEGER PRIMARY KEY, owner INTEGER REFERENCES users(id), title TEXT);
CREATE TABLE tags(id INTEGER PRIMARY KEY, name TEXT);
CREATE TABLE memory_tags(memory INTEGER REFERENCES memories(id), tag INTEGER REFERENCES tags(id),
  PRIMARY KEY(memory, tag));
INSERT INTO users VALUES(1, 'ann'), (2, 'bob'), (3, 'cid');
INSERT INTO memories VALUES(1, 1, 'a'), (2, 2, 'b'), (3, 3, 'c');
INSERT INTO tags VALUES(1, 't');
INSERT INTO memory_tags VALUES(1, 1), (2, 1), (3, 1);
"""
MAPPING = """[source.app.records.memory]
table = "memories"
title = "title"
tags = "memory_tags(memory, tag) -> tags.name"
"""


def change(place, script):
    database = sqlite3.connect(place.work / "app.db", isolation_level=None)
    database.executescript(script)
    database.close()


def rows(place, query):
    database = sqlite3.connect(place.work / "app.db")
    out = database.execute(query).fetchall()
    database.close()
    return out


def application(place):
    change(place, SCHEMA)
    place.repository(app="app.db")
    config = place.work / "perdure.toml"
    config.write_text(config.read_text() + MAPPING)
    place.good("backup")


def blocked(ran):
    return {e["item"]["record"]: e["item"]["reason"] for e in ran.events
            if e["type"] == "item" and e["item"]["finding"] == "blocked"}


def claim_a_plan_ends_with_3_where_something_is_blocked(place):
    application(place)
    place.good("restore", "plan", "latest", "app")
    change(place, "DELETE FROM memory_tags; DELETE FROM memories; DELETE FROM users;"
                  "INSERT INTO users VALUES(7, 'ann')")
    ran = place.good("restore", "plan", "latest", "app", "-o", "plan.json", "--json", code=3)
    told = blocked(ran)
    assert told["app:users/1"] == 'name "ann" belongs to app:users/7 in the target', told
    assert told["app:memory/1"] == "app:users/1 does not come back", told
    assert len(told) == 3, told
    assert ran.summary["exit_code"] == 3
    named = {error["path"]: error["message"] for error in ran.summary["errors"]}
    assert set(named) == {"app:users", "app:memory", "app:memory_tags"}, named
    text = place.good("restore", "plan", "latest", "app", code=3)
    assert "blocked app:users: 1 record cannot be put back" in text.err, text
    # Everything else comes back.
    place.good("restore", "apply", "plan.json", "--confirm", "app", code=3)
    assert rows(place, "SELECT id FROM users ORDER BY id") == [(2,), (3,), (7,)]
    assert rows(place, "SELECT id FROM memories ORDER BY id") == [(2,), (3,)]
    # A database that is replaced as a whole blocks nothing.
    place.good("restore", "plan", "latest", "app", "--swap")


def claim_delete_leaves_a_row_that_a_staying_row_refers_to(place):
    application(place)
    change(place, "INSERT INTO users VALUES(8, 'eve'), (9, 'fay');"
                  "INSERT INTO memories VALUES(20, 8, 'hers'); DELETE FROM users WHERE id = 3")
    ran = place.good("restore", "plan", "latest", "app:users", "--delete", "-o", "plan.json",
                     "--json", code=3)
    assert blocked(ran) == {"app:users/8": "app:memory/20 stays and refers to it"}, ran
    ran = place.good("restore", "apply", "plan.json", "--confirm", "app", "--json", code=3)
    assert rows(place, "SELECT id FROM users ORDER BY id") == [(1,), (2,), (3,), (8,)]
    place.good("restore", "undo", ran.summary["run"], "--confirm", "app")
    assert rows(place, "SELECT id FROM users ORDER BY id") == [(1,), (2,), (8,), (9,)]
    place.good("restore", "latest", "app", "--to", "live", "--delete", "--confirm", "app")
    assert rows(place, "SELECT id FROM users ORDER BY id") == [(1,), (2,), (3,)]


def claim_what_a_newer_index_forbids_is_told_by_the_plan(place):
    application(place)
    change(place, "INSERT INTO tags VALUES(2, 'Alps'), (3, 'ALPS')")
    place.good("backup")
    change(place, "DELETE FROM memory_tags; DELETE FROM tags;"
                  "CREATE UNIQUE INDEX once ON tags(lower(name))")
    ran = place.good("restore", "plan", "latest", "app:tags", "-o", "plan.json", "--json", code=3)
    assert set(blocked(ran)) == {"app:tags/2", "app:tags/3"}, ran
    place.good("restore", "apply", "plan.json", "--confirm", "app", code=3)
    assert rows(place, "SELECT id FROM tags") == [(1,)]
    place.good("restore", "latest", "app:tags/3", "--to", "live", "--confirm", "app")
    assert rows(place, "SELECT name FROM tags WHERE id = 3") == [("ALPS",)]
    ran = place.good("restore", "plan", "latest", "app:tags/2", "--json", code=3)
    assert "belongs to app:tags/3" in blocked(ran)["app:tags/2"], ran


def claim_another_decision_for_a_record_holds_for_what_belongs_to_it(place):
    application(place)
    change(place, "DELETE FROM memory_tags; DELETE FROM memories WHERE id < 3;"
                  "UPDATE memories SET title = 'mine'")
    place.good("restore", "plan", "latest", "app:memory", "--merge-strategy", "skip", "-o",
               "plan.json")
    place.good("restore", "apply", "plan.json", "--confirm", "app", "--override",
               "app:memory/1=skip", "--override", "app:memory/3=replace")
    assert rows(place, "SELECT id, title FROM memories ORDER BY id") == [(2, "b"), (3, "c")]
    assert rows(place, "SELECT memory FROM memory_tags ORDER BY memory") == [(2,), (3,)]


stage.main(globals())
