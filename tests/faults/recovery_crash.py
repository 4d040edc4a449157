#!/usr/bin/env python3
"""Killed at any step, a restore into a database and a folder leaves before or after."""
import os
import shutil
import sqlite3
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "scenario"))
import stage  # noqa: E402

STEPS_MAX = int(os.environ.get("PERDURE_CRASH_CASES", "24"))


def world(place, *selectors):
    database, folder = place.work / "app.db", place.work / "www"
    folder.mkdir()
    for number in range(3):
        (folder / f"{number}.txt").write_text(f"then {number}\n")
    with sqlite3.connect(database) as db:
        db.execute("CREATE TABLE note(id INTEGER PRIMARY KEY, text TEXT UNIQUE)")
        db.executemany("INSERT INTO note VALUES(?, ?)", [(i, f"n{i}") for i in range(30)])
    db.close()
    place.repository(app=database, www=folder)
    place.good("backup")
    with sqlite3.connect(database) as db:
        db.execute("DELETE FROM note WHERE id < 10")
        db.execute("UPDATE note SET text = 'x' || text WHERE id > 20")
    db.close()
    (folder / "0.txt").write_text("spoilt\n")
    (folder / "1.txt").unlink()
    place.good("restore", "plan", "latest", *selectors, "--merge-strategy", "overwrite", "-o",
               "plan.json")


def state(place):
    db = sqlite3.connect(place.work / "app.db")
    rows = db.execute("SELECT * FROM note ORDER BY id").fetchall()
    assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    db.close()
    return rows, {path.name: path.read_text() for path in (place.work / "www").glob("*.txt")}


def kept(place, save):
    shutil.rmtree(save, ignore_errors=True)
    shutil.copytree(place.folder, save, symlinks=True,
                    ignore=lambda folder, names: ["save"] if folder == str(place.folder) else [])


def renewed(place, save):
    for name in ("work", "state", "cache"):
        shutil.rmtree(place.folder / name, ignore_errors=True)
        if (save / name).exists():
            shutil.copytree(save / name, place.folder / name, symlinks=True)


def everywhere(place, command, before, after):
    """Runs the command with a kill at every step; the next run must put it right."""
    save = place.folder / "save"
    kept(place, save)
    count = place.folder / "count"
    place.environment["PERDURE_CRASH_COUNT"] = str(count)
    place.good(*command)
    del place.environment["PERDURE_CRASH_COUNT"]
    steps = int(count.read_text())
    assert state(place) == after
    stride = max(1, steps // STEPS_MAX)
    killed = 0
    for step in range(1, steps + 1, stride):
        renewed(place, save)
        place.environment["PERDURE_CRASH_AT"] = str(step)
        ran = place.run(*command)
        del place.environment["PERDURE_CRASH_AT"]
        if ran.code == 137:
            killed += 1
        # Any later restore command settles it; one that is refused for want of a name does too.
        place.run("restore", "undo", "4711", "--dry-run")
        now = state(place)
        assert now in (before, after), f"killed at step {step} of {steps}: a mixture\n{now}"
        left = [p.name for p in (place.work / "www").iterdir() if p.name.startswith(".perdure")]
        assert not left, f"step {step}: {left} was left behind"
    assert killed > 5, f"only {killed} of {steps} steps killed it"
    renewed(place, save)


def claim_killed_at_any_step_a_restore_leaves_before_or_after(place):
    world(place)
    before = state(place)
    after = ([(i, f"n{i}") for i in range(30)], {f"{i}.txt": f"then {i}\n" for i in range(3)})
    everywhere(place, ("restore", "apply", "plan.json", "--confirm", "app,www"), before, after)


def claim_killed_at_any_step_an_undo_leaves_before_or_after(place):
    # The database alone: a copied folder has other inodes, which an undo takes for later changes.
    world(place, "app")
    before = state(place)
    run = place.good("restore", "apply", "plan.json", "--confirm", "app", "--json").summary["run"]
    after = state(place)
    everywhere(place, ("restore", "undo", run, "--confirm", "app"), after, before)


stage.main(globals())
