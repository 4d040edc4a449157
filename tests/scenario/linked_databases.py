#!/usr/bin/env python3
"""A source whose path is a link is read as what the link leads to, with all that lies beside it."""
import os
import sqlite3
import subprocess
import sys

import stage

DIE = """import os, sqlite3, sys
database = sqlite3.connect(sys.argv[1], isolation_level=None)
for statement in sys.argv[2:]:
    database.execute(statement).fetchall()
os._exit(0)
"""


def die_after(path, *statements):
    """A program that dies at once: its transaction stays open, its log unfolded."""
    subprocess.run([sys.executable, "-c", DIE, path, *statements], check=True)


def values(path):
    database = sqlite3.connect(path)
    out = sorted(row[0] for row in database.execute("SELECT x FROM t"))
    database.close()
    return out


def linked(place):
    """work/app.db is a link to releases/7/real.db, as deployments have it."""
    real = place.folder / "releases/7/real.db"
    real.parent.mkdir(parents=True)
    (place.work / "app.db").symlink_to(real)
    return real


def claim_half_a_commit_beside_what_a_link_leads_to_is_never_taken_for_the_data(place):
    real = linked(place)
    die_after(real, "CREATE TABLE t(x)",
              "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000) "
              "INSERT INTO t SELECT 'kept' || hex(zeroblob(200)) FROM n")
    die_after(real, "PRAGMA cache_size=1", "BEGIN", "UPDATE t SET x = 'torn' || substr(x, 5)")
    assert (real.parent / "real.db-journal").stat().st_size > 0
    before = stage.fingerprint(real.parent)
    place.repository(app="app.db")
    place.good("backup")
    assert stage.fingerprint(real.parent) == before, "the backup wrote to the application's folder"
    place.good("restore", "latest", "--to", place.folder / "back")
    assert {text[:4] for text in values(place.folder / "back/app/app.db")} == {"kept"}


def claim_a_log_beside_what_a_link_leads_to_is_read_and_stays_as_it_is(place):
    real = linked(place)
    die_after(real, "PRAGMA journal_mode=WAL", "PRAGMA wal_autocheckpoint=0",
              "CREATE TABLE t(x)", "INSERT INTO t VALUES('in the log')")
    os.remove(f"{real}-shm")
    before = stage.fingerprint(real.parent)
    place.repository(app="app.db")
    place.good("backup")
    assert stage.fingerprint(real.parent) == before, "the backup wrote to the application's folder"
    place.good("restore", "latest", "--to", place.folder / "back")
    assert values(place.folder / "back/app/app.db") == ["in the log"]


stage.main(globals())
