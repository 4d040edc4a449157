#!/usr/bin/env python3
"""One destination is damaged, others are whole: everything goes on, and the damage is named."""
import shutil

import stage

CONFIG = """version = 1
[repository.main]
destinations = ["one", "two", "three"]
key = {{ file = "perdure.key" }}
[destination.one]
type = "local"
path = "{0}/one"
[destination.two]
type = "local"
path = "{0}/two"
[destination.three]
type = "local"
path = "{0}/three"
[source.data]
type = "files"
path = "data"
"""


def settled(place):
    for number in range(6):
        place.write(f"data/{number}.txt", f"line of {number}\n" * 9000)
    place.write("data/noise.bin", bytes((i * i + i // 7) % 251 for i in range(400_000)))
    place.write("perdure.toml", CONFIG.format(place.folder))
    place.good("init")
    place.good("backup")
    return [place.folder / name for name in ("one", "two", "three")]


def overwrite(path, body):
    path.chmod(0o600)
    path.write_bytes(body)


def bodies(folder):
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def equal(place, name, *words):
    place.good("restore", "latest", "--to", place.folder / name, *words)
    assert stage.rsync_differences(place.work / "data", place.folder / name / "data") == ""


def claim_a_damaged_keyring_or_config_at_one_destination_stops_nobody(place):
    homes = settled(place)
    number = 0
    for victim in ("keyring/m/1", "config"):
        for home in homes[:2]:
            whole = (home / victim).read_bytes()
            for damage in (b"", whole[:50], bytes(len(whole))):
                number += 1
                overwrite(home / victim, damage)
                place.good("backup", "list")
                equal(place, f"back{number}")
                place.write("data/more.txt", f"{number}\n")
                ran = place.good("backup", code=0 if victim == "config" else 3)
                if victim != "config":
                    assert f"{victim} is damaged" in ran.out + ran.err, ran
                    assert home.name in ran.out + ran.err, ran
                elif home == homes[0]:
                    ran = place.good("repo", "check", code=14)
                    assert "config" in ran.out + ran.err, ran
                if number % 2:
                    place.good("backup", "sync")
                else:
                    place.good("repo", "repair")
                    place.good("backup", "sync")
                assert (home / victim).read_bytes() == whole
                place.good("backup")
                place.good("repo", "check", "--read-data", "--destination", home.name)


def claim_a_pack_beyond_repair_at_one_destination_is_read_at_the_next(place):
    homes = settled(place)
    packs = sorted((homes[0] / "pack").glob("*/*"))
    assert {path.parent.name for path in packs} == {"m", "d"}
    for number, pack in enumerate(packs):
        whole = pack.read_bytes()
        flipped = bytearray(whole)
        for at in range(0, len(whole), 97):
            flipped[at] ^= 255
        for kind, damage in enumerate((bytes(flipped), bytes(len(whole)), whole[:100])):
            overwrite(pack, damage)
            shutil.rmtree(place.folder / "cache", ignore_errors=True)
            equal(place, f"back{number}-{kind}")
            place.good("restore", "drill")
            place.good("backup", "diff", "latest", "live")
            ran = place.good("repo", "check", "--read-data", code=14)
            assert pack.name in ran.out + ran.err, ran
        place.good("repo", "repair")
        assert pack.read_bytes() == whole
        place.good("repo", "check", "--read-data")


def single(place):
    place.write("data/one.txt", "one\n" * 5000)
    place.repository(data="data")
    place.good("backup")
    return place.work / "backups"


def claim_a_tombstone_that_was_damaged_is_written_again(place):
    """It stands for what was destroyed on purpose: nothing is lost, nobody is stopped."""
    home = single(place)
    place.good("key", "rotate")
    tombstone = home / "keyring/m/1"
    whole = tombstone.read_bytes()
    assert len(whole) == 156, "no tombstone"
    for damage in (b"", b"\0" * 156, b"?" * 40):
        overwrite(tombstone, damage)
        ran = place.good("repo", "check", code=14)
        assert "keyring/m/1" in ran.out + ran.err, ran
        ran = place.good("repo", "repair")
        assert "keyring/m/1" in ran.out, ran
        assert len(tombstone.read_bytes()) == 156
        place.good("repo", "check")
        place.good("key", "rotate")
    place.good("repo", "compact")
    place.good("restore", "latest", "--to", place.folder / "back")


def claim_what_is_no_object_is_passed_over_and_named(place):
    """A program that synchronises folders leaves copies in conflict; somebody leaves notes."""
    homes = settled(place)
    strays = ["keyring/m/1-conflict", "keyring/a/note.old", "snapshot/notes.txt", "collect/1.tmp",
              "pack/d/readme.sync-conflict-20261126-101112", "index/lock"]
    unseen = ["keyring/a/note (copy)", "index/~lock", "snapshot/.DS_Store"]  # no object is so named
    for name in strays + unseen:
        path = homes[0] / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("nothing of ours\n")
    place.good("backup")
    place.good("key", "rotate")
    place.good("backup", "sync")
    place.good("repo", "compact")
    place.good("repo", "repair")
    ran = place.good("repo", "check", "--read-data", code=3)
    for name in strays:
        assert name in ran.out + ran.err, (name, ran)
        assert (homes[0] / name).exists() and not (homes[1] / name).exists()
        (homes[0] / name).unlink()
    place.good("repo", "check", "--read-data")
    equal(place, "back")


def claim_an_older_copy_is_read_where_a_newer_one_was_seen_and_not_written(place):
    home = single(place)
    cold = place.folder / "cold"
    shutil.copytree(home, cold)
    place.good("key", "rotate")
    shutil.rmtree(home)
    shutil.copytree(cold, home)
    ran = place.good("restore", "latest", "--to", place.folder / "back", code=3)
    assert "older copy" in ran.out + ran.err, ran
    assert stage.rsync_differences(place.work / "data", place.folder / "back" / "data") == ""
    assert "older copy" in place.good("backup", "list", code=3).err
    place.good("restore", "latest", "--destination", cold, "--to", place.folder / "cold-back",
               code=3)
    before = bodies(home)
    for words in (["backup"], ["key", "rotate"], ["repo", "compact"]):
        ran = place.good(*words, code=14)
        assert "is lost for good, delete" in ran.err, ran
    assert bodies(home) == before
    pins = list((place.folder / "cache").rglob("pin"))
    assert len(pins) == 1 and str(pins[0]) in ran.err, ran
    pins[0].unlink()
    place.good("backup")
    place.good("restore", "latest", "--to", place.folder / "again")


stage.main(globals())
