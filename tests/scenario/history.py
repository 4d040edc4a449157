#!/usr/bin/env python3
"""What was, and when: `backup find` and `backup history` over many snapshots."""
import json
import sqlite3

import chinook
import stage


def events(ran, kind):
    return [event for event in ran.events if event["type"] == kind]


def claim_every_version_of_chinook_records_is_found_as_sqlite3_says(place):
    """History of records that changed, over ten generations, against sqlite3 alone."""
    versions = chinook.backed_up(place)
    states = [chinook.read(version) for version in versions]
    checked = 0
    for table, key in (("Track", (728,)), ("Track", (2,)), ("Invoice", (1,)), ("Artist", (1,))):
        rows = [state.get(table, ((), {}))[1].get(key) for state in states]
        want, last = 0, None
        for row in rows:
            if row is not None or last is not None:
                want += row != last
            last = row
        if all(row is None for row in rows):
            continue
        ran = place.good("backup", "history", f"app:{table}/{key[0]}", "--json")
        got = events(ran, "version")
        assert len(got) == want, (table, key, want, got)
        checked += want
        fields = {f["field"]: f["after"] for f in got[0]["fields"]}
        first = next(row for row in rows if row is not None)
        assert fields == first, (fields, first)
    assert checked > 4, "no record changed: the test proves nothing"
    ran = place.good("backup", "history", "app:Artist/1", "--json")
    referring = {(r["table"], r["id"]) for r in events(ran, "referrer")}
    with sqlite3.connect(f"file:{versions[-1]}?mode=ro", uri=True) as connection:
        albums = {("Album", str(row[0])) for row in connection.execute(
            "SELECT AlbumId FROM Album WHERE ArtistId = 1")}
    assert albums and albums <= referring, (albums, referring)


def claim_each_version_can_be_brought_back(place):
    live = place.work / "notes.db"
    place.repository(app=live)
    with sqlite3.connect(live) as connection:
        connection.execute("CREATE TABLE note (id INTEGER PRIMARY KEY, body TEXT, n INTEGER)")
        connection.execute("INSERT INTO note VALUES (7, 'first', 9007199254740993)")
    place.good("backup")
    with sqlite3.connect(live) as connection:
        connection.execute("UPDATE note SET body = 'second' WHERE id = 7")
    place.good("backup")
    place.good("backup")
    with sqlite3.connect(live) as connection:
        connection.execute("DELETE FROM note")
    place.good("backup")
    ran = place.good("backup", "history", "app:note/7", "--json")
    got = events(ran, "version")
    assert [v["absent"] for v in got] == [False, False, True], got
    assert got[1]["fields"] == [{"field": "body", "before": "first", "after": "second"}], got[1]
    assert got[1]["first_snapshot"] != got[1]["last_snapshot"], "two snapshots hold it"
    place.good("backup", "history", "app:note/7", "--restore", "1", "--to", "back")
    record = json.loads((place.work / "back" / "note-7.json").read_text())
    assert record["values"]["body"] == "first" and record["id"] == "7", record
    assert record["values"]["n"] == {"$int64": "9007199254740993"}, record
    place.good("backup", "history", "app:note/7", "--restore", "1", "--to", "back", code=15)
    place.good("backup", "history", "app:note/7", "--restore", "3", "--to", "back", code=2)
    place.good("backup", "history", "app:note/8", code=1)
    place.good("backup", "history", "app:note", code=2)
    place.good("backup", "history", "app:note/7", "--restore", "1", code=2)


def claim_the_history_of_a_file_is_told_and_any_version_comes_back(place):
    place.write("data/deep/text.txt", "one\n")
    place.repository(data="data")
    place.good("backup")
    place.good("backup")
    place.write("data/deep/text.txt", "two\n")
    place.good("backup")
    (place.work / "data/deep/text.txt").chmod(0o600)
    place.good("backup")
    (place.work / "data/deep/text.txt").unlink()
    place.good("backup")
    ran = place.good("backup", "history", "data/deep/text.txt", "--json")
    got = events(ran, "version")
    assert [v["absent"] for v in got] == [False, False, False, True], got
    assert got[1]["content_changed"] and not got[2]["content_changed"], got
    assert got[2]["properties"] == ["mode"], got[2]
    for number, text in ((1, "one\n"), (2, "two\n")):
        folder = place.work / f"back{number}"
        place.good("backup", "history", "data/deep/text.txt", "--restore", number, "--to", folder)
        assert (folder / "text.txt").read_text() == text


