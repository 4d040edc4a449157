#!/usr/bin/env python3
"""A database that is broken where a backup does not need to look is no green backup."""
import sqlite3

import stage


def with_index(place, rows=3000):
    database = sqlite3.connect(place.work / "app.db")
    database.execute("CREATE TABLE note(id INTEGER PRIMARY KEY, text)")
    database.execute("CREATE INDEX by_text ON note(text)")
    database.executemany("INSERT INTO note VALUES(?, ?)",
                         [(i, f"note {i} " * 10) for i in range(rows)])
    database.commit()
    root = database.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'by_text'").fetchone()
    database.close()
    return root[0]


def spoil_index(place, root):
    path = place.work / "app.db"
    whole = bytearray(path.read_bytes())
    page = bytes(whole[(root - 1) * 4096:root * 4096])
    whole[(root - 1) * 4096:root * 4096] = b"\xa5" * 4096
    path.write_bytes(bytes(whole))
    return page


def spoil_value(place):
    """A letter of an indexed text: the row reads well, and the index tells another."""
    path = place.work / "app.db"
    whole = path.read_bytes()
    at = whole.index(b"note 77 note 77")
    path.write_bytes(whole[:at] + b"nOte" + whole[at + 4:])


def claim_a_database_that_is_damaged_already_is_kept_and_named(place):
    root = with_index(place)
    place.repository(app="app.db")
    place.good("backup")
    spoil_index(place, root)
    ran = place.good("backup", "--type", "full", code=3)
    assert "app.db" in ran.err and "damaged" in ran.err, ran
    assert "***" not in ran.err and "\\x0a" not in ran.err, ran
    back = place.good("restore", "latest", "--to", place.folder / "back")
    copy = sqlite3.connect(place.folder / "back/app/app.db")
    assert copy.execute("SELECT count(*) FROM note").fetchone() == (3000,), back
    assert copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    copy.close()


def claim_a_changed_database_is_looked_at_and_one_that_stayed_damaged_stays_told(place):
    root = with_index(place)
    place.repository(app="app.db")
    place.good("backup")
    database = sqlite3.connect(place.work / "app.db")
    database.execute("CREATE TABLE other(x)")
    database.execute("INSERT INTO other VALUES(1)")
    database.commit()
    database.close()
    page = spoil_index(place, root)
    for _ in range(2):
        ran = place.good("backup", code=3)
        assert "damaged" in ran.err, ran
    drill = place.good("restore", "drill")
    assert "not judged" in drill.err and "damaged when it was backed up" in drill.err, drill
    with (place.work / "app.db").open("r+b") as file:
        file.seek((root - 1) * 4096)
        file.write(page)
    place.good("backup")
    assert "damaged" not in place.good("restore", "drill").err


def claim_a_drill_compares_the_live_indexes_with_their_tables(place):
    with_index(place)
    place.repository(app="app.db")
    spoil_value(place)
    place.good("backup")  # every page is right, and every row can be read
    drill = place.good("restore", "drill")
    assert "the live database is damaged" in drill.err and "by_text" in drill.err, drill


def claim_a_database_with_two_rows_of_one_key_is_left_out_and_keeps_no_other(place):
    """Damage that shows only when its rows are sorted: SQLite reads both without a word."""
    database = sqlite3.connect(place.work / "app.db")
    database.execute("CREATE TABLE t(k TEXT PRIMARY KEY, v) WITHOUT ROWID")
    database.executemany("INSERT INTO t VALUES(?, ?)", [(f"key {i:04}", i) for i in range(50)])
    database.commit()
    database.close()
    path = place.work / "app.db"
    path.write_bytes(path.read_bytes().replace(b"key 0031", b"key 0030"))
    (place.work / "tree").mkdir()
    (place.work / "tree/note.txt").write_text("whole")
    place.repository(app="app.db", tree="tree")
    ran = place.good("backup", code=3)
    assert "app.db: it is damaged: two rows with one key in table t" in ran.err, ran
    assert ".recover" in ran.err, ran
    place.good("restore", "latest", "--to", place.folder / "back")
    assert (place.folder / "back/tree/note.txt").read_text() == "whole"


def claim_what_breaks_no_file_makes_no_backup_partial(place):
    """Faults of rows (a NULL, a check, a reference), and what only the application can judge."""
    database = sqlite3.connect(place.work / "app.db", isolation_level=None)
    database.create_collation("unicase",
                              lambda a, b: (a.lower() > b.lower()) - (a.lower() < b.lower()))
    database.create_function("appfn", 1, lambda x: x * 2, deterministic=True)
    for statement in (
            "CREATE TABLE a(id INTEGER PRIMARY KEY, v TEXT)",
            "INSERT INTO a(v) VALUES(NULL), ('x')",
            "PRAGMA writable_schema=ON",
            "UPDATE sqlite_schema SET sql = 'CREATE TABLE a(id INTEGER PRIMARY KEY, "
            "v TEXT NOT NULL CHECK(v <> ''x''))' WHERE name = 'a'", "PRAGMA writable_schema=RESET",
            "CREATE TABLE b(id INTEGER PRIMARY KEY, a REFERENCES a)",
            "INSERT INTO b VALUES(1, 99)",
            "CREATE TABLE c(n TEXT COLLATE unicase UNIQUE, v)",
            "INSERT INTO c VALUES('b', 1), ('A', 2), ('Z', 3), ('a2', 4)",
            "CREATE INDEX f ON c(appfn(v))",
            "CREATE TABLE d(n TEXT COLLATE unicase PRIMARY KEY) WITHOUT ROWID",
            "INSERT INTO d VALUES('b'), ('A'), ('Z'), ('a2')",
            "CREATE TABLE e(v, w AS (appfn(v)) STORED, CHECK(appfn(v) > 0))",
            "INSERT INTO e(v) VALUES(1)"):
        database.execute(statement)
    database.close()
    place.repository(app="app.db")
    place.good("backup")
    drill = place.run("restore", "drill")
    assert "damaged" not in drill.err, drill


def claim_a_look_that_takes_longer_than_the_storing_leaves_nothing_beside(place):
    """Few bytes to store, and forty indexes to look through, by a second connection."""
    path = place.work / "app.db"
    database = sqlite3.connect(path)
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("CREATE TABLE n(id INTEGER PRIMARY KEY, v)")
    database.executemany("INSERT INTO n VALUES(?, ?)", [(i, i) for i in range(30_000)])
    for i in range(40):
        database.execute(f"CREATE INDEX by_{i} ON n(v + {i})")
    database.commit()
    database.close()
    place.repository(app="app.db")
    before = sorted(place.work.iterdir())
    place.good("backup")
    assert sorted(place.work.iterdir()) == before


stage.main(globals())
