#!/usr/bin/env python3
"""Keys rest only where the configuration lets them: on key homes (keys = true)."""
import shutil

import stage
from stage import people

CONFIG = """version = 1
[repository.main]
destinations = ["disk", "offsite"]
key = {{ file = "perdure.key" }}
[destination.disk]
type = "local"
path = "backups"
keys = {disk}
[destination.offsite]
type = "local"
path = "{folder}/offsite"
keys = {offsite}
[source.data]
type = "files"
path = "data"
[source.app]
type = "sqlite"
path = "app.db"
[source.app.subjects]
table = "users"
key = "id"
"""


def homes(place, disk="true", offsite="false"):
    place.write("perdure.toml", CONFIG.format(disk=disk, offsite=offsite, folder=place.folder))


def settled(place, **kinds):
    place.write("data/one.txt", "one\n" * 4000)
    people(place, 0, 5)
    homes(place, **kinds)
    place.good("init")
    place.good("backup")
    return place.work / "backups", place.folder / "offsite"


def keys_at(folder):
    """Every object of the keyring, and whether it is a tombstone."""
    return {str(path.relative_to(folder)): path.stat().st_size == 156
            for path in (folder / "keyring").rglob("*") if path.is_file()}


def live_keys_at(folder):
    return {name for name, dead in keys_at(folder).items() if not dead}


def away(place, folder):
    hidden = place.folder / f"unplugged-{folder.name}"
    shutil.move(folder, hidden)

    def bring_back():
        shutil.rmtree(folder, ignore_errors=True)
        shutil.move(hidden, folder)
    return bring_back


def equal(place, name):
    back = place.folder / name
    assert stage.rsync_differences(place.work / "data", back / "data") == ""
    assert stage.sqlite_dump(place.work / "app.db") == stage.sqlite_dump(back / "app" / "app.db")


def claim_it_gets_everything_but_keys_and_is_read_with_those_of_a_home(place):
    disk, offsite = settled(place)
    people(place, 5, 9)
    place.good("backup")
    place.good("key", "rotate")
    place.good("backup", "sync")
    assert live_keys_at(disk) and not keys_at(offsite)
    names = [sorted(path.name for path in (home / "snapshot").iterdir())
             for home in (disk, offsite)]
    assert names[0] == names[1] and len(names[0]) == 2, names
    for words in (["repo", "check", "--read-data"], ["backup", "verify"], ["backup", "list"],
                  ["restore", "drill"]):
        place.good(*words, "--destination", "offsite")
    place.good("restore", "latest", "--destination", "offsite", "--to", place.folder / "alone")
    equal(place, "alone")
    # The disk has lost what it had, save the keyring.
    for folder in ("pack", "index", "snapshot"):
        shutil.rmtree(disk / folder)
    place.good("restore", "latest", "--destination", "offsite", "--to", place.folder / "rest")
    equal(place, "rest")
    place.good("backup", code=3)
    place.good("backup", "sync")
    place.good("backup")
    place.good("repo", "check", "--read-data", "--destination", "disk")
    assert not keys_at(offsite)
    assert "none" in place.good("destination", "list").out


def claim_without_a_key_home_nothing_opens_and_the_error_says_why(place):
    disk, offsite = settled(place)
    bring_back = away(place, disk)
    for words in (["backup"], ["backup", "list"], ["key", "rotate"],
                  ["restore", "latest", "--to", place.folder / "back"],
                  ["restore", "latest", "--destination", "offsite", "--to", place.folder / "back"]):
        ran = place.good(*words, code=13)
        assert '"disk"' in ran.err and "keys = false" in ran.err, ran
        assert "fix:" in ran.err and "destination test disk" in ran.err, ran
    assert not (place.folder / "back").exists() and not keys_at(offsite)
    status = place.run("status")
    assert "disk" in status.out, status
    bring_back()
    # As a stranger finds it: the folder alone.
    ran = place.good("backup", "list", "--destination", offsite, code=14)
    assert "no keyring" in ran.err and "key home" in ran.err, ran
    ran = place.good("backup", "--destination", "offsite", code=2)
    assert "holds no keys" in ran.err and "perdure.toml:9" in ran.err, ran
    place.good("key", "rotate", "--destination", "offsite", code=2)
    place.good("key", "merge", code=2)


