#!/usr/bin/env python3
"""Killed at any step, or out of space from any step on, a restore in place leaves before or after,
and so does its undo: rows in a database, files in a folder, a whole database that is swapped. The
next command puts right what was left, nothing of ours stays behind, and the same command works.

PERDURE_FAULT_CASES=n tries so many steps of each (5 by default), 0 tries every one.
PERDURE_SEED=n shifts the steps that are tried and the moments of the real kills.
"""
import contextlib
import os
import random
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "scenario"))
import stage  # noqa: E402

CASES = int(os.environ.get("PERDURE_FAULT_CASES", "5"))
DICE = random.Random(int(os.environ.get("PERDURE_SEED", "1")))
CONFIRM = ("--confirm", "app,www")


class World:
    """An application with a database and a folder, damaged since its backup, and a plan."""

    def __init__(self, place, swap=False):
        self.place, self.swap = place, swap
        self.database, self.folder = place.work / "app.db", place.work / "www"
        self.fill()
        place.repository(app=self.database, www=self.folder)
        place.good("backup")
        self.wanted = self.state()
        self.damage()
        self.before = self.state()
        more = ("--swap",) if swap else ()
        place.good("restore", "plan", "latest", *more, "--delete", "--merge-strategy", "overwrite",
                   "-o", "plan.json")
        self.after = self.wanted
        self.saved = place.folder / "saved"
        self.keep()

    def fill(self):
        (self.folder / "deep").mkdir(parents=True)
        for number in range(3):
            (self.folder / f"{number}.txt").write_text(f"then {number}\n")
        (self.folder / "deep" / "x.txt").write_text("deep\n")
        os.link(self.folder / "2.txt", self.folder / "second.txt")
        with contextlib.closing(sqlite3.connect(self.database)) as db, db:
            db.execute("CREATE TABLE note(id INTEGER PRIMARY KEY, text TEXT UNIQUE)")
            db.executemany("INSERT INTO note VALUES(?, ?)", [(i, f"n{i}") for i in range(300)])

    def damage(self):
        with contextlib.closing(sqlite3.connect(self.database)) as db, db:
            db.execute("DELETE FROM note WHERE id < 10")
            db.execute("UPDATE note SET text = 'x' || text WHERE id > 200")
            db.execute("INSERT INTO note VALUES(1000, 'later')")
        (self.folder / "0.txt").write_text("spoilt\n")
        (self.folder / "1.txt").unlink()
        (self.folder / "second.txt").unlink()
        (self.folder / "new.txt").write_text("of today\n")
        shutil.rmtree(self.folder / "deep")

    def state(self):
        rows = "gone"
        if self.database.exists():
            with contextlib.closing(sqlite3.connect(self.database)) as db:
                rows = db.execute("SELECT * FROM note ORDER BY id").fetchall()
                assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        files = {str(path.relative_to(self.folder)): path.read_text() if path.is_file() else None
                 for path in self.folder.rglob("*")}
        return rows, files

    def left_behind(self):
        return [path.name for folder in (self.folder, self.place.work)
                for path in folder.iterdir() if path.name.startswith(".perdure")]

    def keep(self):
        shutil.rmtree(self.saved, ignore_errors=True)
        for name in ("work", "state"):
            shutil.copytree(self.place.folder / name, self.saved / name, symlinks=True)

    def renew(self):
        for name in ("work", "state"):
            shutil.rmtree(self.place.folder / name, ignore_errors=True)
            shutil.copytree(self.saved / name, self.place.folder / name, symlinks=True)
        # Copying makes a file of each name.
        shutil.rmtree(self.place.folder / "cache", ignore_errors=True)

    def apply(self):
        return ("restore", "apply", "plan.json", *CONFIRM)

    def undo(self):
        """A fresh restore, to be undone: an undo knows files by their inodes."""
        run = self.place.good(*self.apply(), "--json").summary["run"]
        return ("restore", "undo", run, *CONFIRM)


@contextlib.contextmanager
def environment(place, **values):
    place.environment.update(values)
    yield
    for name in values:
        del place.environment[name]


def settled(world, command, ends, what):
    """One of the two ends, nothing left over, and the command works from where it is."""
    # Any later restore command puts it right; one that is refused for want of a run does too.
    ran = world.place.run("restore", "undo", "4711", "--dry-run")
    now = world.state()
    assert now in ends, (f"{what}: {now[1]} is a mixture, after\n{ran}\n"
                         f"{now}\nneither of\n{ends[0]}\n{ends[1]}")
    left = world.left_behind()
    assert not left, f"{what}: {left} was left behind"
    if now == ends[0]:
        world.place.good(*command)
        assert world.state() == ends[1], f"{what}: the next run"


