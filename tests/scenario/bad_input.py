#!/usr/bin/env python3
"""What is wrong is named, with cause and fix, and changes nothing."""
import hashlib
import os
import re
import resource
import shutil
import subprocess

import stage


def small(place):
    place.write("data/one.txt", "one\n")
    place.write("data/two.txt", "two\n")
    place.repository(files="data")
    place.good("backup")


def refused(place, code, *words):
    """Runs words, expects the exit code and the three-part error, and that nothing changed."""
    before = stage.fingerprint(place.work)
    ran = place.good(*words, code=code)
    assert re.search(r"^error\[PD-\d{4}\]: \S", ran.err, re.M), ran
    assert re.search(r"^  fix:  \S", ran.err, re.M), ran
    after = stage.fingerprint(place.work)
    changed = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    assert not changed, f"changed by {words}: {changed}"
    return ran.err


def claim_who_cannot_be_asked_gets_a_fix_that_fits(place):
    small(place)
    told = place.good("key", "add", "--passphrase", "--no-input", code=12).err
    assert "--file" in told and "key = {" not in told, told
    told = refused(place, 12, "export", "share", "none.zip", "--passphrase", "--no-input")
    assert "leave --passphrase out" in told, told


def claim_a_wrong_key_is_12(place):
    small(place)
    key = place.work / "perdure.key"
    key.rename(place.folder / "kept.key")
    refused(place, 12, "key", "list")
    other = place.folder / "other"
    other.mkdir()
    place.good("init", cwd=other)
    key.write_bytes((other / "perdure.key").read_bytes())
    error = refused(place, 12, "backup", "list")
    assert "does not open" in error and "perdure.toml:4" in error, error
    refused(place, 12, "restore", "latest", "--to", place.folder / "back")
    assert not (place.folder / "back").exists()


def claim_a_folder_without_a_repository_is_10(place):
    small(place)
    (place.work / "empty").mkdir()
    config = place.work / "perdure.toml"
    config.write_text(config.read_text().replace('path = "backups"', 'path = "empty"'))
    assert "no repository" in refused(place, 10, "backup", "list")
    config.write_text(config.read_text().replace('path = "empty"', 'path = "absent"'))
    refused(place, 10, "backup")


def claim_a_newer_format_is_1_and_names_the_version(place):
    small(place)
    config = place.work / "backups" / "config"
    config.write_bytes(stage.newer_format(config.read_bytes()))
    error = refused(place, 1, "backup", "list")
    assert re.search(r"\b2\b", error), error


