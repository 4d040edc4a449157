#!/usr/bin/env python3
"""What a killed restore in place leaves among the live data comes into no backup, and goes."""
import sqlite3
import time

import stage

OVERWRITE = ("--to", "live", "--merge-strategy", "overwrite", "--confirm", "s")


def killed(place, wanted, begun):
    """Kills restores as soon as `begun` until one leaves its stage behind; its run and state."""
    folder = place.work / "tree"
    for attempt in range(60):
        for number in range(300):
            (folder / f"f{number}").write_text(f"changed {attempt} {number}\n")
        process = place.start("restore", "old", *OVERWRITE)
        until = time.monotonic() + 60
        while process.poll() is None and time.monotonic() < until and not begun():
            time.sleep(0.0005)
        process.kill()
        process.communicate()
        runs = place.good("restore", "undo", "--json").summary["runs"]
        if list(folder.glob(".perdure-restore-*")) and runs and runs[0]["state"] in wanted:
            return runs[0]["run"], runs[0]["state"]
    raise AssertionError("no restore could be killed in time")


def prepare(place):
    folder = place.work / "tree"
    folder.mkdir()
    for number in range(300):
        (folder / f"f{number}").write_text(f"old {number}\n")
    place.repository(s="tree")
    place.good("backup", "--tag", "old")
    return folder


def claim_a_backup_takes_away_what_a_killed_restore_had_prepared(place):
    folder = prepare(place)
    run, _ = killed(place, ("preparing",), lambda: list(folder.glob(".perdure-restore-*/1*")))
    place.good("backup")
    assert not list(folder.glob(".perdure*")), "still there"
    assert ".perdure" not in place.good("backup", "show", "latest", "--files").out
    ran = place.good("restore", "undo", run, "--confirm", "s", code=2)
    assert "no restore run" in ran.err, ran
    run, _ = killed(place, ("preparing",), lambda: list(folder.glob(".perdure-restore-*/1*")))
    ran = place.good("restore", "undo", run, "--confirm", "s", code=15)
    assert "before it changed anything" in ran.err, ran
    assert not list(folder.glob(".perdure*")), "still there"


def claim_a_backup_names_a_restore_that_was_killed_half_way(place):
    folder = prepare(place)
    run, state = killed(place, ("prepared", "done"),
                        lambda: any((folder / name).read_text().startswith("old")
                                    for name in ("f0", "f299", "f150")))
    if state == "done":
        place.good("backup")
        assert ".perdure" not in place.good("backup", "show", "latest", "--files").out
        return
    ran = place.good("backup", code=3)
    assert f"perdure restore undo {run}" in ran.err, ran
    place.run("restore", "undo", run)
    assert not list(folder.glob(".perdure*")), "still there"
    place.good("backup")
    assert ".perdure" not in place.good("backup", "show", "latest", "--files").out


def claim_a_database_that_a_killed_restore_had_begun_goes_with_the_next_one(place):
    """It holds everybody's rows, unencrypted."""
    with sqlite3.connect(place.work / "app.db") as database:
        database.execute("CREATE TABLE t(a, b)")
        database.executemany("INSERT INTO t VALUES(?, ?)",
                             ((i, "x" * 50 + str(i)) for i in range(200_000)))
    database.close()
    place.repository(app="app.db")
    place.good("backup")
    back = place.folder / "back"
    for _ in range(20):
        process = place.start("restore", "latest", "--to", back, "--confirm", "back")
        until = time.monotonic() + 60
        while process.poll() is None and time.monotonic() < until \
                and not list(back.glob("app/.perdure-*")):
            time.sleep(0.0005)
        process.kill()
        process.communicate()
        if list(back.glob("app/.perdure-*")):
            break
    else:
        raise AssertionError("no restore could be killed in time")
    place.good("restore", "latest", "--to", back, "--confirm", "back")
    assert [path.name for path in (back / "app").iterdir()] == ["app.db"]


def claim_no_restore_of_a_database_takes_from_those_that_run_below_it(place):
    """Who restores files into a folder has claimed that one, and none above."""
    sqlite3.connect(place.work / "app.db").execute("CREATE TABLE t(a)").connection.close()
    place.repository(app="app.db")
    place.good("backup")
    below = place.folder / "back/app/photos"
    below.mkdir(parents=True)
    (below / ".perdure-0123456789abcdef-7").write_text("on its way")
    (below.parent / ".perdure-0123456789abcdef-0").write_text("of one that was killed")
    place.good("restore", "latest", "--to", place.folder / "back", "--confirm", "back")
    assert (below / ".perdure-0123456789abcdef-7").exists()
    assert sorted(path.name for path in below.parent.iterdir()) == ["app.db", "photos"]


stage.main(globals())
