#!/usr/bin/env python3
"""What changed: `backup diff` says what an independent comparison by sqlite3 says."""
import collections
import os
import random
import shutil
import sqlite3

import chinook
import stage


def expected(before, after):
    """{(table, id, change): {field: (before, after)}}; NULL in a column of one side is none."""
    out = {}
    before, after = chinook.read(before), chinook.read(after)
    for table in before.keys() | after.keys():
        old = before.get(table, ((), {}))[1]
        new = after.get(table, ((), {}))[1]
        for key in old.keys() | new.keys():
            name = "/".join(map(str, key)) if isinstance(key, tuple) else str(key)
            if key not in new or key not in old:
                out[table, name, "added" if key in new else "removed"] = None
                continue
            a, b = old[key], new[key]
            fields = {f: (a.get(f), b.get(f)) for f in a.keys() | b.keys()
                      if (a.get(f), type(a.get(f))) != (b.get(f), type(b.get(f)))}
            if fields:
                out[table, name, "changed"] = fields
    return out


def told(events):
    out = {}
    for event in events:
        if event["type"] != "record_change":
            continue
        fields = {f["field"]: (f.get("before"), f.get("after")) for f in event["fields"]}
        changed = event["change"] == "changed"
        out[event["table"], event["id"], event["change"]] = fields if changed else None
    return out


def claim_ten_generations_of_chinook_differ_as_sqlite3_says(place):
    """Also over several generations at once, backwards, and for tables that were renamed."""
    versions = chinook.backed_up(place)
    pairs = [(n, n + 1) for n in range(len(versions) - 1)]
    pairs += [(0, len(versions) - 1), (len(versions) - 1, 0), (7, 4)]
    changes = 0
    for a, b in pairs:
        ran = place.good("backup", "diff", f"v{a}", f"v{b}", "--json")
        want, got = expected(versions[a], versions[b]), told(ran.events)
        assert got == want, (a, b, len(got), len(want), next(iter(set(got) ^ set(want)), None))
        changes += len(want)
        counts = collections.Counter(change for _, _, change in want)
        source = ran.summary["sources"][0]
        assert {k: source[k] for k in ("added", "removed", "changed")} == \
            {k: counts.get(k, 0) for k in ("added", "removed", "changed")}, source
    assert changes > 1000, "the generations do not differ: the test proves nothing"


