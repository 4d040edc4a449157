#!/usr/bin/env python3
"""A repository over the months: damage beyond repair, hidden snapshots, lost parts, two places."""
import os
import shutil
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


stage.main(globals())