def claim_a_truncated_repository_is_14(place):
    small(place)
    for number in range(3):
        place.write(f"data/large{number}", os.urandom(300_000))
    place.good("backup")
    packs = sorted((place.work / "backups" / "pack").rglob("*"), key=lambda p: p.stat().st_size)
    for pack in [p for p in packs if p.is_file()]:
        pack.chmod(0o600)
        pack.write_bytes(pack.read_bytes()[: pack.stat().st_size // 3])
    refused(place, 14, "repo", "check", "--read-data")
    ran = place.run("restore", "latest", "--to", place.folder / "back")
    assert ran.code in (3, 14) and "large" in ran.out + ran.err, ran


def claim_a_lost_pack_is_14(place):
    small(place)
    for pack in (place.work / "backups" / "pack").rglob("*"):
        if pack.is_file():
            pack.unlink()
    refused(place, 14, "repo", "check")


def claim_five_faults_of_a_configuration_are_all_named_with_line_and_column(place):
    place.write("perdure.toml", """version = 1
[repository.main]
destinations = ["dsik"]
key = { file = "perdure.key" }
[destination.disk]
type = "local"
pth = "backups"
[source.app]
type = "sqlight"
path = "app.db"
priority = "high"
[objectives]
rpo = "soon"
""")
    for words in (["config", "check"], ["backup"], ["status"]):
        error = refused(place, 2, *words)
        for where in ("3:17", "7:1", "9:1", "11:1", "13:1"):
            assert f"perdure.toml:{where}: " in error, f"{where} is missing in\n{error}"
        assert "five" in error or "5 faults" in error, error
        assert 'did you mean "disk"' in error and 'did you mean "path"' in error, error


def claim_no_configuration_is_2_and_says_how_to_begin(place):
    error = refused(place, 2, "backup")
    assert "perdure init" in error, error


def claim_unknown_words_are_2_with_the_nearest_known(place):
    assert 'did you mean "perdure backup"' in refused(place, 2, "bakcup")
    assert 'did you mean "perdure repo check"' in refused(place, 2, "repo", "chekc")
    assert "did you mean --dry-run" in refused(place, 2, "backup", "--dry-rnu")
    refused(place, 2, "restore")
    refused(place, 2, "backup", "--type", "fulll")
    refused(place, 2, "runs", "show", "x")
    # A word of a group alone, or a command of the group that takes sources.
    assert 'did you mean "perdure backup list"' in refused(place, 2, "list")
    assert 'did you mean "perdure backup"' in refused(place, 2, "help", "bakup")
    assert "did you mean --json" in refused(place, 2, "--jsn")
    assert place.good("--version").out == place.good("version").out
    small(place)
    assert 'did you mean "perdure backup list"' in refused(place, 2, "backup", "lst")
    assert "perdure runs list" in refused(place, 1, "runs", "show", "999")
    assert '"a/b" cannot be a name' in refused(place, 2, "source", "add", "a/b", "--type",
                                               "files", "--path", "data")
    assert "--config" in refused(place, 2, "--config", "data", "status")


def claim_a_file_that_is_not_there_is_named_with_what_to_do(place):
    small(place)
    (place.work / "full.txt").write_text("a file\n")
    for words in (["restore", "apply", "none.json"], ["export", "batch", "none.toml"],
                  ["export", "verify", "none.zip"], ["source", "discover", "none"]):
        error = refused(place, 1, *words)
        assert "none" in error, error
    assert "is not a folder" in refused(place, 15, "restore", "latest", "--to", "full.txt/back")
    # A kit that cannot be written leaves no key behind that nobody knows.
    (place.work / "kit.txt").write_text("mine\n")
    keys = place.good("key", "list").out
    for file, code in (("none/kit.txt", 1), ("full.txt/kit.txt", 1), ("kit.txt", 15)):
        error = place.good("key", "recovery-kit", "-o", file, code=code).err
        assert "  fix:  " in error and file.split("/")[0] in error, error
    assert place.good("key", "list").out == keys
    error = refused(place, 10, "backup", "list", "--destination", "./none/disk")
    assert "a folder that holds a repository" in error and "perdure.toml" not in error, error


def claim_what_a_check_finds_bad_is_an_error_of_the_summary(place):
    small(place)
    shutil.rmtree(place.work / "data")
    for words in (["config", "check"], ["doctor"], ["source", "test", "files"]):
        ran = place.run(*words, "--json")
        assert ran.summary["exit_code"] == 1, ran.summary
        assert [error for error in ran.summary["errors"] if "files" in error["message"]], ran.out
    (place.work / "backups").rename(place.work / "away")
    ran = place.run("destination", "test", "--json")
    assert ran.summary["exit_code"] == 13 and ran.summary["errors"], ran.summary
    ran = place.run("status", "--exit-code", "--json")
    assert ran.summary["exit_code"] == 20, ran.summary
    assert ran.summary["errors"][0]["code"] == "PD-0020", ran.summary


def claim_an_unknown_snapshot_is_named(place):
    small(place)
    assert "deadbeef" in refused(place, 1, "restore", "deadbeef", "--to", place.folder / "back")
    assert not (place.folder / "back").exists()


def claim_a_path_that_no_snapshot_holds_makes_nothing(place):
    small(place)
    back = place.folder / "back"
    error = refused(place, 1, "restore", "latest", "files/one.txt", "files/none.txt", "--to", back)
    assert "files/none.txt" in error and "perdure backup show" in error, error
    assert not back.exists()


def claim_an_unknown_source_gets_the_nearest(place):
    small(place)
    assert 'did you mean "files"' in refused(place, 2, "backup", "flies")


def claim_a_disk_that_is_away_never_becomes_a_new_repository(place):
    small(place)
    disk, away = place.work / "backups", place.folder / "away"
    disk.rename(away)
    back = place.folder / "back"
    for words in (["backup"], ["backup", "list"], ["restore", "latest", "--to", back]):
        error = refused(place, 10, *words)
        assert "mount" in error and "perdure init" not in error, error
    disk.mkdir()  # the folder that it is mounted on
    assert "mount" in refused(place, 10, "backup")
    assert "--confirm main" in refused(place, 17, "init")
    refused(place, 17, "init", "--yes")
    disk.rmdir()
    away.rename(disk)
    place.good("backup")
    assert len(place.good("backup", "list", "--json").events) == 3
    disk.rename(away)
    place.good("init", "--confirm", "main")
    assert place.good("backup", "list", "--json").summary["snapshots"] == 0
    # A folder that only the command line names is another matter.
    place.good("init", "--destination", "./usb")


def claim_what_is_wrong_is_told_in_lines_of_their_own(place):
    small(place)
    (place.work / "backups").rename(place.folder / "away")
    for words in (["status"], ["doctor"], ["config", "check"]):
        ran = place.run(*words)
        assert "\\x0a" not in ran.out + ran.err, ran
        details = [event.get("detail", "") for event in place.run(*words, "--json").events]
        assert all("\n" not in detail for detail in details), details


def claim_a_full_disk_is_named_with_what_to_do(place):
    place.write("data/large", os.urandom(4_000_000))
    disk = place.work / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", disk],
                      capture_output=True).returncode != 0:
        raise stage.Skip("no tmpfs can be mounted here")
    try:
        place.write("perdure.toml", 'version = 1\n[repository.main]\ndestinations = ["disk"]\n'
                    'key = { file = "perdure.key" }\n[destination.disk]\ntype = "local"\n'
                    'path = "disk/repository"\n[source.data]\ntype = "files"\npath = "data"\n')
        place.good("init")
        ran = place.good("backup", code=1)
        headline, why, fix = ran.err.splitlines()
        assert headline.endswith("no space is left") and "make room" in fix, ran
        assert why.count("writing pack") == 1 and str(disk) in why, ran
        assert place.good("backup", "list", "--json").summary["snapshots"] == 0
        subprocess.run(["mount", "-o", "remount,size=40m", disk], check=True)
        place.good("backup")
        place.good("backup", "verify", "--read-data")
        # A restore that does not fit says the same, and what is there stays.
        subprocess.run(["mount", "-o", "remount,size=5m", disk], capture_output=True)
        ran = place.good("restore", "latest", "--to", disk / "back", code=1)
        assert "no space is left" in ran.err and "fix:  make room" in ran.err, ran
        place.good("backup", "verify", "--read-data")
    finally:
        subprocess.run(["umount", disk], check=True)


def claim_a_command_without_its_destination_is_13_or_10(place):
    small(place)
    (place.work / "backups").rename(place.folder / "elsewhere")
    place.write("backups", "a file where a folder should be")
    ran = place.run("backup")
    assert ran.code in (10, 13), ran
    assert 'destination "disk"' in ran.err, ran


def claim_a_snapshot_that_the_store_hides_is_named_and_a_deleted_one_is_not(place):
    """Writers number their snapshots: what nobody deleted and nobody sees is a gap, exit 3."""
    place.write("data/a.txt", "1\n")
    place.repository(data="data")
    made = []
    for number in range(4):
        place.write("data/a.txt", f"{number}\n")
        made.append(place.good("backup", "--json").summary["snapshot"])
    place.good("backup", "delete", made[0], "--confirm", made[0][:12])
    place.good("repo", "check")
    hidden = [path for path in (place.work / "backups").rglob("*")
              if path.is_file() and path.name == made[2] and "snapshot" in path.parts]
    assert len(hidden) == 1, hidden
    hidden[0].unlink()
    ran = place.good("repo", "check", code=3)
    assert "gap" in ran.out and "1, 3" in ran.out and "backup sync" in ran.out, ran
    last = place.good("repo", "check", "--json", code=3)
    assert last.summary["gaps"] == 1 and last.summary["passed"], last
    assert [e["kind"] for e in last.events if e["type"] == "finding"] == ["gap"], last


def lights(place):
    return place.run("status", "--json").summary["sources"][0]["lights"]["backup"]["light"]


def claim_a_repository_that_was_set_back_is_told_by_who_made_the_newer_snapshots(place):
    """The newest snapshot has no successor that could miss it; its maker's log of runs does."""
    place.write("data/a.txt", "1\n")
    place.repository(data="data")
    place.good("backup")
    shutil.copytree(place.work / "backups", place.work / "older", copy_function=shutil.copy2)
    made = [place.good("backup", "--json").summary["snapshot"] for _ in range(2)]
    place.good("backup", "delete", made[0], "--confirm", made[0][:12])
    place.good("repo", "check")
    assert lights(place) == "green"
    (place.work / "backups").rename(place.work / "newer")
    (place.work / "older").rename(place.work / "backups")
    assert lights(place) == "red", "its snapshot is not there any more"
    ran = place.good("repo", "check", code=3)
    assert made[1] in ran.out and "this machine made it" in ran.out, ran
    shutil.rmtree(place.work / "backups")  # another repository in its place misses nothing
    place.good("init", "--confirm", "main")
    place.good("backup")
    place.good("repo", "check")


def claim_a_machine_that_gives_no_more_threads_is_named(place):
    if os.geteuid() != 0:
        raise stage.Skip("needs root, to be somebody who has no other processes")
    place.write("data/a.txt", "1\n")
    place.repository(data="data")
    somebody = 64321
    for path in [place.folder, *place.folder.rglob("*")]:
        os.chown(path, somebody, somebody, follow_symlinks=False)
    for threads in (1, 2, 4):
        process = place.start("backup", user=somebody, group=somebody, extra_groups=[],
                              preexec_fn=lambda most=threads: resource.setrlimit(
                                  resource.RLIMIT_NPROC, (most, most)))
        _, err = process.communicate(timeout=60 * stage.PATIENCE)
        assert process.returncode == 1 and b"a thread could not be started" in err, (threads, err)
        assert b"ulimit -u" in err, err


def mistyped(word, group):
    """With another second character, of those that the check character does not fit by chance."""
    alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
    for other in alphabet:
        typed = word[0] + other + word[2:4]
        digest = hashlib.sha256(b"perdure1/phrase" + bytes([group]) + typed.encode()).digest()
        if alphabet[digest[0] & 31] != word[4]:
            return typed + word[4]
    raise AssertionError("a check character that fits everything")


def claim_a_recovery_phrase_with_a_typing_error_names_the_group(place):
    """Typed from paper by a worried person: which of the eight groups to look at again."""
    place.write("data/one.txt", "one\n")
    place.repository(data="data")
    place.good("key", "recovery-kit", "-o", "kit.txt")
    kit = (place.work / "kit.txt").read_text()
    phrase = next(line.strip() for line in kit.splitlines() if line.count("-") == 7)
    config = place.work / "perdure.toml"
    config.write_text(config.read_text().replace("perdure.key", "typed.txt"))
    for group in range(8):
        words = phrase.split("-")
        wrong = [mistyped(words[group], group), words[group][:-1], words[group] + "2"]
        for word in wrong:
            typed = "-".join(words[:group] + [word] + words[group + 1:])
            for text in (kit.replace(phrase, typed), typed, typed.lower().replace("-", " ") + "\n"):
                place.write("typed.txt", text)
                error = place.good("backup", "list", code=12).err
                assert f"group {group + 1} of the recovery phrase is wrong" in error, (text, error)
                assert word not in error, "a secret in an error"
    for text in (kit, phrase + "\n", phrase.lower().replace("-", "  ")):
        place.write("typed.txt", text)
        place.good("backup", "list")


stage.main(globals())