def claim_find_reads_each_block_once_and_says_where(place):
    live = place.work / "notes.db"
    place.write("data/readme.md", "nothing\n")
    place.write("data/old.txt", "a needle in the haystack\n" * 3)
    place.repository(app=live, data="data")
    with sqlite3.connect(live) as connection:
        connection.execute("CREATE TABLE note (id INTEGER PRIMARY KEY, body TEXT, rating)")
        connection.executemany("INSERT INTO note VALUES (?, ?, ?)",
                               [(n, f"note {n} " + "filler " * 30, n % 5) for n in range(20000)])
    for round_ in range(6):
        with sqlite3.connect(live) as connection:
            connection.execute("UPDATE note SET body = ? WHERE id = ?",
                               (f"a NEEDLE of round {round_}", 100 + round_ * 3000))
        if round_ == 3:
            (place.work / "data/old.txt").unlink()
        place.good("backup", "--tag", f"r{round_}")
    ran = place.good("backup", "find", "needle", "--json")
    found = {e.get("id") or e["path"]: e for e in events(ran, "found")}
    assert set(found) == {str(100 + n * 3000) for n in range(6)} | {"old.txt"}, found.keys()
    assert found["100"]["snapshots"] == 6 and found["15100"]["snapshots"] == 1, found
    assert found["old.txt"]["snapshots"] == 3, found["old.txt"]
    assert "needle in the haystack" in found["old.txt"]["excerpt"]
    summary = ran.summary
    assert summary["blocks_named"] > 4 * summary["blocks_read"], summary
    assert not events(place.good("backup", "find", "needle", "--exact", "app", "--json"), "found")
    condition = "rating = 4 and body like 'note 1_ %'"
    rated = place.good("backup", "find", "--where", condition, "app:note",
                       "--json")
    assert {e["id"] for e in events(rated, "found")} == {"14", "19"}, rated
    place.good("backup", "find", "--where", "no_such_field = 1", code=2)
    place.good("backup", "find", code=2)
    assert "needle" in place.good("backup", "find", "needle").out.lower()


def claim_a_condition_on_tags_and_collections_holds_as_it_was_then(place):
    live = place.work / "app.db"
    with sqlite3.connect(live) as db:
        db.executescript("""
            CREATE TABLE collections(id INTEGER PRIMARY KEY, name TEXT);
            CREATE TABLE memories(id INTEGER PRIMARY KEY, title TEXT, rating INTEGER,
              collection_id INTEGER REFERENCES collections(id));
            CREATE TABLE tags(id TEXT PRIMARY KEY, name TEXT);
            CREATE TABLE memory_tags(memory_id INTEGER, tag_id TEXT,
              PRIMARY KEY(memory_id, tag_id)) WITHOUT ROWID;
            INSERT INTO collections VALUES(1, 'Alps'), (2, 'Sea');
            INSERT INTO tags VALUES('a', 'snow'), ('b', 'boats');
            INSERT INTO memories VALUES(1, 'one', 5, 1), (2, 'two', 5, 2), (3, 'three', 1, 1),
              (4, 'nowhere', 5, NULL);
            INSERT INTO memory_tags VALUES(1, 'a'), (2, 'b'), (3, 'a'), (3, 'b');""")
    db.close()
    place.repository(app=live)
    config = place.work / "perdure.toml"
    config.write_text(config.read_text() + '''
[source.app.records.memory]
table = "memories"
title = "title"
collection = "collection_id -> collections.name"
tags = "memory_tags(memory_id, tag_id) -> tags.name"
''')

    def edit(sql):
        connection = sqlite3.connect(live)
        with connection:
            connection.executescript(sql)
        connection.close()

    def found(condition):
        ran = place.good("backup", "find", "--where", condition, "app:memory", "--json")
        return {e["id"]: e["snapshots"] for e in events(ran, "found")}
    place.good("backup")
    edit("UPDATE collections SET name = 'Mountains' WHERE id = 1")  # no memory changed
    place.good("backup")
    edit("DELETE FROM memory_tags WHERE memory_id = 3; UPDATE memories SET rating = 2 "
         "WHERE id = 3; INSERT INTO memory_tags VALUES(4, 'a')")
    place.good("backup")
    assert found("collection = 'Alps'") == {"1": 1, "3": 1}, found("collection = 'Alps'")
    assert found("collection = 'Mountains' and rating = 5") == {"1": 2}
    assert found("tags contains 'snow'") == {"1": 3, "3": 2, "4": 1}
    assert found("tags contains 'boats' and collection = 'Sea'") == {"2": 3}
    assert found("collection = 'Sea' or rating = 2") == {"2": 3, "3": 1}
    assert found("not tags contains 'snow' and rating = 5") == {"2": 3, "4": 2}
    ran = place.run("backup", "find", "--where", "project = 'x'", "app:memory")
    assert ran.code == 2 and "no mapping" in ran.err, ran


stage.main(globals())
