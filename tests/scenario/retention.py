#!/usr/bin/env python3
"""What the rules keep and let go: never the backup that somebody will want."""
import os
import sqlite3

import stage


def small_database(place):
    live = place.work / "app.db"
    with sqlite3.connect(live) as connection:
        connection.execute("CREATE TABLE note (id INTEGER PRIMARY KEY, body TEXT)")
        connection.executemany("INSERT INTO note (body) VALUES (?)", [("good",)] * 50)
    connection.close()
    place.repository(app="app.db")
    return live


def verdicts(ran):
    return {event["id"]: event for event in ran.events if event["type"] == "verdict"}


def claim_what_a_restore_set_aside_pushes_no_backup_out(place):
    """The state that somebody just left is no substitute for the backup they came back to."""
    live = small_database(place)
    night = place.good("backup", "--json").summary["snapshot"]
    with sqlite3.connect(live) as connection:
        connection.execute("UPDATE note SET body = 'BROKEN'")
    connection.close()
    place.good("restore", "latest", "--to", "live", "--merge-strategy", "overwrite",
               "--confirm", "app")
    for rule in ("--keep", "--keep-daily"):
        preview = verdicts(place.good("retention", "preview", rule, "1", "--json"))
        assert preview[night]["keep"], preview
    done = place.good("backup", "cleanup", "--keep", "1", "--json")
    assert verdicts(done)[night]["keep"] and done.summary["removed"] == 0, done
    place.good("restore", night, "--to", "back")
    # The next backup takes the place of both.
    newest = place.good("backup", "--json").summary["snapshot"]
    done = place.good("backup", "cleanup", "--keep", "1", "--json")
    left = {word for word, verdict in verdicts(done).items() if verdict["keep"]}
    assert left == {newest} and done.summary["removed"] == 2, done


def claim_a_clock_that_was_ahead_once_costs_no_later_backup(place):
    """A receipt of 2030 stays the newest for years: what its writer numbered higher is newer."""
    place.write("data/one.txt", "one\n")
    place.repository(data="data")
    wrong = place.good("backup", "--json").summary["snapshot"]
    os.utime(place.work / "backups/snapshot" / wrong, (1_900_000_000, 1_900_000_000))
    later = [place.good("backup", "--json").summary["snapshot"] for _ in range(3)]
    preview = verdicts(place.good("retention", "preview", "--keep", "1", "--json"))
    done = place.good("backup", "cleanup", "--keep", "1", "--json")
    kept = {word for word, verdict in verdicts(done).items() if verdict["keep"]}
    assert kept == {wrong, later[-1]}, done
    assert kept == {word for word, verdict in preview.items() if verdict["keep"]}, preview
    assert later[-1] in place.good("backup", "show", "latest").out


stage.main(globals())
