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
    """What its writer numbered higher than a receipt of 2030 is newer, which ages as what it is."""
    place.write("data/one.txt", "one\n")
    place.repository(data="data")
    wrong = place.good("backup", "--json").summary["snapshot"]
    os.utime(place.work / "backups/snapshot" / wrong, (1_900_000_000, 1_900_000_000))
    later = [place.good("backup", "--json").summary["snapshot"] for _ in range(3)]
    preview = verdicts(place.good("retention", "preview", "--keep", "1", "--json"))
    done = place.good("backup", "cleanup", "--keep", "1", "--json")
    kept = {word for word, verdict in verdicts(done).items() if verdict["keep"]}
    assert wrong in preview and kept == {later[-1]}, done
    assert kept == {word for word, verdict in preview.items() if verdict["keep"]}, preview
    assert later[-1] in place.good("backup", "show", "latest").out


def claim_rules_that_nothing_follows_are_told(place):
    """Who gives each source rules of its own must not believe that they are followed."""
    place.write("data/one.txt", "one\n")
    place.repository(data="data")
    config = place.work / "perdure.toml"
    text = config.read_text()
    config.write_text(text + "[retention.data]\ndaily = 365\n[retention.default]\nlast = 3\n")
    told = place.good("config", "check", "--offline")
    assert "[retention.data] is used by nothing" in told.out + told.err, told
    assert place.good("config", "check", "--offline", "--json").summary["warnings"] == 1
    config.write_text(text + "[retention.data]\ndaily = 365\n[retention.more]\nlast = 3\n")
    assert "none is called default" in place.good("backup", "cleanup", code=2).err
    # A number that does not fit keeps all, not few.
    config.write_text(text + "[retention.default]\nlast = 4294967297\n")
    for _ in range(3):
        place.good("backup")
    assert place.good("retention", "preview", "--json").summary["kept"] == 3


stage.main(globals())
