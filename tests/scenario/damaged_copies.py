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


def claim_questions_leave_a_damaged_index_as_it_is_and_name_the_command(place):
    place.write("data/a.txt", "x\n" * 1000)
    place.repository(data="data")
    place.good("backup")
    for segment in (place.work / "backups/index").rglob("*"):
        if segment.is_file():
            overwrite(segment, b"harmed" * 50)
    shutil.rmtree(place.folder / "cache")
    before = bodies(place.work / "backups")
    ran = place.good("doctor", code=1)
    assert "index" in ran.out and "perdure repo repair" in ran.out + ran.err, ran
    place.good("config", "check")
    assert bodies(place.work / "backups") == before
    place.good("repo", "repair")
    place.good("doctor")


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


def cold(place):
    """Nothing of the index is remembered by this machine."""
    shutil.rmtree(place.folder / "cache", ignore_errors=True)


def claim_a_damaged_or_lost_part_of_the_index_costs_no_restore(place):
    """The packs' own directories tell the same: every pack is whole, so everything comes back."""
    home = single(place)
    for number in range(2):
        place.write(f"data/{number}.txt", f"{number}\n" * 9000)
        place.good("backup")
    snapshots = [event["id"] for event in place.good("backup", "list", "--json").events[:3]]
    segments = sorted((home / "index").iterdir())
    assert len(segments) == 3
    for number, segment in enumerate(segments):
        whole = segment.read_bytes()
        flipped = bytearray(whole)
        flipped[len(whole) // 2] ^= 1
        damages = [bytes(flipped), None] + ([] if number else [bytes(len(whole)), b""])
        for kind, damage in enumerate(damages):
            segment.chmod(0o600)
            segment.unlink() if damage is None else overwrite(segment, damage)
            before = bodies(home)
            for snapshot in (snapshots[number], "latest"):  # as on a medium that nobody can write
                cold(place)
                to = place.folder / f"back{number}-{kind}-{snapshot}"
                place.good("restore", snapshot, "--to", to)
            assert stage.rsync_differences(place.work / "data", to / "data") == ""
            cold(place)
            ran = place.good("repo", "check", code=14)
            assert (segment.name if damage is not None else "index") in ran.out, ran
            assert "missing blob" not in ran.out and "can be repaired" in ran.out, ran
            place.good("repo", "repair", "--dry-run")
            assert bodies(home) == before
            segment.write_bytes(whole)
    for words in (["repo", "repair"], ["backup"]):
        overwrite(sorted((home / "index").iterdir())[0], b"")
        cold(place)
        place.good(*words)
        place.good("repo", "check", "--read-data")
        equal(place, "back-" + words[-1])


def claim_a_snapshot_or_index_damaged_at_one_destination_is_read_at_the_next(place):
    homes = settled(place)
    snapshot = place.good("backup", "list", "--json").events[0]["id"]
    (segment,) = (homes[0] / "index").iterdir()
    number = 0
    for victim in (f"snapshot/{snapshot}", f"index/{segment.name}"):
        whole = (homes[0] / victim).read_bytes()
        for damage in (b"", whole[:50], bytes(len(whole))):
            number += 1
            for home in homes[:2]:
                overwrite(home / victim, damage)
            before = [bodies(home) for home in homes]
            cold(place)
            assert len(place.good("backup", "list", "--json").events) == 2
            place.good("restore", snapshot, "--to", place.folder / f"chosen{number}")
            cold(place)
            equal(place, f"back{number}")
            for words in (["repo", "check"], ["backup", "verify", "latest"]):
                if words[0] == "backup" and victim.startswith("index"):
                    continue  # the snapshot is whole
                ran = place.good(*words, code=14)
                assert victim in ran.out and "can be repaired" in ran.out, ran
                assert str(homes[0]) in ran.out and str(homes[1]) in ran.out, ran
                assert str(homes[2]) not in ran.out, ran
            place.good("repo", "repair", "--dry-run")
            assert [bodies(home) for home in homes] == before
            place.good("repo", "repair")
            assert [(home / victim).read_bytes() for home in homes] == [whole] * 3
            place.good("repo", "check", "--read-data")


def claim_packs_that_the_first_destination_lost_are_read_at_the_next(place):
    homes = settled(place)
    packs = sorted((homes[0] / "pack").glob("*/*"))
    whole = bodies(homes[0])
    for pack in packs:
        pack.unlink()
    for words in ([], ["--dry-run"]):
        cold(place)
        equal(place, f"back{len(words)}")
        ran = place.good("repo", "check", "--read-data", code=14)
        assert all(pack.name in ran.out for pack in packs), ran
        assert "missing blob" not in ran.out and "can be repaired" in ran.out, ran
        ran = place.good("repo", "repair", "--dry-run", "--json")
        assert ran.summary["losses"] == 0 and ran.summary["left"] == 0, ran
    place.good("repo", "repair")
    assert bodies(homes[0]) == whole
    place.good("repo", "check", "--read-data")


def claim_a_check_proves_the_bytes_at_every_destination(place):
    homes = settled(place)
    two, three = homes[1], homes[2]
    ran = place.good("repo", "check", "--read-data", "--json")
    assert ran.summary["destinations_read"] == ran.summary["destinations_total"] == 3, ran
    assert ran.summary["packs_read"] == 3 * ran.summary["packs"], ran
    pack = sorted((two / "pack/d").iterdir())[0]
    whole = pack.read_bytes()
    overwrite(pack, bytes(len(whole)))
    for words in (["repo", "check", "--read-data"], ["repo", "check", "--sample", "100%"],
                  ["backup", "verify", "latest", "--read-data"]):
        ran = place.good(*words, code=14)
        assert pack.name in ran.out and str(two) in ran.out, ran
        assert "can be repaired" in ran.out, ran
    assert place.good("status", "--exit-code", "--json", code=20).summary["worst"] == "red"
    place.good("repo", "check", "--read-data", "--destination", "one")
    overwrite(pack, whole[:100])
    ran = place.good("repo", "check", code=14)
    assert pack.name in ran.out and str(two) in ran.out, ran
    place.good("repo", "repair")
    assert pack.read_bytes() == whole
    (three / "pack/d" / pack.name).unlink()
    for words in (["repo", "check", "--read-data"], ["backup", "verify", "latest", "--read-data"]):
        ran = place.good(*words, "--json", code=3)
        assert ran.summary["destinations_read"] == 2, ran
        assert "lacks 1 objects" in ran.out + ran.err, ran
    place.good("backup", "sync")
    ran = place.good("repo", "check", "--read-data")
    assert "read and proven at 3 of 3 destinations" in ran.out, ran


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