def claim_changes_of_keys_are_complete_without_it(place):
    disk, offsite = settled(place)
    bring_back = away(place, offsite)
    ran = place.good("key", "rotate", "--json")
    assert ran.summary["complete"] and len(ran.summary["homes"]) == 1, ran
    assert "offsite is away" in place.good("key", "rotate").err
    people(place, 5, 7)
    place.good("backup", code=3)
    bring_back()
    place.good("backup", "sync")
    place.good("key", "add", "--file", "second.key", "--label", "second")
    ran = place.good("key", "remove", "second", "--confirm", "second", "--json")
    assert ran.summary["complete"], ran
    place.good("backup")
    assert not keys_at(offsite)
    assert len([name for name in live_keys_at(disk) if "/m/" in name]) == 1


def claim_a_former_home_gives_its_keys_away_when_synced_and_is_told_of_before(place):
    disk, offsite = settled(place, offsite="true")
    assert live_keys_at(offsite) == live_keys_at(disk)
    homes(place, offsite="false")
    before = keys_at(offsite)
    assert "no key home" in place.good("backup", code=3).err
    assert "backup sync" in place.good("doctor").out
    assert "no key home" in place.run("status").out
    assert "no key home" in place.good("repo", "check", code=3).err
    ran = place.good("key", "rotate", "--json", code=3)
    assert not ran.summary["complete"], "the old keys still lie there"
    ran = place.good("backup", "sync", "--dry-run", "--json")
    assert ran.summary["retired"][0]["objects"] == len(before) > 1, ran
    assert not ran.summary["retired"][0]["removed"] and keys_at(offsite) == before
    ran = place.good("backup", "sync", "--json")
    assert ran.summary["retired"][0]["removed"], ran
    assert not keys_at(offsite) and live_keys_at(disk)
    log = place.good("runs", "list", "--json").events
    entry = next(event for event in log if event.get("verb") == "key retire")
    assert "offsite" in entry["sources"][0] and entry["outcome"] == "ok", entry
    shown = place.good("runs", "show", entry["id"]).out
    assert "removing" in shown and "removed" in shown, shown
    for words in (["backup"], ["repo", "check"], ["doctor"]):
        place.good(*words)
    assert place.good("backup", "sync", "--json").summary["retired"] == []
    place.good("restore", "latest", "--destination", "offsite", "--to", place.folder / "back")
    equal(place, "back")


def claim_a_new_home_gets_the_keys_by_a_sync(place):
    disk, offsite = settled(place)
    homes(place, offsite="true")
    place.good("backup", code=3)
    place.good("backup", "sync")
    place.good("backup")
    assert live_keys_at(offsite) == live_keys_at(disk)
    away(place, disk)
    place.good("restore", "latest", "--destination", "offsite", "--to", place.folder / "back")
    equal(place, "back")


def claim_keys_can_move_from_one_home_to_the_other(place):
    disk, offsite = settled(place)
    homes(place, disk="false", offsite="true")
    ran = place.good("backup", code=14)
    assert "backup sync" in ran.err and live_keys_at(disk), ran
    place.good("backup", "sync")
    assert live_keys_at(offsite) and not keys_at(disk)
    people(place, 5, 8)
    place.good("backup")
    assert not keys_at(disk)
    place.good("restore", "latest", "--destination", "disk", "--to", place.folder / "back")
    equal(place, "back")
    homes(place)  # and back again, through both being homes of the same epoch numbers
    place.good("backup", "sync")
    assert live_keys_at(disk) and not keys_at(offsite)
    place.good("backup")
    place.good("repo", "check", "--read-data")


def claim_what_only_the_former_home_knew_is_brought_over_first(place):
    """It took part in a rotation and met people while the other home was away."""
    disk, offsite = settled(place, offsite="true")
    bring_back = away(place, offsite)
    place.good("key", "rotate", code=3)
    people(place, 5, 40)
    place.good("backup", code=3)
    bring_back()
    homes(place, disk="false", offsite="true")
    key = place.work / "perdure.key"
    wrong = place.write("other.key", "perdure-key 1 " + "A" * 44 + "\n")
    kept = key.read_bytes()
    key.write_bytes(wrong.read_bytes())
    assert keys_at(disk) and place.run("backup", "sync").code == 12
    assert live_keys_at(disk), "nothing goes without a key that opens the other home"
    key.write_bytes(kept)
    place.good("backup", "sync")
    assert live_keys_at(offsite) and not keys_at(disk)
    place.environment["XDG_CACHE_HOME"] = str(place.folder / "elsewhere")
    place.good("restore", "latest", "--to", place.folder / "back")
    equal(place, "back")
    place.good("repo", "check", "--read-data")


def claim_papers_for_the_worst_hour_name_the_home_first(place):
    settled(place, disk="false", offsite="true")
    kit = place.good("key", "recovery-kit").out
    assert "without keys" in kit, kit
    page = place.good("report", "runbook").out
    assert "without keys; reachable" in page and "every destination that holds keys" in page, page
    steps = page[page.index("## A bare machine"):page.index("## Smaller accidents")]
    assert "[destination.offsite]" in steps and "[destination.disk]" not in steps, steps


