#!/usr/bin/env python3
"""Restores over live data: a database in use stays, and no log is played back into another one."""
import contextlib
import json
import os
import shutil
import sqlite3

import stage

NOBODY = 65534


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


def add_at_rest(path, count):
    with contextlib.closing(connect(path)) as database:
        add(database, count)


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


def claim_no_source_is_restored_into_a_repository_that_bears_its_name(place):
    place.write("tree/config", "what would be taken for the repository's\n")
    place.repository(backups="tree")
    place.good("backup")
    into_parent(place, code=2)
    place.good("restore", "latest", "backups/config", "--to", place.work, code=2)
    place.good("restore", "plan", "latest", "--to", place.work, code=2)
    place.good("repo", "check")


def changed_and_crashed(place):
    """A database whose snapshot has no log, and which a crash left with one since."""
    path = place.work / "data/app.db"
    database = connect(path)
    add(database, 5)
    database.close()
    place.write("data/one.txt", "one\n")
    place.repository(data="data")
    place.good("backup")
    database = connect(path)
    add(database, 400)
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    add(database, 300, "y" * 300)
    crash(database, path)
    place.write("data/one.txt", "two\n")
    return path


def claim_no_database_comes_beside_a_log_of_another_time(place):
    path = changed_and_crashed(place)
    words = ["restore", "latest", "data", "--to", "live", "--merge-strategy", "overwrite",
             "--confirm", "data"]
    for more in ([], ["--delete"]):
        planned = place.good("restore", "plan", "latest", "data", "--merge-strategy", "overwrite",
                             *more, code=3)
        assert "app.db-wal" in planned.out + planned.err, planned
        place.write("data/one.txt", "two\n")
        ran = place.good(*words, *more, "--json", code=3)
        told = problems(ran)
        assert "sqlite3 app.db" in told["data/app.db"], ran
        assert (place.work / "data/one.txt").read_text() == "one\n", "the rest comes back"
    crashed = {name: path.with_name(path.name + name).read_bytes() for name in ("", "-wal")}
    ran = into_parent(place, code=3)
    assert "sqlite3 app.db" in problems(ran)["data: app.db"], ran
    assert crashed == {name: path.with_name(path.name + name).read_bytes() for name in crashed}
    assert rows(path) == 705, "as the message says, this tidies up"
    place.good(*words)
    assert rows(path) == 5
    # What went, its log did not: likewise where there is nothing to replace.
    for name, content in crashed.items():
        path.with_name(path.name + name).write_bytes(content)
    path.unlink()
    ran = place.good(*words, "--json", code=3)
    assert "data/app.db" in problems(ran) and not path.exists(), ran
    into_parent(place, code=3)
    assert not path.exists()
    path.with_name("app.db-wal").unlink()
    place.good(*words)
    assert rows(path) == 5


def claim_a_log_that_was_chosen_alone_stays_out(place):
    """The snapshot has a database with its log; the live one is at rest, and another by now."""
    path = place.work / "data/app.db"
    database = connect(path)
    add(database, 5)
    place.write("data/app.db.txt", "x\n")
    place.repository(data="data")
    place.good("backup", code=3)
    add(database, 400)
    database.close()
    add_at_rest(path, 100)
    assert rows(path) == 505 and not path.with_name("app.db-wal").exists()
    for strategy in ("overwrite", "keep-newer"):
        words = ["data/app.db-wal", "--to", "live", "--merge-strategy", strategy]
        place.good("restore", "plan", "latest", "data/app.db-wal", "--merge-strategy", strategy,
                   code=3)
        ran = place.good("restore", "latest", *words, "--confirm", "data", "--json", code=3)
        assert "data/app.db-wal" in problems(ran), ran
        assert rows(path) == 505
    ran = into_parent(place, "data/app.db-wal", code=3)
    assert "data: app.db-wal" in problems(ran), ran
    assert rows(path) == 505
    # With its database it belongs to what comes back.
    place.good("restore", "latest", "data", "--to", "live", "--merge-strategy", "overwrite",
               "--confirm", "data")
    assert rows(path) == 5
    # And a person who declines the database leaves out its log.
    add_at_rest(path, 100)
    assert rows(path) == 105
    plan = place.good("restore", "plan", "latest", "data", "--merge-strategy", "overwrite",
                      "--json").summary["plan"]
    ran = place.good("restore", "apply", plan, "--confirm", "data", "--override",
                     "data/app.db=skip", "--json", code=3)
    assert "data/app.db-wal" in problems(ran), ran
    assert rows(path) == 105