def claim_random_edits_are_found_live_and_between_snapshots(place):
    """ldbc, edited at random: the same answer from two snapshots, from live, and from sqlite3."""
    source = stage.real_database("ldbc_snb_social/ldbc_snb.sqlite")
    live = place.work / "ldbc.db"
    shutil.copy(source, live)
    place.repository(app=live)
    place.good("backup", "--tag", "before")
    dice = random.Random(5)
    with sqlite3.connect(live) as connection:
        tables = [row[0] for row in connection.execute(
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'")]
        for table in tables:
            columns = [c[1] for c in connection.execute(f'PRAGMA table_info("{table}")')]
            rowids = [row[0] for row in connection.execute(f'SELECT rowid FROM "{table}"')]
            for rowid in dice.sample(rowids, min(len(rowids), 5)):
                column = dice.choice(columns[1:] or columns)
                connection.execute(f'UPDATE OR IGNORE "{table}" SET "{column}" = ? WHERE rowid = ?',
                                   (f"edited {dice.random()}", rowid))
            for rowid in dice.sample(rowids, min(len(rowids), 3)):
                connection.execute(f'DELETE FROM "{table}" WHERE rowid = ?', (rowid,))
    want = expected(source, live)
    assert len(want) > 20, want
    ran = place.good("backup", "diff", "before", "live", "--json")
    assert told(ran.events) == want, "live"
    place.good("backup", "--tag", "after")
    ran = place.good("backup", "diff", "before", "after", "--json")
    assert told(ran.events) == want, "between snapshots"
    assert place.good("backup", "diff", "after", "live", "--json").summary["differences"] == 0
    table = next(iter(want))[0]
    ran = place.good("backup", "diff", "before", "after", f'app:"{table}"', "--json")
    assert {key[0] for key in told(ran.events)} == {table}, "the selector took others"
    place.good("backup", "diff", "before", "after", "app:no_such_table", code=2)
    place.good("backup", "diff", "before", "nonsense", code=1)


def claim_files_are_compared_by_content_metadata_and_line(place):
    place.write("data/same.txt", "same\n")
    place.write("data/text.txt", "one\ntwo\nthree\n")
    place.write("data/gone/away.bin", os.urandom(5000))
    place.write("data/deep/er/mode.sh", "#!/bin/sh\n")
    place.repository(data="data")
    place.good("backup", "--tag", "a")
    place.write("data/text.txt", "one\n2\nthree\n")
    shutil.rmtree(place.work / "data" / "gone")
    place.write("data/fresh/new.bin", os.urandom(7000))
    os.chmod(place.work / "data/deep/er/mode.sh", 0o755)
    live = place.good("backup", "diff", "a", "live", "--text", "--json")
    place.good("backup", "--tag", "b")
    stored = place.good("backup", "diff", "a", "b", "--text", "--json")
    for ran in (live, stored):
        changes = {(e["path"], e["change"]): e for e in ran.events if e["type"] == "file_change"}
        assert set(changes) == {("text.txt", "changed"), ("gone", "removed"),
                                ("gone/away.bin", "removed"), ("fresh", "added"),
                                ("fresh/new.bin", "added"),
                                ("deep/er/mode.sh", "changed")}, changes.keys()
        text = changes["text.txt", "changed"]
        assert text["content"] and text["text"][0]["lines"] == [" one", "-two", "+2", " three"]
        mode = changes["deep/er/mode.sh", "changed"]
        assert not mode["content"] and mode["properties"] == ["mode"], mode
    people = place.good("backup", "diff", "a", "b", "--text").out
    assert "+2" in people and "0644 → 0755" in people, people
    only = place.good("backup", "diff", "a", "b", "data/deep", "--json")
    assert only.summary["differences"] == 1, only


def claim_names_that_command_are_only_names(place):
    """SQL metacharacters, line ends, escape codes and turned text in names and values."""
    live = place.work / "odd.db"
    place.repository(app=live)
    with sqlite3.connect(live) as connection:
        connection.execute('CREATE TABLE "a; DROP TABLE b; --" (id INTEGER PRIMARY KEY, '
                           '"c""\'`] " TEXT)')
        connection.execute('INSERT INTO "a; DROP TABLE b; --" VALUES (1, ?)', ("plain",))
    place.good("backup", "--tag", "a")
    with sqlite3.connect(live) as connection:
        connection.execute('UPDATE "a; DROP TABLE b; --" SET "c""\'`] " = ?',
                           ("\x1b[2J\u202eevil\n\x00tail\x9b",))
        connection.execute('CREATE TABLE "x\n\x1b[31m" (k TEXT PRIMARY KEY)')
        connection.execute('INSERT INTO "x\n\x1b[31m" VALUES (?)', ("\x1b[0m\u2066k",))
    place.good("backup", "--tag", "b")
    shown = place.good("backup", "diff", "a", "b").out
    assert not any(c in shown for c in "\x1b\u202e\x9b\u2066\x00"), repr(shown)
    ran = place.good("backup", "diff", "a", "b", "--json")
    changes = [e for e in ran.events if e["type"] == "record_change"]
    assert len(changes) == 2, changes
    assert changes[0]["fields"][0]["after"] == "\x1b[2J\u202eevil\n\x00tail\x9b"
    selector = 'app:"a; DROP TABLE b; --"/1'
    assert place.good("backup", "diff", "a", "b", selector, "--json").summary["differences"] == 1


def claim_long_differences_are_cut_and_say_so(place):
    live = place.work / "many.db"
    place.repository(app=live)
    with sqlite3.connect(live) as connection:
        connection.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, v)")
    place.good("backup", "--tag", "a")
    with sqlite3.connect(live) as connection:
        connection.executemany("INSERT INTO t VALUES (?, ?)", [(n, n) for n in range(1000)])
    place.good("backup", "--tag", "b")
    assert "and 980 more" in place.good("backup", "diff", "a", "b").out
    assert "and 995 more" in place.good("backup", "diff", "a", "b", "--limit", "5").out
    assert len(place.good("backup", "diff", "a", "b", "--limit", "0").out.splitlines()) > 1000


stage.main(globals())
