#!/usr/bin/env python3
"""What recovery costs on a million records: diff, find and restore plan beside their bars.

usage: bench/differences.py [--records N] [--changes N] [--snapshots N] [--people N] [--rounds N]

Prints a line a measurement: the best wall clock of so many rounds, the CPU time of that round and
the largest peak memory of the process. The last lines are the bars of docs/BENCHMARKS.md; exit 1
when one is missed. On a machine that others use, wall clock says little: look at the CPU time.
"""
import argparse
import json
import os
import pathlib
import random
import resource
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time

PROGRAM = os.environ.get("PERDURE_PROGRAM",
                         str(pathlib.Path(__file__).parents[1] / "build/release/perdure"))


class Measured:
    def __init__(self, seconds, cpu, megabytes, out):
        self.seconds, self.cpu, self.megabytes, self.out = seconds, cpu, megabytes, out

    @property
    def summary(self):
        return json.loads(self.out.splitlines()[-1])

    def __str__(self):
        return f"{self.seconds:.2f} s, {self.cpu:.2f} s CPU, {self.megabytes:.0f} MB"


def run(place, *words):
    began = time.monotonic()
    process = subprocess.Popen([PROGRAM, *map(str, words)], cwd=place, stdout=subprocess.PIPE,
                               env=dict(os.environ, XDG_STATE_HOME=str(place / "state"),
                                        XDG_CACHE_HOME=str(place / "cache")))
    out = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"perdure {' '.join(map(str, words))}: exit {process.returncode}")
    return Measured(time.monotonic() - began, usage.ru_utime + usage.ru_stime,
                    usage.ru_maxrss / 1024, out)


def best(place, rounds, *words):
    runs = [run(place, *words) for _ in range(rounds)]
    out = min(runs, key=lambda one: one.seconds)
    out.megabytes = max(one.megabytes for one in runs)
    return out


def fill(path, records, people):
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE person (id INTEGER PRIMARY KEY, name TEXT)")
        connection.execute("CREATE TABLE note (id INTEGER PRIMARY KEY, person_id INTEGER REFERENCES"
                           " person(id), title TEXT, body TEXT, rating INTEGER, created TEXT)")
        connection.executemany("INSERT INTO person VALUES (?, ?)",
                               ((n, f"person {n}") for n in range(people or 1)))
        dice = random.Random(1)
        words = "sea hill rain light stone bread road letter window summer".split()
        connection.executemany(
            "INSERT INTO note VALUES (?, ?, ?, ?, ?, '2026-01-01T00:00:00Z')",
            ((n, n % people if people else None, f"note {n}",
              " ".join(dice.choices(words, k=12)), n % 5) for n in range(records)))
    connection.close()


def change(path, sql):
    connection = sqlite3.connect(path)
    with connection:
        connection.execute(sql)
    connection.close()


def prepare(place, options):
    database = place / "app.db"
    fill(database, options.records, options.people)
    subjects = '[source.app.subjects]\ntable = "person"\nkey = "id"\n' if options.people else ""
    (place / "perdure.toml").write_text(
        'version = 1\n[repository.main]\ndestinations = ["disk"]\n'
        'key = { file = "perdure.key" }\n[destination.disk]\ntype = "local"\n'
        'path = "backups"\n[source.app]\ntype = "sqlite"\npath = "app.db"\n' + subjects +
        '[source.app.records.note]\ntable = "note"\ntitle = "title"\nbody = "body"\n')
    run(place, "init", "--quiet")
    print(f"first backup of {options.records} records: "
          f"{run(place, 'backup', '--quiet', '--tag', 'a')}")
    shutil.copyfile(database, place / "first.db")
    dice = random.Random(2)
    for number in range(options.snapshots - 1):
        with sqlite3.connect(database) as connection:
            connection.executemany(
                "UPDATE note SET body = ? WHERE id = ?",
                ((f"edited in {number}", dice.randrange(options.records))
                 for _ in range(options.changes)))
        connection.close()
        run(place, "backup", "--quiet", "--tag", f"b{number}")


def measure_diff(place, options, bars):
    found = best(place, options.rounds, "backup", "diff", "a", "b0", "--json")
    print(f"diff of two snapshots, {found.summary['differences']} changes: {found}")
    bars.append(("diff, seconds", found.seconds, 1.0))


def measure_find(place, options, bars):
    found = best(place, options.rounds, "backup", "find", "edited in 3", "--json")
    last = found.summary
    print(f"find in {options.snapshots} snapshots, {last['found']} findings: {found}, "
          f"{last['blocks_read']} of {last['blocks_named']} blocks read")
    # Each snapshot after the first brings at most a block a change, and a neighbour of it.
    one = last["blocks_named"] / options.snapshots
    new = (options.snapshots - 1) * options.changes * 2
    bars.append(("find, blocks read", last["blocks_read"], one + new))


def measure_plan(place, options, bars):
    database = place / "app.db"
    for name, sql, strategy in (
            ("everything as it was", None, "overwrite"),
            ("every tenth differs", "UPDATE note SET body = 'x' || body WHERE id % 10 = 0",
             "overwrite"),
            ("every tenth comes beside", "UPDATE note SET body = 'x' || body WHERE id % 10 = 0",
             "keep-both"),
            ("everything differs", "UPDATE note SET body = 'x' || body", "overwrite"),
            ("everything is gone", "DELETE FROM note", "overwrite")):
        shutil.copyfile(place / "first.db", database)
        if sql:
            change(database, sql)
        found = best(place, options.rounds, "restore", "plan", "a", "app", "--merge-strategy",
                     strategy, "-o", "plan.json")
        size = (place / "plan.json").stat().st_size / 1e6
        (place / "plan.json").unlink()
        print(f"plan, {name}: {found}; {size:.0f} MB of plan")
        bars.append((f"plan, {name}, seconds", found.seconds, 10.0))
        bars.append((f"plan, {name}, MB", found.megabytes, 256))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--changes", type=int, default=100)
    parser.add_argument("--snapshots", type=int, default=30)
    parser.add_argument("--people", type=int, default=0, help="0: nobody's records")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--work", default=None, help="where to work; TMPDIR by default")
    options = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    bars = []
    with tempfile.TemporaryDirectory(prefix="perdure-bench-", dir=options.work) as folder:
        place = pathlib.Path(folder)
        prepare(place, options)
        measure_diff(place, options, bars)
        measure_find(place, options, bars)
        measure_plan(place, options, bars)
    print()
    for name, value, bar in bars:
        print(f"{'met   ' if value <= bar else 'MISSED'}  {name}: {value:.2f}, at most {bar:g}")
    return 0 if all(value <= bar for _, value, bar in bars) else 1


if __name__ == "__main__":
    sys.exit(main())