def claim_an_undo_of_a_database_with_its_log_brings_both_back(place):
    path = place.work / "data/app.db"
    database = connect(path)
    add(database, 5)
    place.repository(data="data")
    place.good("backup", code=3)
    add(database, 400)
    database.close()
    run = place.good("restore", "latest", "data", "--to", "live", "--merge-strategy", "overwrite",
                     "--confirm", "data", "--json").summary["run"]
    assert path.with_name("app.db-wal").exists()
    place.good("restore", "undo", run, "--confirm", "data")
    assert not path.with_name("app.db-wal").exists() and rows(path) == 405


def claim_an_undo_that_cannot_set_an_owner_says_so_and_brings_the_file_back(place):
    if os.geteuid() != 0:
        raise stage.Skip("needs root, to run as somebody else")

    def as_nobody(*words, code=0):
        process = place.start(*words, user=NOBODY, group=NOBODY, extra_groups=[])
        out, err = process.communicate(timeout=300 * stage.PATIENCE)
        ran = stage.Ran(process.returncode, out.decode(errors="replace"),
                        err.decode(errors="replace"))
        assert ran.code == code, f"{words}: wanted {code}\n{ran}"
        return ran

    for name in ("a", "b"):
        place.write(f"tree/{name}", "then\n")
    place.repository(s="tree")
    for path in [place.folder, *place.folder.rglob("*")]:
        os.chown(path, NOBODY, NOBODY)
    as_nobody("backup")
    for name in ("a", "b"):
        (place.work / "tree" / name).write_text("now\n")
    os.chown(place.work / "tree/a", 0, 0)  # whoever the folder belongs to may replace it
    run = as_nobody("restore", "latest", "s", "--to", "live", "--merge-strategy", "overwrite",
                    "--confirm", "s", "--json").summary["run"]
    assert (place.work / "tree/a").read_text() == "then\n"
    ran = as_nobody("restore", "undo", run, "--confirm", "s", "--json", code=3)
    assert "owner" in problems(ran)["s/a"], ran
    assert (ran.summary["back"], ran.summary["kept"]) == (2, 0), ran
    for name in ("a", "b"):
        assert (place.work / "tree" / name).read_text() == "now\n"


def claim_an_undo_whose_snapshot_is_damaged_says_what_it_can_do(place):
    for name in ("a", "b"):
        place.write(f"tree/{name}", "then\n")
    place.repository(s="tree")
    place.good("backup")
    now = {"a": os.urandom(12_000_000), "b": b"now\n"}
    for name, content in now.items():
        place.write(f"tree/{name}", content)
    before = set(place.work.glob("backups/pack/d/*"))
    run = place.good("restore", "latest", "s", "--to", "live", "--merge-strategy", "overwrite",
                     "--confirm", "s", "--json").summary["run"]
    pack = max(set(place.work.glob("backups/pack/d/*")) - before, key=lambda p: p.stat().st_size)
    content = bytearray(pack.read_bytes())
    content[1_000_000:4_000_000] = bytes(3_000_000)  # more than its parity mends
    pack.write_bytes(content)
    ran = place.good("restore", "undo", run, "--confirm", "s", "--json", code=14)
    assert "--partly" in json.dumps(ran.events), ran
    assert (place.work / "tree/b").read_bytes() == b"then\n"
    ran = place.good("restore", "undo", run, "--partly", "--confirm", "s", "--json", code=3)
    assert (ran.summary["back"], ran.summary["kept"]) == (1, 1), ran
    assert (place.work / "tree/a").read_bytes() == b"then\n"
    assert (place.work / "tree/b").read_bytes() == b"now\n"


stage.main(globals())
