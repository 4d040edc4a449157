#!/usr/bin/env python3
"""Several destinations: what lies there may be something else, nothing, or not all of it."""
import shutil

import stage


def two_places(place):
    """A repository at disk and second, with one snapshot at both."""
    place.write("data/one.txt", "one\n" * 5000)
    place.repository(data="data")
    place.good("destination", "add", "second", "--path", place.folder / "second")
    place.good("backup", "sync")
    place.good("backup")
    return place.folder / "second"


def objects(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def restored(place, destination, name):
    """What the latest snapshot at one destination holds, compared with the source."""
    to = place.folder / name
    place.good("restore", "latest", "--destination", destination, "--to", to)
    return stage.rsync_differences(place.work / "data", to / "data")


def claim_another_repository_at_a_destination_is_never_mixed_with(place):
    """Somebody else's disk is mounted: neither repository loses anything, whatever is run."""
    second = two_places(place)
    other = place.folder / "other"
    other.mkdir()
    (other / "theirs").mkdir()
    (other / "theirs/file.txt").write_text("theirs\n" * 3000)
    (other / "perdure.toml").write_text(
        'version = 1\n[repository.main]\ndestinations = ["disk"]\nkey = { file = "perdure.key" }\n'
        f'[destination.disk]\ntype = "local"\npath = "{place.folder / "theirs"}"\n'
        '[source.data]\ntype = "files"\npath = "theirs"\n')
    shutil.copy(place.work / "perdure.key", other)  # as people do who have two projects
    place.good("init", cwd=other)
    place.good("backup", cwd=other)
    place.good("key", "rotate", cwd=other)
    shutil.move(second, place.folder / "ours")
    shutil.move(place.folder / "theirs", second)
    before = objects(second)
    for words, code in ((["backup", "sync"], 3), (["backup"], 3), (["key", "rotate"], 3),
                        (["repo", "compact", "--grace", "0s"], 0), (["repo", "repair"], 3),
                        (["backup", "cleanup", "--keep", "1"], 3), (["repo", "check"], 3),
                        (["doctor"], 1), (["destination", "test", "second"], 13),
                        (["status", "--exit-code"], 20)):
        ran = place.good(*words, code=code)
        told = ran.out + ran.err
        quiet = words[:2] in (["repo", "compact"], ["key", "rotate"])
        assert quiet or "another repository" in told, (words, ran)
        assert objects(second) == before, f"{words} touched the other repository"
    assert restored(place, "disk", "back") == ""
    shutil.move(second, place.folder / "theirs")
    shutil.move(place.folder / "ours", second)
    place.good("restore", "latest", "--to", place.folder / "their-back", cwd=other)
    place.good("backup", "sync")
    place.good("repo", "check")
    assert restored(place, "second", "again") == ""


def claim_a_new_destination_joins_the_repository_that_another_holds(place):
    """`init` of one more destination must not begin a second repository in the same name."""
    place.write("data/one.txt", "one\n" * 5000)
    place.repository(data="data")
    place.good("backup")
    second = place.folder / "second"
    with open(place.work / "perdure.toml", "a") as file:
        file.write(f'[destination.second]\ntype = "local"\npath = "{second}"\n')
    text = (place.work / "perdure.toml").read_text()
    place.write("perdure.toml", text.replace('["disk"]', '["disk", "second"]'))
    ran = place.good("doctor", code=1)
    assert "perdure init --destination" in ran.out, ran
    ran = place.good("init", "--destination", "second", "--json")
    assert ran.summary["joined"] == "disk", ran
    assert (second / "config").read_bytes() == (place.work / "backups/config").read_bytes()
    place.good("backup", code=3)  # it lacks what was there before
    place.good("backup", "sync")
    place.good("backup")
    assert restored(place, "second", "back") == ""
    place.good("init", "--destination", "second", code=15)


def claim_an_init_that_is_refused_makes_no_folder(place):
    place.write("data/one.txt", "one\n")
    place.repository(data="data")
    second = place.folder / "deep/second"
    with open(place.work / "perdure.toml", "a") as file:
        file.write(f'[destination.second]\ntype = "local"\npath = "{second}"\n')
    text = (place.work / "perdure.toml").read_text()
    place.write("perdure.toml", text.replace('["disk"]', '["disk", "second"]'))
    place.good("init", code=15)
    assert not second.parent.exists()
    place.good("init", "--destination", "second")
    place.good("backup", "sync")
    shutil.move(second.parent, place.folder / "away")  # its disk, with the folder below it
    refused = place.run("init", "--destination", "second")
    assert refused.code != 0 and "empty now" in refused.err, refused
    assert not second.parent.exists()


def claim_a_destination_that_is_empty_now_is_not_taken_for_a_new_one(place):
    """A bare mount point: nothing is written below it, and everybody who looks says so."""
    second = two_places(place)
    shutil.move(second, place.folder / "disk-of-second")
    second.mkdir()
    for words, code in ((["backup"], 3), (["backup", "sync"], 3), (["key", "rotate"], 3),
                        (["repo", "check"], 3), (["doctor"], 1), (["status", "--exit-code"], 20),
                        (["destination", "test", "second"], 13)):
        ran = place.good(*words, code=code)
        assert words == ["key", "rotate"] or "empty now" in ran.out + ran.err, (words, ran)
        assert not list(second.rglob("*")), f"{words} wrote below the mount point"
    second.rmdir()
    shutil.move(place.folder / "disk-of-second", second)
    place.good("backup", "sync")
    place.good("repo", "check")
    shutil.rmtree(second)  # the disk died; this is its successor
    second.mkdir()
    place.good("backup", "sync", code=3)
    place.good("backup", "sync", "--confirm", "second")
    assert restored(place, "second", "back") == ""


def claim_the_sentence_of_health_names_a_destination_once(place):
    second = two_places(place)
    place.good("repo", "check")
    place.good("restore", "drill")
    shutil.move(second, place.folder / "disk-of-second")
    second.mkdir()
    sentence = place.good("status").out.splitlines()[0]
    assert ": destination second: " in sentence and "empty now" in sentence, sentence


def claim_a_destination_that_lacks_snapshots_is_not_called_protected(place):
    """Rolled back to an older state: it answers, and has not what it should have."""
    second = two_places(place)
    shutil.copytree(second, place.folder / "older", symlinks=True)
    place.write("data/two.txt", "two\n" * 5000)
    place.good("backup")
    place.good("repo", "check")
    place.good("restore", "drill")
    place.good("status", "--exit-code")
    shutil.rmtree(second)
    shutil.move(place.folder / "older", second)
    ran = place.good("repo", "check", "--json", code=3)
    assert "second" in ran.out and "lacks" in ran.out, ran
    ran = place.good("status", "--exit-code", "--json", code=20)
    assert ran.summary["worst"] == "red" and "Protected" not in ran.summary["sentence"], ran
    ran = place.good("doctor", code=1)
    assert "lacks" in ran.out, ran
    place.good("backup", "sync")
    place.good("repo", "check")
    place.good("status", "--exit-code")


def claim_a_dry_run_of_a_sync_tells_which_snapshots_it_would_delete(place):
    """Who deletes at one destination deletes at all: with the next sync, and it says so before."""
    two_places(place)
    for number in range(2):
        place.write("data/one.txt", f"{number}\n" * 5000)
        place.good("backup")
    place.good("backup", "cleanup", "--keep", "1", "--destination", "disk")
    words = place.good("backup", "cleanup", "--help").out.split()
    assert "the next sync deletes the same at the others" in " ".join(words), words
    dry = place.good("backup", "sync", "--dry-run", "--json").summary["destinations"]
    assert [leg["snapshots_removed"] for leg in dry] == [0, 2], dry
    told = place.good("backup", "sync", "--dry-run").out
    assert "2 snapshots would be deleted" in told, told
    assert len(place.good("backup", "list", "--destination", "second", "--json").events) == 4
    place.good("backup", "sync")
    assert len(place.good("backup", "list", "--destination", "second", "--json").events) == 2


def claim_a_pinned_snapshot_outlives_a_deletion_elsewhere(place):
    """"no rule and no delete removes it": a sync does not either, until it is unpinned."""
    second = two_places(place)
    first = place.good("backup", "list", "--json").events[0]["id"]
    place.write("data/one.txt", "newer\n" * 5000)
    place.good("backup")
    shutil.move(second, place.folder / "away")
    place.good("backup", "cleanup", "--keep", "1", code=3)
    place.run("repo", "compact", "--grace", "0s")
    shutil.move(place.folder / "away", second)
    place.good("backup", "pin", first, "--reason", "court order", "--destination", "second")
    for _ in range(2):
        ran = place.good("backup", "sync", code=14)
        assert first in ran.out and "pinned" in ran.out, ran
    place.good("repo", "compact", "--grace", "0s", code=15)
    place.good("restore", first, "--destination", "second", "--to", place.folder / "back")
    place.good("backup", "unpin", first, "--destination", "second")
    place.good("backup", "sync")
    place.good("repo", "compact", "--grace", "0s")
    place.good("repo", "check")


def claim_two_destinations_in_one_folder_are_refused(place):
    """They would count as two copies, and there is one."""
    second = two_places(place)
    for path in (place.work / "backups", second):
        place.good("destination", "add", "twin", "--path", path, code=2)
    ran = place.good("destination", "add", "cloud", "--type", "s3", "--path", "bucket", code=2)
    assert "not supported" in ran.err, ran
    assert "twin" not in (place.work / "perdure.toml").read_text()
    assert "cloud" not in (place.work / "perdure.toml").read_text()
    link = place.folder / "link"
    link.symlink_to(second)
    text = (place.work / "perdure.toml").read_text()
    place.write("perdure.toml", text.replace(str(place.work / "backups"), str(link))
                .replace('"backups"', f'"{link}"'))
    for words in (["config", "check"], ["backup"], ["backup", "sync"]):
        ran = place.run(*words)
        assert ran.code not in (0, 3) and "folder of destination" in ran.out + ran.err, ran


def claim_init_tells_which_destination_it_could_not_make(place):
    place.write("perdure.toml", 'version = 1\n[repository.main]\ndestinations = ["one", "two"]\n'
                'key = { file = "k" }\n[destination.one]\ntype = "local"\npath = "one"\n'
                '[destination.two]\ntype = "local"\npath = "two"\n')
    place.write("two", "a file where a folder should be")
    ran = place.good("init", code=3)
    assert "in " + str(place.work / "two") not in ran.out and "destination two" in ran.err, ran
    (place.work / "two").unlink()
    place.good("init", "--destination", "two")
    place.write("data/one.txt", "one\n")
    place.good("source", "add", "data", "--type", "files", "--path", "data")
    place.good("backup", "sync")
    place.good("backup")


def claim_a_new_key_names_the_destinations_that_do_not_open_with_it_yet(place):
    """A kit that was printed while a disk was away opens nothing there, until somebody syncs."""
    second = two_places(place)
    alone = place.write("kit.toml", (place.work / "perdure.toml").read_text()
                        .replace("perdure.key", "kit.txt"))
    shutil.move(second, place.folder / "away")
    place.environment["WORDS"] = "a passphrase of some length"
    for words in (["add", "--env", "WORDS"], ["recovery-kit", "-o", "kit.txt"]):
        ran = place.good("key", *words, code=3)
        assert "destination second" in ran.err and "backup sync" in ran.err, ran
    listed = [e for e in place.good("runs", "list", "--json").events if e["type"] == "run"]
    assert [run["outcome"] for run in listed[:2]] == ["partial", "partial"], listed
    shutil.move(place.folder / "away", second)
    place.environment["XDG_CACHE_HOME"] = str(place.folder / "elsewhere")
    at_second = ["backup", "list", "--config", alone, "--destination", "second"]
    place.good(*at_second, code=12)
    place.good("backup", "sync")
    place.good(*at_second)
    place.good("key", "add", "--file", "another.key")


def claim_a_deletion_names_the_destinations_that_it_did_not_reach(place):
    second = two_places(place)
    for number in range(3):
        place.write("data/one.txt", f"{number}\n" * 5000)
        place.good("backup")
    place.good("repo", "check")
    place.good("restore", "drill")
    shutil.move(second, place.folder / "away")
    ran = place.good("backup", "cleanup", "--keep", "2", code=3)
    assert "destination second" in ran.err and "backup sync" in ran.err, ran
    oldest = place.good("backup", "list", "--json").events[0]["id"]
    ran = place.good("backup", "delete", oldest, "--confirm", oldest, "--json", code=3)
    assert "destination second" in ran.out, ran
    listed = [e for e in place.good("runs", "list", "--json").events if e["type"] == "run"]
    assert [run["outcome"] for run in listed[:2]] == ["partial", "partial"], listed
    assert len(list((place.folder / "away/snapshot").iterdir())) == 4
    place.good("backup", "cleanup", "--keep", "2", "--dry-run")
    place.good("backup", "cleanup", "--keep", "2", "--destination", "disk")
    shutil.move(place.folder / "away", second)
    config = place.work / "perdure.toml"
    config.write_text(config.read_text() + "[retention.default]\nlast = 2\n")
    place.good("backup", "sync")
    # Where the rules could be followed they were: what they did not reach, a sync reaches.
    place.good("status", "--exit-code")
    place.good("backup", "cleanup")


stage.main(globals())
