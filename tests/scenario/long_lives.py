#!/usr/bin/env python3
"""A repository over the months: damage beyond repair, hidden snapshots, lost parts, two places."""
import os
import shutil
import sqlite3
import time

import stage

SECOND = """[destination.second]
type = "local"
path = "second"
"""


def settled(place, destinations=1):
    for number in range(8):
        place.write(f"data/{number}.bin", os.urandom(60_000 + number))
    place.repository(data="data")
    if destinations == 2:
        text = (place.work / "perdure.toml").read_text()
        place.write("perdure.toml", text.replace('["disk"]', '["disk", "second"]') + SECOND)
        place.good("init", "--destination", "second")
        place.good("backup", "sync")
    for number in range(3):
        place.write("data/version.txt", f"{number}\n")
        place.settle()
        place.good("backup", "--tag", f"s{number}")
        shutil.copytree(place.work / "data", place.folder / f"copy{number}")
    return place.work / "backups"


def ids(place, *words):
    events = place.run("backup", "list", "--json", *words).events
    return {each["tags"][0]: each["id"] for each in events
            if each["type"] == "snapshot" and each["tags"]}


def largest(folder):
    return max(folder.iterdir(), key=lambda path: path.stat().st_size)


def equal(place, snapshot, copy, *words, code=0):
    target = place.folder / f"back{time.monotonic_ns()}"
    place.good("restore", snapshot, "--to", target, *words, code=code)
    assert stage.rsync_differences(copy, target / "data") == ""


def overwrite(path, body):
    path.chmod(0o600)
    path.write_bytes(body)


def age(folder):
    """Ten days pass for the store."""
    then = time.time() - 10 * 86400
    for path in [folder, *folder.rglob("*")]:
        os.utime(path, (then, then))


def claim_after_damage_beyond_repair_the_next_backup_is_whole_again(place):
    """Nothing is deduplicated against what a repair could not read."""
    backups = settled(place)
    pack = largest(backups / "pack" / "d")
    for number, body in enumerate((b"", bytes(pack.stat().st_size))):
        overwrite(pack, body)
        ran = place.good("repo", "repair", code=14)
        assert "perdure backup --type full" in ran.err, ran
        place.good("backup", "--type", "full" if number else "auto")
        equal(place, "latest", place.work / "data")
        equal(place, "s2", place.folder / "copy2")
        if number == 0:  # what only the oldest held is gone for good
            ran = place.good("repo", "compact", code=14)
            assert "delete the snapshots" in ran.err, ran
            place.good("backup", "delete", "s0", "--confirm", "s0")
        place.good("repo", "compact", "--grace", "0s")
        assert not pack.exists()
        place.good("repo", "check", "--read-data")
        place.good("repo", "repair")
        pack = largest(backups / "pack" / "d")


def claim_compact_keeps_what_missing_snapshots_rest_on(place):
    """A store that hid them may show them again; only --confirm gives them up."""
    backups = settled(place)
    hidden = place.folder / "hidden"
    hidden.mkdir()
    named = ids(place)
    for tag in ("s0", "s1"):
        shutil.move(backups / "snapshot" / named[tag], hidden / named[tag])
    age(backups)
    for words in ((), ("--dry-run",), ("--grace", "0s"), ("--confirm", "another")):
        ran = place.good("repo", "compact", *words, code=17)
        assert "backup sync" in ran.err and "--confirm main" in ran.err, ran
    place.good("repo", "check", code=3)
    for path in hidden.iterdir():
        shutil.copy(path, backups / "snapshot")
    place.good("repo", "compact", "--grace", "0s")
    for number in range(3):
        equal(place, f"s{number}", place.folder / f"copy{number}")
    (backups / "snapshot" / named["s2"]).unlink()  # the newest: only this machine's log knows
    ran = place.good("repo", "compact", code=17)
    assert named["s2"] in ran.err, ran
    place.good("repo", "compact", "--grace", "0s", "--confirm", "main")


def claim_compact_at_one_destination_buries_no_snapshot_that_another_holds(place):
    """The lost one comes back by a sync, as it always did."""
    backups = settled(place, destinations=2)
    named = ids(place)
    (backups / "snapshot" / named["s0"]).unlink()
    age(backups)
    place.good("repo", "compact", "--destination", "disk", code=17)
    place.good("backup", "sync")
    equal(place, "s0", place.folder / "copy0", "--destination", "disk")
    place.good("repo", "check", "--read-data")


def claim_a_snapshot_that_nobody_can_read_can_be_given_up(place):
    """By its id, with the same confirmation as any other."""
    backups = settled(place)
    lost = ids(place)["s1"]
    overwrite(backups / "snapshot" / lost, b"")
    place.good("repo", "repair", code=14)
    ran = place.good("repo", "compact", code=14)
    assert "backup delete" in ran.err, ran
    place.good("backup", "delete", lost, code=17)
    place.good("backup", "delete", "s1", "--confirm", "s1", code=14)
    place.good("backup", "delete", lost[:12], "--confirm", lost[:12])
    place.good("backup", "list")
    place.good("repo", "compact", "--grace", "0s")
    place.good("repo", "check", "--read-data")
    equal(place, "s2", place.folder / "copy2")


def claim_a_lost_config_is_put_back_by_the_machine_that_knows_it(place):
    """By `repo repair`; without that memory nothing else is claimed, and nothing is begun anew."""
    backups = settled(place)
    config = backups / "config"
    whole = config.read_bytes()
    for damage in (config.unlink, lambda: overwrite(config, bytes(len(whole)))):
        damage()
        ran = place.run("backup", "list")
        assert ran.code in (10, 14) and "repo repair" in ran.err, ran
        ran = place.good("repo", "repair", "--dry-run")
        assert "can mend config" in ran.out, ran
        assert not config.exists() or config.read_bytes() != whole
        place.good("repo", "repair")
        assert config.read_bytes() == whole
        place.good("repo", "check", "--read-data")
    config.unlink()
    shutil.rmtree(place.folder / "cache")
    ran = place.good("repo", "repair", code=10)
    assert "mount" not in ran.err and "config" in ran.err, ran
    place.good("init", "--confirm", "main", code=15)
    config.write_bytes(whole)
    equal(place, "s2", place.folder / "copy2")


def claim_status_without_a_log_tells_what_arrived(place):
    """"never" is what this machine knows; the destination knows more."""
    settled(place)
    shutil.rmtree(place.folder / "state")
    ran = place.good("status")
    assert "never, says the log of this machine; the newest snapshot came just now" in ran.out, ran
    assert "never" in place.good("status", "--offline").out


def claim_a_clock_that_was_ahead_makes_nothing_fresh(place):
    """A backup from the future would be green until then."""
    settled(place)
    log = next((place.folder / "state").rglob("runs.db"))
    with sqlite3.connect(log) as runs:
        runs.execute("update run set started = started + 400 * 86400000")
    runs.close()
    ran = place.good("status", "--exit-code", code=20)
    assert "its clock was ahead" in ran.out and "backup        green" not in ran.out, ran
    place.good("backup")
    assert "backup        green" in place.good("status").out


stage.main(globals())