def settled_at_two(place):
    disk, offsite = settled(place, offsite="true")
    place.good("backup")
    return disk, offsite


def everything(place, number, *words):
    back = place.folder / f"back{number}"
    place.good("restore", "latest", "--to", back, *words)
    assert stage.sqlite_dump(place.work / "app.db") == stage.sqlite_dump(back / "app" / "app.db")


def bodies(folder):
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def claim_people_met_while_a_home_was_away_outlive_a_rotation_at_the_other(place):
    """One machine, two disks in turn: a tombstone of one buries no keys of the other."""
    for number, turned in enumerate((False, True)):
        disk, offsite = settled_at_two(place)
        first, second = (offsite, disk) if turned else (disk, offsite)
        bring_back = away(place, first)
        people(place, 50 + 10 * number, 58 + 10 * number)
        place.good("backup", code=3)
        bring_back()
        bring_back = away(place, second)
        place.good("key", "rotate", code=3)
        bring_back()
        place.good("backup", "sync", "--dry-run")
        place.good("backup", "sync")
        for name in ("disk", "offsite"):
            everything(place, f"{number}{name}", "--destination", name)
            place.good("repo", "check", "--read-data", "--destination", name)
        place.good("backup")
        assert [name for name in live_keys_at(first) if "/m/" in name] == \
            [name for name in live_keys_at(second) if "/m/" in name]
        for folder in (disk, offsite):
            shutil.rmtree(folder)
        (place.work / "app.db").unlink()
        place.environment["XDG_CACHE_HOME"] = str(place.folder / f"fresh{number}")
        place.environment["XDG_STATE_HOME"] = str(place.folder / f"state{number}")
        (place.work / "perdure.key").unlink()


def claim_a_backup_by_a_machine_that_missed_a_rotation_survives_the_sync(place):
    disk, offsite = settled_at_two(place)
    bring_back = away(place, offsite)
    place.good("key", "rotate", code=3)
    bring_back()
    bring_back = away(place, disk)
    here = dict(place.environment)
    place.environment["XDG_CACHE_HOME"] = str(place.folder / "other-cache")
    place.environment["XDG_STATE_HOME"] = str(place.folder / "other-state")
    people(place, 70, 75)
    place.good("backup", code=3)
    there = dict(place.environment)
    bring_back()
    place.environment = here
    place.good("backup", "sync")
    for number, environment in enumerate((here, there)):
        place.environment = environment
        everything(place, number)
    place.good("repo", "check", "--read-data")


def claim_a_fork_is_told_though_one_side_was_changed_more_often(place):
    disk, offsite = settled_at_two(place)
    bring_back = away(place, offsite)
    place.good("key", "rotate", code=3)
    place.good("key", "rotate", code=3)
    bring_back()
    bring_back = away(place, disk)
    place.environment["XDG_CACHE_HOME"] = str(place.folder / "other-cache")
    place.good("key", "rotate", code=3)
    people(place, 80, 88)
    place.good("backup", code=3)
    bring_back()
    before = bodies(disk), bodies(offsite)
    place.environment["XDG_CACHE_HOME"] = str(place.folder / "third-cache")
    for _ in range(2):
        ran = place.good("backup", "sync", code=14)
        assert "key merge" in ran.out + ran.err, ran
    assert (bodies(disk), bodies(offsite)) == before
    place.good("backup", code=3)
    place.good("key", "merge", code=17)
    place.good("key", "merge", "--confirm", "main")
    place.good("backup", "sync")
    place.good("backup")
    for number, name in enumerate(("disk", "offsite")):
        everything(place, number, "--destination", name)
        place.good("repo", "check", "--read-data", "--destination", name)


def claim_an_addition_that_one_home_lost_comes_back_and_one_that_all_lost_is_a_named_loss(place):
    disk, offsite = settled_at_two(place)
    before = live_keys_at(disk)
    people(place, 60, 66)
    place.good("backup")
    added = live_keys_at(disk) - before
    assert added and all("/a/" in name for name in added), added
    for home in (disk, offsite):
        for name in added:
            (home / name).unlink()
        everything(place, home.name)
        place.good("backup", code=3)
        place.good("backup", "sync")
        place.good("repo", "check", "--read-data", "--destination", "disk")
        place.good("backup")
    for home in (disk, offsite):
        for name in added:
            (home / name).unlink()
    ran = place.good("repo", "repair", "--json", code=14)
    assert ran.summary["losses"] > 0, ran
    assert "0 lost" not in ran.out, ran


stage.main(globals())
