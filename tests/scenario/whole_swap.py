#!/usr/bin/env python3
"""A whole database takes the place of the live one in one step: only while nobody has that open,
with the state before kept, and undone again unless that would lose later work."""
import os
import shutil
import sqlite3

import stage


def application(place, mode="WAL", table="note"):
    path = place.work / "app.db"
    with sqlite3.connect(path) as db:
        db.execute(f"PRAGMA journal_mode = {mode}")
        db.execute(f"CREATE TABLE {table}(id INTEGER PRIMARY KEY, text TEXT UNIQUE)")
        db.executemany(f"INSERT INTO {table} VALUES(?, ?)", [(n, f"text {n}") for n in range(500)])
    db.close()
    os.chmod(path, 0o640)
    place.repository(app=path)
    place.good("backup")
    return path


def spoil(path):
    """Another schema, other rows: nothing that a merge could mend."""
    db = sqlite3.connect(path)
    with db:
        db.executescript("DROP TABLE note; CREATE TABLE other(x); INSERT INTO other VALUES('o');"
                         "CREATE TABLE note(id TEXT PRIMARY KEY, body BLOB) WITHOUT ROWID;"
                         "INSERT INTO note VALUES('a', x'00');")
    db.close()


def alone(path):
    """No log, no stage and no temporary file lies beside the database."""
    left = [p.name for p in path.parent.iterdir() if p.name.startswith((".perdure", path.name))]
    assert left == [path.name], left


def swap(place, *more, code=0):
    return place.good("restore", "latest", "app", "--to", "live", "--swap", "--confirm", "app",
                      *more, code=code)


def both_ways(place, mode):
    path = application(place, mode)
    wanted = stage.sqlite_dump(path)
    spoil(path)
    before = stage.sqlite_dump(path)
    for leftover in ("-wal", "-shm"):
        (path.parent / (path.name + leftover)).unlink(missing_ok=True)
    text = place.good("restore", "plan", "latest", "app", "--swap", "-o", "plan.json").out
    assert "the whole database becomes the snapshot's" in text, text
    assert stage.sqlite_dump(path) == before, "a plan wrote"
    assert place.run("restore", "apply", "plan.json").code == 17
    run = place.good("restore", "apply", "plan.json", "--confirm", "app", "--json").summary
    assert stage.sqlite_dump(path) == wanted and path.stat().st_mode & 0o777 == 0o640
    for leftover in ("-wal", "-shm"):
        (path.parent / (path.name + leftover)).unlink(missing_ok=True)
    alone(path)
    undone = place.good("restore", "undo", run["run"], "--confirm", "app", "--json").summary
    assert stage.sqlite_dump(path) == before, "the undo"
    place.good("restore", "undo", undone["run"], "--confirm", "app")
    assert stage.sqlite_dump(path) == wanted, "the undo of the undo"


def claim_a_database_with_a_log_is_replaced_and_comes_back(place):
    both_ways(place, "WAL")


def claim_a_database_without_a_log_is_replaced_and_comes_back(place):
    both_ways(place, "DELETE")


def claim_nothing_is_swapped_while_somebody_has_the_database_open(place):
    for mode in ("WAL", "DELETE"):
        path = application(place, mode)
        spoil(path)
        db = sqlite3.connect(path)
        db.execute("SELECT * FROM other").fetchall()  # idle: without a log it holds no lock
        before = stage.sqlite_dump(path), path.stat().st_ino
        ran = swap(place, code=11)
        assert "open" in ran.err and str(os.getpid()) in ran.err, ran
        assert (stage.sqlite_dump(path), path.stat().st_ino) == before
        db.execute("INSERT INTO other VALUES('after')")
        db.commit()
        db.close()
        assert not list(path.parent.glob(".perdure*")), "a stage was left behind"
        swap(place)
        shutil.rmtree(place.work)
        place.work.mkdir()


