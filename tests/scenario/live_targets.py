#!/usr/bin/env python3
"""Restores over live data: a database in use stays, and no log is played back into another one."""
import contextlib
import shutil
import sqlite3

import stage



def connect(path, mode="WAL"):
    """An application that has the database open, and folds no log in by itself."""
    path.parent.mkdir(exist_ok=True)
    database = sqlite3.connect(path)
    database.execute(f"PRAGMA journal_mode = {mode}")
    database.execute("PRAGMA wal_autocheckpoint = 0")
    database.execute("CREATE TABLE IF NOT EXISTS note(id INTEGER PRIMARY KEY, text)")
    database.commit()
    return database


def add(database, count, text="x" * 300):
    database.executemany("INSERT INTO note(text) VALUES(?)", [(text,)] * count)
    database.commit()


def rows(path):
    with contextlib.closing(sqlite3.connect(path)) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        return database.execute("SELECT count(*) FROM note").fetchone()[0]


def crash(database, path):
    """Leaves what a crash does, and no shared memory (as another machine's copy has none)."""
    kept = [(name, path.with_name(path.name + name).read_bytes()) for name in ("", "-wal")]
    database.close()
    for name, content in kept:
        path.with_name(path.name + name).write_bytes(content)
    assert not path.with_name(path.name + "-shm").exists()


def problems(ran):
    return {event["path"]: event["message"] for event in ran.events if event["type"] == "problem"}


def into_parent(place, *selectors, code):
    return place.good("restore", "latest", *selectors, "--to", place.work, "--confirm",
                      place.work.name, "--json", code=code)


def claim_a_restore_over_a_database_in_use_leaves_it_and_names_it(place):
    """Into the folder above: the application would go on in a file without a name."""
    for mode in ("WAL", "DELETE"):  # without a log, nothing but its descriptor tells
        path = place.work / "data/app.db"
        database = connect(path, mode)
        add(database, 5)
        place.write("data/one.txt", "one\n")
        place.repository(data="data")
        place.run("backup")
        add(database, 500)
        place.write("data/one.txt", "two\n")
        ran = into_parent(place, code=3)
        assert "data: app.db" in problems(ran), ran
        assert (place.work / "data/one.txt").read_text() == "one\n", "the rest comes back"
        add(database, 1)
        assert database.execute("SELECT count(*) FROM note").fetchone() == (506,)
        database.close()
        assert rows(path) == 506, "what the application wrote is gone"
        ran = into_parent(place, code=0)
        assert rows(path) == 5, ran
        shutil.rmtree(place.work / "data")
        shutil.rmtree(place.work / "backups")


def claim_a_database_of_a_source_is_left_likewise_and_the_others_come_back(place):
    path = place.work / "app/app.db"
    database = connect(path, "DELETE")
    add(database, 5)
    place.write("data/one.txt", "one\n")
    place.repository(app="app/app.db", data="data")
    place.good("backup")
    add(database, 500)
    place.write("data/one.txt", "two\n")
    ran = into_parent(place, code=3)
    assert "app" in problems(ran), ran
    assert (place.work / "data/one.txt").read_text() == "one\n", ran
    ran = into_parent(place, "app", code=11)
    add(database, 1)
    database.close()
    assert rows(path) == 506, "what the application wrote is gone"
    into_parent(place, code=0)
    assert rows(path) == 5


def claim_a_restore_over_what_came_back_before_is_whole_again(place):
    """Three files of one database, of which none is in use."""
    database = connect(place.work / "data/app.db")
    add(database, 5)
    place.repository(data="data")
    place.good("backup", code=3)
    database.close()
    place.good("restore", "latest", "--to", place.folder / "back")
    for _ in range(2):
        ran = place.good("restore", "latest", "--to", place.folder / "back", "--confirm", "back",
                         "--json")
        assert not problems(ran), ran
    assert rows(place.folder / "back/data/app.db") == 5
    # Of a later state nothing is left beside them.
    later = connect(place.folder / "back/data/app.db")
    add(later, 700)
    crash(later, place.folder / "back/data/app.db")
    place.good("restore", "latest", "--to", place.folder / "back", "--confirm", "back")
    assert rows(place.folder / "back/data/app.db") == 5


stage.main(globals())