def steps_of(world, prepare):
    world.renew()
    command = prepare()
    count = world.place.folder / "count"
    with environment(world.place, PERDURE_CRASH_COUNT=str(count)):
        world.place.good(*command)
    return int(count.read_text())


def chosen(steps):
    if CASES == 0:
        return list(range(1, steps + 1))
    stride = max(1, steps // CASES)
    return list(range(1 + DICE.randrange(stride), steps + 1, stride))


def every_step(world, prepare, ends):
    steps = steps_of(world, prepare)
    met = {"PERDURE_CRASH_AT": 0, "PERDURE_FULL_AT": 0}
    for variable in met:
        for step in chosen(steps):
            world.renew()
            command = prepare()
            what = f"{command[1]}, {variable}={step} of {steps}"
            with environment(world.place, **{variable: str(step)}):
                ran = world.place.run(*command)
            if variable == "PERDURE_CRASH_AT":
                assert ran.code in (0, 3, 137), f"{what}: {ran}"
            elif ran.code not in (0, 3):
                assert ran.code == 1 and "error[" in ran.err, f"{what}: no clear error: {ran}"
                assert "space" in ran.err, f"{what}: {ran}"
            met[variable] += ran.code not in (0, 3)
            settled(world, command, ends, what)
    print(f"       {steps} steps; {met['PERDURE_CRASH_AT']} crashes, {met['PERDURE_FULL_AT']} "
          f"full disks", flush=True)
    assert all(count >= 3 for count in met.values()), met


def claim_a_restore_survives_every_step(place):
    world = World(place)
    every_step(world, world.apply, (world.before, world.after))


def claim_an_undo_survives_every_step(place):
    world = World(place)
    every_step(world, world.undo, (world.after, world.before))


def claim_a_swap_survives_every_step(place):
    world = World(place, swap=True)
    every_step(world, world.apply, (world.before, world.after))


def claim_the_undo_of_a_swap_survives_every_step(place):
    world = World(place, swap=True)
    every_step(world, world.undo, (world.after, world.before))


def claim_real_kills_at_any_moment_leave_before_or_after(place):
    """SIGKILL, also while SQLite or the kernel is at work, where no step is announced."""
    worlds = [World(place)]
    rounds = max(4, CASES * 2) if CASES else 100
    killed = 0
    for turn in range(rounds):
        world = worlds[0]
        world.renew()
        undoing = turn % 2 == 1
        command = world.undo() if undoing else world.apply()
        ends = (world.after, world.before) if undoing else (world.before, world.after)
        began = time.monotonic()
        if turn < 2:
            world.place.good(*command)
            usual = time.monotonic() - began
            continue
        process = place.start(*command)
        time.sleep(DICE.uniform(0, usual))
        killed += process.poll() is None
        process.send_signal(signal.SIGKILL)
        process.communicate()
        settled(world, command, ends, f"killed in round {turn}")
    print(f"       {killed} of {rounds - 2} were running when they were killed", flush=True)
    assert killed > 0


HALF_A_COMMIT = """
import os, sqlite3, sys
db = sqlite3.connect(sys.argv[1], isolation_level=None)
db.execute("PRAGMA cache_size = 1")
db.execute("BEGIN IMMEDIATE")
db.execute("UPDATE note SET text = 'half' || text")
rows = [(5000 + i, str(i) + "z" * 1000) for i in range(500)]
db.executemany("INSERT INTO note VALUES(?, ?)", rows)
os._exit(0)
"""


def claim_a_commit_that_was_killed_half_way_is_rolled_back_first(place):
    """A hot journal, which no read-only connection may roll back, leaves no mixture."""
    world = World(place)
    ends, steps = (world.before, world.after), steps_of(world, world.apply)
    for step in range(steps // 3, steps, max(1, steps // 12)):
        world.renew()
        with environment(world.place, PERDURE_CRASH_AT=str(step)):
            ran = place.run(*world.apply())
        assert ran.code == 137, ran
        subprocess.run([sys.executable, "-c", HALF_A_COMMIT, world.database], check=True)
        journal = world.database.with_name(world.database.name + "-journal")
        assert journal.stat().st_size > 512, "the fixture left no hot journal"
        settled(world, world.apply(), ends, f"a hot journal after step {step} of {steps}")


def claim_a_disk_that_is_really_full_leaves_before_or_after(place):
    """A limit on the size of any file stops SQLite's own writes, of which no step tells."""
    world = World(place)
    with contextlib.closing(sqlite3.connect(world.database)) as db, db:
        db.execute("CREATE TABLE large(id INTEGER PRIMARY KEY, body TEXT)")
        db.executemany("INSERT INTO large VALUES(?, ?)", [(i, "y" * 2000) for i in range(400)])
    place.good("backup")
    size = world.database.stat().st_size
    with contextlib.closing(sqlite3.connect(world.database)) as db:
        db.execute("DELETE FROM large")
        db.commit()
        db.execute("VACUUM")
    place.good("restore", "plan", "latest", "--delete", "--merge-strategy", "overwrite", "-o",
               "plan.json")
    world.keep()

    def large():
        with contextlib.closing(sqlite3.connect(world.database)) as db:
            return db.execute("SELECT count(*) FROM large").fetchone()[0]
    refused = 0
    for share in (0.15, 0.3, 0.5, 0.7, 0.9):
        world.renew()
        limit = int(size * share)

        def limited():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
        process = place.start(*world.apply(), preexec_fn=limited)
        _, err = process.communicate(timeout=300 * stage.PATIENCE)
        refused += process.returncode not in (0, 3)
        # SQLite calls a refused write an I/O error (13) where the system does not say "full".
        assert process.returncode in (0, 1, 3, 13), (process.returncode, err)
        assert process.returncode in (0, 3) or b"error[" in err, err
        place.run("restore", "undo", "4711", "--dry-run")
        assert large() in (0, 400) and not world.left_behind(), (large(), world.left_behind())
        if large() == 0:
            place.good(*world.apply())
        assert large() == 400
    assert refused >= 2, refused


def claim_what_cannot_be_taken_back_after_a_crash_is_told_and_bars_nothing(place):
    """Killed between the commits of two databases; then the application wrote on."""
    names = ("a", "b")

    def change(name, *statements):
        with contextlib.closing(sqlite3.connect(place.work / f"{name}.db")) as db, db:
            for statement in statements:
                db.execute(statement)

    def users(name):
        with contextlib.closing(sqlite3.connect(place.work / f"{name}.db")) as db:
            return db.execute("SELECT id, name FROM users ORDER BY id").fetchall()
    for name in names:
        change(name, "CREATE TABLE users(id INTEGER PRIMARY KEY, name UNIQUE)",
               "CREATE TABLE notes(id INTEGER PRIMARY KEY, u REFERENCES users(id))",
               "INSERT INTO users VALUES(1, 'Ann'), (2, 'Bob')")
    place.repository(a="a.db", b="b.db")
    place.good("backup")
    for name in names:
        change(name, "DELETE FROM users WHERE id = 1", "UPDATE users SET name = 'x'")
    place.good("restore", "plan", "latest", "--merge-strategy", "overwrite", "-o", "plan.json")
    apply = ("restore", "apply", "plan.json", "--confirm", "a,b")
    saved = place.folder / "saved"
    for folder in ("work", "state"):
        shutil.copytree(place.folder / folder, saved / folder)

    def renew():
        for folder in ("work", "state"):
            shutil.rmtree(place.folder / folder)
            shutil.copytree(saved / folder, place.folder / folder)
    count = place.folder / "count"
    with environment(place, PERDURE_CRASH_COUNT=str(count)):
        place.good(*apply)

    def crash():
        """Leaves one database as it was in the snapshot, the other as it was before. Few steps lie
        between, and threads count theirs among them: a step may be passed over once."""
        last = int(count.read_text())
        for step in [*range(last, 0, -1)] * 6:
            renew()
            with environment(place, PERDURE_CRASH_AT=str(step)):
                place.run(*apply)
            if users("a") != users("b"):
                return
        raise AssertionError("no step lies between the commits")
    crash()
    change("a", "INSERT INTO notes VALUES(1, 1)")  # Ann, who would go again, is referred to
    ran = place.run("restore", "undo", "4711", "--dry-run")
    assert ran.code == 2 and "what somebody changed since: a:users/1" in ran.err, ran
    assert users("a") == [(1, "Ann"), (2, "x")] and users("b") == [(2, "x")]
    crash()
    change("a", "INSERT INTO users VALUES(3, 'x')")  # and now Bob cannot be called x again
    ran = place.run("restore", "undo", "4711", "--dry-run")
    assert ran.code == 2 and "all of a, since" in ran.err and "is in snapshot" in ran.err, ran
    assert users("a") == [(1, "Ann"), (2, "Bob"), (3, "x")]
    ran = place.run(*apply)
    assert ran.code == 15 and "stale" in ran.err and "interrupted" not in ran.err, ran
    place.good("restore", "latest", "--to", "live", "--merge-strategy", "overwrite", "--confirm",
               "a,b")


stage.main(globals())
