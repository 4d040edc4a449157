#!/usr/bin/env python3
"""Checks, repairs and syncs where something is away, was deleted, or was killed."""
import os
import shutil
import signal
import time

import stage
from stage import people

CONFIG = """version = 1
[repository.main]
destinations = ["one", "two"]
key = {{ file = "perdure.key" }}
[destination.one]
type = "local"
path = "{0}/one"
{1}
[destination.two]
type = "local"
path = "{0}/two"
{1}
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
TOMBSTONE = 156  # bytes


def configure(place, limits=""):
    place.write("perdure.toml", CONFIG.format(place.folder, limits))


def settled(place):
    place.write("data/one.txt", "one\n" * 5000)
    people(place, 0, 5)
    configure(place)
    place.good("init")
    place.good("backup", "--tag", "first")
    return place.folder / "one", place.folder / "two"


def overwrite(path, body):
    path.chmod(0o600)
    path.write_bytes(body)


def away(place, folder):
    hidden = place.folder / f"unplugged-{folder.name}"
    shutil.move(folder, hidden)

    def bring_back():
        shutil.rmtree(folder, ignore_errors=True)
        shutil.move(hidden, folder)
    return bring_back


def listed(place, *words):
    return {event["id"]: event for event in place.run("backup", "list", "--json", *words).events
            if event["type"] == "snapshot"}


def equal(place, snapshot, *words):
    back = place.folder / f"back{time.monotonic_ns()}"
    place.good("restore", snapshot, "--to", back, *words)
    assert stage.rsync_differences(place.work / "data", back / "data") == ""
    assert stage.sqlite_dump(place.work / "app.db") == stage.sqlite_dump(back / "app" / "app.db")


def claim_a_damaged_tombstone_brings_no_deleted_snapshot_back(place):
    """Deleted while the second destination was away; then the tombstone rots at the first."""
    one, two = settled(place)
    (first,) = listed(place)
    place.write("data/one.txt", "newer\n" * 5000)
    place.good("backup")
    for number, damage in enumerate((bytes(TOMBSTONE), b"\xff" * TOMBSTONE)):
        if number == 0:
            bring_back = away(place, two)
            place.good("backup", "delete", first, "--confirm", first, code=3)
            bring_back()
        overwrite(one / "snapshot" / first, damage)
        ran = place.run("backup", "list", "--json")
        assert first not in [event.get("id") for event in ran.events], ran
        ran = place.good("repo", "check", code=14)
        assert f"snapshot/{first}" in ran.out and "can be repaired" in ran.out, ran
        ran = place.good("backup", "sync", code=14)
        assert f"snapshot/{first}" in ran.out and "repo repair" in ran.out + ran.err, ran
        assert (one / "snapshot" / first).stat().st_size == TOMBSTONE, "the sync undid a deletion"
        place.good("repo", "repair")
        assert (one / "snapshot" / first).stat().st_size == TOMBSTONE, "the repair undid a deletion"
    place.good("backup", "sync")
    assert (two / "snapshot" / first).stat().st_size == TOMBSTONE
    place.good("repo", "check", "--read-data")
    equal(place, "latest")


def claim_a_damaged_tombstone_brings_no_destroyed_keys_back(place):
    """Neither a sync nor a repair takes them from a destination that missed their destruction."""
    one, two = settled(place)
    bring_back = away(place, two)
    place.good("key", "rotate", code=3)
    bring_back()
    tombstone = one / "keyring/m/1"
    assert tombstone.stat().st_size == TOMBSTONE
    overwrite(tombstone, bytes(TOMBSTONE))
    ran = place.good("backup", "sync", code=14)
    assert "keyring/m/1" in ran.out, ran
    assert tombstone.stat().st_size == TOMBSTONE, "the sync brought destroyed keys back"
    place.good("repo", "repair")
    assert tombstone.stat().st_size == TOMBSTONE, "the repair brought destroyed keys back"
    place.good("backup", "sync")
    for home in (one, two):
        live = [path.name for path in (home / "keyring/m").iterdir()
                if path.stat().st_size != TOMBSTONE]
        assert len(live) == 1 and live != ["1"], (home, live)
    place.good("repo", "check", "--read-data")
    equal(place, "latest")


def claim_a_tombstone_that_lost_one_of_its_copies_is_found_and_mended(place):
    one, _ = settled(place)
    (first,) = listed(place)
    place.good("backup")
    place.good("backup", "delete", first, "--confirm", first)
    tombstone = one / "snapshot" / first
    whole = tombstone.read_bytes()
    overwrite(tombstone, bytes(40) + whole[40:])
    ran = place.good("repo", "check", code=14)
    assert f"snapshot/{first}" in ran.out and "can be repaired" in ran.out, ran
    place.good("repo", "repair")
    assert tombstone.read_bytes() == whole
    place.good("repo", "check")


def claim_pins_are_checked_at_every_destination_and_mended_from_another(place):
    one, two = settled(place)
    (first,) = listed(place)
    place.good("backup", "pin", first, "--reason", "court order")
    for home in (one, two):
        pin = home / "pin" / first
        whole = pin.read_bytes()
        for damage in (b"", whole[:50], whole[:100] + bytes([whole[100] ^ 1]) + whole[101:],
                       bytes(5000)):
            overwrite(pin, damage)
            ran = place.good("repo", "check", code=14)
            assert f"pin/{first}" in ran.out and str(home) in ran.out, ran
            assert "can be repaired" in ran.out, ran
            place.good("repo", "repair", "--dry-run")
            assert pin.read_bytes() == damage
            place.good("repo", "repair")
            assert pin.read_bytes() == whole
            place.good("repo", "check")
    for home in (one, two):
        overwrite(home / "pin" / first, b"\0" * 40)
    ran = place.good("repo", "repair", code=14)
    assert "backup pin" in ran.out, ran
    place.good("backup", "delete", first, "--confirm", first, code=1)
    place.good("backup", "pin", first, "--reason", "court order")
    place.good("repo", "repair")
    place.good("repo", "check")


def started(place, home="one"):
    """A backup that has begun to write: its lease lies at the destination."""
    process = place.start("backup")
    leases = place.folder / home / "lease"
    deadline = time.monotonic() + 60 * stage.PATIENCE
    while not (leases.is_dir() and any(leases.iterdir())):
        assert process.poll() is None and time.monotonic() < deadline, "it never began"
        time.sleep(0.02)
    return process


def kill_a_backup(place, home="one"):
    """What it leaves behind: a lease, and nobody who renews it."""
    place.write("data/large.bin", os.urandom(3_000_000))
    configure(place, "upload_mb_s = 0.5")
    process = started(place, home)
    time.sleep(0.5)
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.communicate()
    configure(place)
    assert any((place.folder / home / "lease").iterdir())


def claim_a_fence_that_is_damaged_is_written_again(place):
    """Its name says all that it has to say; a sync sent people to a repair that did nothing."""
    one, two = settled(place)
    kill_a_backup(place)
    place.good("key", "rotate")
    fences = [next((home / "fence").iterdir()) for home in (one, two)]
    for damage in (b"", bytes(TOMBSTONE), b"?" * 70):
        for fence in fences:
            overwrite(fence, damage)
        ran = place.good("repo", "check", code=14)
        assert f"fence/{fences[0].name}" in ran.out and "can be repaired" in ran.out, ran
        ran = place.good("repo", "repair")
        assert f"fence/{fences[0].name}" in ran.out, ran
        assert [fence.stat().st_size for fence in fences] == [TOMBSTONE] * 2
        place.good("backup", "sync")
        place.good("repo", "check")
    overwrite(fences[1], bytes(TOMBSTONE))
    place.good("backup", "sync")
    place.good("repo", "check")


def claim_nobody_waits_for_a_backup_of_this_machine_that_was_killed(place):
    """Its process is gone for certain: keys change at once, and what it had stored is used."""
    one, two = settled(place)
    kill_a_backup(place)
    for _ in range(10):  # only so many changes could wait
        ran = place.good("key", "rotate", "--json")
        assert ran.summary["complete"], ran
    packs = {path.name for path in (one / "pack").rglob("*") if path.is_file()}
    place.good("repo", "compact")  # its lease keeps them for a day, though nobody waits for it
    assert packs <= {path.name for path in (one / "pack").rglob("*") if path.is_file()}
    place.good("backup")
    place.good("repo", "check", "--read-data")
    equal(place, "latest")


def claim_a_sync_folds_keys_in_beside_a_backup_that_was_killed(place):
    """People were met at one home while keys were changed at the other."""
    one, two = settled(place)
    kill_a_backup(place)
    bring_back = away(place, one)
    people(place, 50, 58)
    place.good("backup", code=3)
    bring_back()
    bring_back = away(place, two)
    place.good("key", "rotate", code=3)
    bring_back()
    place.good("backup", "sync")
    place.good("repo", "check", "--read-data")
    equal(place, "latest")


def claim_a_sync_carries_a_collection_past_a_backup_that_was_killed(place):
    one, two = settled(place)
    place.write("data/one.txt", "newer\n" * 5000)
    place.good("backup")
    bring_back = away(place, one)
    kill_a_backup(place, "two")
    bring_back()
    bring_back = away(place, two)
    place.good("backup", "delete", "first", "--confirm", "first", code=3)
    ran = place.good("repo", "compact", "--grace", "0s", "--json")
    assert ran.summary["packs_deleted"] > 0, ran
    bring_back()
    place.good("backup", "sync")
    assert sorted(path.name for path in (one / "pack").rglob("*")) == \
        sorted(path.name for path in (two / "pack").rglob("*"))
    place.good("backup")
    place.good("repo", "check", "--read-data")
    equal(place, "latest")


def claim_a_backup_that_only_sleeps_is_waited_for(place):
    """A process that was stopped lives: nobody takes it for gone, and it ends well."""
    one, _ = settled(place)
    place.write("data/large.bin", os.urandom(2_000_000))
    configure(place, "upload_mb_s = 1")
    process = started(place)
    process.send_signal(signal.SIGSTOP)
    try:
        ran = place.run("key", "rotate", "--json")
        assert not ran.summary["complete"], ran
        assert any((one / "lease").iterdir())
    finally:
        process.send_signal(signal.SIGCONT)
    out, err = process.communicate(timeout=300 * stage.PATIENCE)
    assert process.returncode == 0, (out, err)
    configure(place)
    equal(place, "latest")


def claim_a_destination_that_falls_silent_half_way_keeps_no_other_from_being_proven(place):
    one, two = settled(place)
    for number in range(4):  # as many packs: some are still to be opened when it falls silent
        place.write(f"data/large{number}.bin", os.urandom(1_300_000))
        place.good("backup")
    configure(place, "download_mb_s = 1")
    for words, victim in ((["repo", "check", "--read-data"], two),
                          (["repo", "check", "--read-data"], one),
                          (["backup", "verify", "latest", "--read-data"], two)):
        process = place.start(*words, "--json")
        time.sleep(2)
        assert process.poll() is None, "it ended too soon"
        bring_back = away(place, victim)
        out, err = process.communicate(timeout=300 * stage.PATIENCE)
        ran = stage.Ran(process.returncode, out.decode(), err.decode())
        assert ran.code == 3, (words, ran)
        assert ran.summary["passed"] and ran.summary["findings"] == 0, ran
        # On a slow machine the victim may have been read already; silence_test tries every moment.
        assert ran.summary["destinations_read"] in (1, 2), ran
        assert f"destination {victim.name}" in ran.out + ran.err, ran
        bring_back()
    place.good("repo", "check", "--read-data")


def claim_a_repair_names_what_a_check_goes_on_naming(place):
    """A snapshot that the store lost, and a destination that nobody looked at: not all is well."""
    one, two = settled(place)
    (first,) = listed(place)
    for number in range(2):
        place.write("data/one.txt", f"{number}\n" * 5000)
        place.good("backup")
    for home in (one, two):
        shutil.move(home / "snapshot" / first, place.folder / f"hidden-{home.name}")
    place.good("repo", "check", code=3)
    for words in (["--dry-run"], []):
        ran = place.good("repo", "repair", *words, "--json", code=3)
        assert ran.summary["gaps"] == 1 and ran.summary["left"] == 0, ran
        assert "hides these snapshots or lost them" in place.good("repo", "repair", code=3).out
    for home in (one, two):
        shutil.move(place.folder / f"hidden-{home.name}", home / "snapshot" / first)
    place.good("repo", "repair")
    place.good("repo", "check")
    bring_back = away(place, two)
    for words in (["repo", "repair"], ["backup", "verify"], ["repo", "check"]):
        ran = place.good(*words, code=3)
        assert "destination two" in ran.out + ran.err, ran
    bring_back()
    place.good("repo", "repair")


def claim_a_destination_that_lost_its_config_or_keys_is_named_and_healed(place):
    """It answers, and holds every pack and snapshot; alone it would open nothing."""
    homes = settled(place)
    place.good("key", "rotate")
    for victim in ("config", "keyring/s"):
        for home in homes:
            lost = place.folder / f"lost-{home.name}"
            shutil.move(home / victim, lost)
            ran = place.good("repo", "check", code=3)
            assert home.name in ran.out + ran.err and "lacks" in ran.out + ran.err, ran
            ran = place.good("status", "--exit-code", "--json", code=20)
            assert home.name in ran.summary["sentence"] or home.name in ran.out, ran
            place.write("data/one.txt", f"{victim} {home.name}\n")
            ran = place.good("backup", code=3)
            assert home.name in ran.out + ran.err, ran
            place.good("backup", "sync")
            place.good("repo", "check", "--read-data")
            equal(place, "latest", "--destination", home.name)
            shutil.rmtree(lost) if lost.is_dir() else lost.unlink()


def claim_a_folder_of_a_destination_may_be_a_link(place):
    """Somebody moved the packs to a larger disk: they are copied before the snapshots are."""
    one, two = settled(place)
    bring_back = away(place, two)
    shutil.move(one / "pack", place.folder / "larger")
    (one / "pack").symlink_to(place.folder / "larger")
    place.write("data/two.txt", "two\n" * 5000)
    place.good("backup", code=3)
    bring_back()
    place.good("backup", "sync")
    place.good("repo", "check", "--read-data")
    equal(place, "latest", "--destination", "two")


def collected_apart(place):
    """One destination deleted a snapshot and its packs; the other has one more that needs them."""
    one, two = settled(place)
    place.write("data/one.txt", "newer\n" * 5000)
    place.good("backup")
    bring_back = away(place, two)
    place.good("backup", "delete", "first", "--confirm", "first", code=3)
    ran = place.good("repo", "compact", "--grace", "0s", "--json")
    assert ran.summary["packs_deleted"] > 0, ran
    bring_back()
    bring_back = away(place, one)
    place.write("data/one.txt", "one\n" * 5000)
    place.good("backup", code=3)
    bring_back()


def claim_a_sync_makes_the_index_whole_for_packs_that_came_back(place):
    """Whoever has no key at hand says that it is not, and the next one who has does it."""
    collected_apart(place)
    config = place.work / "perdure.toml"
    with_key = config.read_text()
    config.write_text(with_key.replace('{ file = "perdure.key" }', "{ prompt = true }"))
    ran = place.good("backup", "sync", "--no-input", code=3)
    assert "perdure repo repair" in ran.out + ran.err, ran
    config.write_text(with_key)
    place.good("repo", "check", code=14)
    place.good("backup", "sync")  # which copies nothing any more
    place.good("repo", "check")
    place.good("repo", "compact", "--grace", "0s")
    place.good("repo", "check", "--read-data")
    equal(place, "latest")


def claim_compact_rescues_what_no_index_names(place):
    """It refused, and sent people to a repair that reads everything."""
    collected_apart(place)
    config = place.work / "perdure.toml"
    with_key = config.read_text()
    config.write_text(with_key.replace('{ file = "perdure.key" }', "{ prompt = true }"))
    place.good("backup", "sync", "--no-input", code=3)
    config.write_text(with_key)
    place.good("repo", "compact", "--dry-run")
    place.good("repo", "check", code=14)  # a dry run changes nothing
    place.good("repo", "compact", "--grace", "0s")
    place.good("repo", "check", "--read-data")
    for home in ("one", "two"):
        equal(place, "latest", "--destination", home)


def claim_a_backup_that_was_killed_keeps_its_packs_and_holds_no_compaction_up(place):
    """Killed for want of space, say: what is not needed goes at once, what it had stored stays."""
    one, _ = settled(place)
    place.write("data/one.txt", "newer\n" * 5000)
    place.good("backup")
    place.write("data/large.bin", os.urandom(60_000_000))
    process = place.start("backup", "--destination", "one")
    packs = len(list((one / "pack" / "d").iterdir()))
    while len(list((one / "pack" / "d").iterdir())) == packs and process.poll() is None:
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL, "it ended too soon"
    kept = {path.name for path in (one / "pack" / "d").iterdir()}
    place.good("backup", "delete", "first", "--confirm", "first", code=3)
    for deleted in (True, False):
        ran = place.good("repo", "compact", "--grace", "0s", "--destination", "one")
        assert ("0 packs deleted" not in ran.out) == deleted, ran
        assert "waits for session" not in ran.out, ran
    left = kept & {path.name for path in (one / "pack" / "d").iterdir()}
    assert len(left) > 1, "what the killed one had stored"
    place.good("backup", "sync")
    ran = place.good("backup", "--json")
    assert ran.summary["bytes_new"] < 60_000_000, ran
    place.good("repo", "check", "--read-data")
    equal(place, "latest")


stage.main(globals())