def claim_later_work_is_not_swapped_away(place):
    path = application(place)
    spoil(path)
    run = swap(place, "--json").summary["run"]
    db = sqlite3.connect(path)
    with db:
        db.execute("INSERT INTO note VALUES(1000, 'later')")
    db.close()
    ran = place.run("restore", "undo", run, "--confirm", "app")
    assert ran.code == 15 and "written to since" in ran.err and "restore plan" in ran.err, ran
    db = sqlite3.connect(path)
    assert db.execute("SELECT count(*) FROM note").fetchone() == (501,)
    db.close()


def claim_a_plan_is_stale_when_the_database_was_written_to(place):
    path = application(place)
    spoil(path)
    place.good("restore", "plan", "latest", "app", "--swap", "-o", "plan.json")
    db = sqlite3.connect(path)
    with db:
        db.execute("INSERT INTO other VALUES('more')")
    db.close()
    before = stage.sqlite_dump(path)
    ran = place.run("restore", "apply", "plan.json", "--confirm", "app")
    assert ran.code == 15 and "stale" in ran.err and stage.sqlite_dump(path) == before, ran


def claim_a_damaged_database_is_replaced_and_kept_beside(place):
    path = application(place, "DELETE")
    wanted = stage.sqlite_dump(path)
    damaged = b"no database at all" + path.read_bytes()[18:]
    path.write_bytes(damaged)
    text = place.good("restore", "plan", "latest", "app", "--swap").out
    assert "cannot be read" in text, text
    ran = swap(place, "--json")
    assert stage.sqlite_dump(path) == wanted
    beside = path.parent / f"app.db.before-restore-{ran.summary['run']}"
    assert beside.read_bytes() == damaged
    undo = place.run("restore", "undo", ran.summary["run"], "--confirm", "app")
    assert undo.code == 15 and beside.name in undo.err, undo


def claim_what_no_snapshot_can_take_stays_beside(place):
    path = application(place, "DELETE")
    config = place.work / "perdure.toml"
    plain = config.read_text()
    for more, spoiled in (('mask = { "note.text" = "drop" }\n', False),
                          ('[source.app.subjects]\ntable = "note"\nkey = "text"\n', True)):
        config.write_text(plain + more)
        place.good("backup")
        if spoiled:
            spoil(path)  # the mapping names a column that is gone
        before = stage.sqlite_dump(path)
        text = place.good("restore", "plan", "latest", "app", "--swap").out
        assert "stay beside" in text and "target's values stay\n" not in text, text
        ran = swap(place, "--json")
        beside = path.parent / f"app.db.before-restore-{ran.summary['run']}"
        assert stage.sqlite_dump(beside) == before, "masked values, or another schema, were lost"
        assert stage.sqlite_dump(path) != before
        undo = place.run("restore", "undo", ran.summary["run"], "--confirm", "app")
        assert undo.code == 15 and beside.name in undo.err, undo
        os.rename(beside, path)


def claim_a_database_that_is_gone_comes_back_and_goes_again(place):
    path = application(place)
    wanted = stage.sqlite_dump(path)
    for leftover in ("", "-wal", "-shm"):
        (path.parent / (path.name + leftover)).unlink(missing_ok=True)
    ran = place.run("restore", "latest", "app", "--to", "live", "--confirm", "app")
    assert ran.code != 0 and "--swap" in ran.err, ran
    run = swap(place, "--json").summary["run"]
    assert stage.sqlite_dump(path) == wanted
    place.good("restore", "undo", run, "--confirm", "app")
    assert not path.exists()


def claim_a_swap_says_what_it_did(place):
    spoil(application(place, "DELETE"))
    out = swap(place).out
    assert "✓ 1 whole database replaced; 1 read back and right" in out, out


def claim_only_whole_databases_are_swapped(place):
    application(place)
    for words in (["app:note/1"], ["app:note"], ["app", "--where", "id = '1'"]):
        ran = place.run("restore", "plan", "latest", *words, "--swap")
        assert ran.code == 2 and "--swap" in ran.err, ran


stage.main(globals())
