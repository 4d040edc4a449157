#!/usr/bin/env python3
"""How long it takes to say what changed: `backup diff` and `backup find` on a million records.

usage: bench/differences.py [--records N] [--changes N] [--snapshots N] [--people N]

Prints a line a measurement: the best of three runs, wall clock and peak memory of the process.
Bar: diff of two snapshots of 1,000,000 records with 100 changes ≤ 1 s (issue 3).
"""
import argparse
import json
import os
import pathlib
import random
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time

PROGRAM = os.environ.get("PERDURE_PROGRAM",
                         str(pathlib.Path(__file__).parents[1] / "build/release/perdure"))


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
    return time.monotonic() - began, usage.ru_maxrss / 1024, out


def best(place, *words):
    runs = [run(place, *words) for _ in range(3)]
    return min(r[0] for r in runs), max(r[1] for r in runs), runs[0][2]


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


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--changes", type=int, default=100)
    parser.add_argument("--snapshots", type=int, default=30)
    parser.add_argument("--people", type=int, default=0, help="0: nobody's records")
    options = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with tempfile.TemporaryDirectory(prefix="perdure-bench-") as folder:
        place = pathlib.Path(folder)
        database = place / "app.db"
        fill(database, options.records, options.people)
        subjects = ('[source.app.subjects]\ntable = "person"\nkey = "id"\n'
                    if options.people else "")
        (place / "perdure.toml").write_text(
            'version = 1\n[repository.main]\ndestinations = ["disk"]\n'
            'key = { file = "perdure.key" }\n[destination.disk]\ntype = "local"\n'
            'path = "backups"\n[source.app]\ntype = "sqlite"\npath = "app.db"\n' + subjects)
        run(place, "init", "--quiet")
        print(f"first backup of {options.records} records: "
              f"{run(place, 'backup', '--quiet', '--tag', 'a')[0]:.2f} s")
        dice = random.Random(2)
        for number in range(options.snapshots - 1):
            with sqlite3.connect(database) as connection:
                connection.executemany(
                    "UPDATE note SET body = ? WHERE id = ?",
                    ((f"edited in {number}", dice.randrange(options.records))
                     for _ in range(options.changes)))
            run(place, "backup", "--quiet", "--tag", f"b{number}")
        seconds, megabytes, out = best(place, "backup", "diff", "a", "b0", "--json")
        told = json.loads(out.splitlines()[-1])["differences"]
        print(f"diff of two snapshots, {told} changes: {seconds:.2f} s, {megabytes:.0f} MB")
        seconds, megabytes, out = best(place, "backup", "find", "edited in 3", "--json")
        last = json.loads(out.splitlines()[-1])
        print(f"find in {options.snapshots} snapshots, {last['found']} findings: {seconds:.2f} s, "
              f"{megabytes:.0f} MB, {last['blocks_read']} of {last['blocks_named']} blocks read")


if __name__ == "__main__":
    main()
