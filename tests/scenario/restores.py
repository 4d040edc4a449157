#!/usr/bin/env python3
"""What comes back is what was there, and nothing is overwritten unasked."""
import os
import shutil
import sqlite3
import subprocess

import stage


def tree(folder):
    folder.mkdir(parents=True)
    (folder / "plain.txt").write_text("plain\n")
    (folder / "deep" / "er").mkdir(parents=True)
    (folder / "deep" / "er" / "file.bin").write_bytes(os.urandom(300_000))
    (folder / "empty").mkdir()
    (folder / "zero").write_bytes(b"")
    (folder / "link").symlink_to("deep/er/file.bin")
    os.link(folder / "plain.txt", folder / "deep" / "hard")
    os.mkfifo(folder / "pipe")
    with open(os.fsencode(folder) + b"/latin-\xe9\xff", "w") as odd:
        odd.write("a name that is no UTF-8\n")
    with open(folder / "sparse", "wb") as sparse:
        sparse.truncate(5_000_000)
        sparse.seek(3_000_000)
        sparse.write(b"island")
    os.chmod(folder / "plain.txt", 0o640)
    os.utime(folder / "zero", ns=(1_600_000_000_123_456_789, 1_500_000_000_987_654_321))
    os.utime(folder / "empty", ns=(1_600_000_000_000_000_001, 1_400_000_000_000_000_001))


def claim_a_tree_comes_back_without_a_difference_to_rsync(place):
    tree(place.folder / "tree")
    place.repository(tree=place.folder / "tree")
    place.good("backup")
    place.good("restore", "latest", "--to", place.folder / "back")
    difference = stage.rsync_differences(place.folder / "tree", place.folder / "back" / "tree")
    assert difference == "", difference
    sparse = (place.folder / "back" / "tree" / "sparse").stat()
    assert sparse.st_blocks * 512 < 2_000_000, "the holes were filled"


def claim_real_databases_come_back_equal(place):
    names = ["chinook/Chinook_Sqlite.sqlite", "northwind/northwind.sqlite", "proj/proj.db",
             "ldbc_snb_social/ldbc_snb.sqlite"]
    sources = {}
    for number, name in enumerate(names):
        sources[f"db{number}"] = stage.real_database(name)
    place.repository(**sources)
    place.good("backup")
    place.good("restore", "latest", "--to", place.folder / "back")
    for name, path in sources.items():
        restored = place.folder / "back" / name / path.name
        assert stage.sqlite_dump(restored) == stage.sqlite_dump(path), f"{path} differs"
    drill = place.good("restore", "drill", "--json").summary
    assert all(source["equality"] == "equal_to_live" for source in drill["sources"]), drill


def claim_a_database_in_use_is_backed_up_with_what_its_log_holds(place):
    path = place.folder / "live.db"
    writer = sqlite3.connect(path, isolation_level=None)
    writer.execute("PRAGMA journal_mode = WAL")
    writer.execute("PRAGMA wal_autocheckpoint = 0")
    writer.execute("CREATE TABLE note(id INTEGER PRIMARY KEY, text)")
    writer.executemany("INSERT INTO note(text) VALUES(?)", [(f"n{i}",) for i in range(500)])
    place.repository(live=path)
    place.good("backup")
    writer.execute("INSERT INTO note(text) VALUES('later')")
    place.good("restore", "latest", "--to", place.folder / "back")
    with sqlite3.connect(place.folder / "back" / "live" / "live.db") as restored:
        assert restored.execute("SELECT count(*) FROM note").fetchone() == (500,)
    writer.close()


def claim_one_path_can_be_restored_alone(place):
    tree(place.folder / "tree")
    place.repository(tree=place.folder / "tree")
    place.good("backup")
    place.good("restore", "latest", "tree/deep", "--to", place.folder / "back")
    back = place.folder / "back" / "tree"
    assert (back / "deep" / "er" / "file.bin").exists()
    assert not (back / "plain.txt").exists()


def claim_a_restore_counts_what_came_back_not_what_the_snapshot_holds(place):
    folder = place.folder / "tree"
    tree(folder)
    with sqlite3.connect(place.work / "app.db") as database:
        database.execute("CREATE TABLE note(id INTEGER PRIMARY KEY, text)")
        database.executemany("INSERT INTO note(text) VALUES(?)", [("n",)] * 7)
    place.repository(tree=folder, app="app.db")
    place.good("backup")
    whole = place.good("restore", "latest", "--to", place.folder / "all", "--json").summary
    listed = {source["name"]: source for source in whole["sources"]}
    entries = sum(1 for _ in folder.rglob("*")) + 1  # the folder itself
    assert listed["tree"]["items"] == entries, (entries, listed)
    assert listed["app"]["items"] == 7, listed
    sizes = {path.stat().st_ino: path.stat().st_size for path in folder.rglob("*")
             if path.is_file() and not path.is_symlink()}
    assert listed["tree"]["bytes"] == sum(sizes.values()), listed
    ran = place.good("restore", "latest", "tree/deep/er", "--to", place.folder / "part", "--json")
    part = ran.summary
    # The root, deep, er and the one file in it.
    assert part["items"] == 4 and part["bytes"] == 300_000, part
    assert [source["name"] for source in part["sources"]] == ["tree"], part
    run = place.good("runs", "list", "--json").events[0]
    assert run["items"] == 4 and run["bytes_read"] == 300_000, run


def claim_overwriting_needs_the_name_and_yes_is_not_enough(place):
    place.write("data/one.txt", "from the backup\n")
    place.repository(data="data")
    place.good("backup")
    target = place.folder / "target"
    (target / "data").mkdir(parents=True)
    (target / "data" / "one.txt").write_text("mine\n")
    for words in ([], ["--yes"], ["--confirm", "wrong"]):
        ran = place.good("restore", "latest", "--to", target, *words, code=17)
        assert "--confirm target" in ran.err, ran
        assert (target / "data" / "one.txt").read_text() == "mine\n"
    place.good("restore", "latest", "--to", target, "--confirm", "target")
    assert (target / "data" / "one.txt").read_text() == "from the backup\n"


def claim_nothing_is_restored_through_a_planted_link(place):
    victim = place.folder / "victim"
    victim.mkdir()
    (victim / "plain.txt").write_text("precious\n")
    (victim / "app.db").write_bytes(b"precious")
    tree(place.folder / "tree")
    with sqlite3.connect(place.folder / "app.db") as app:
        app.execute("CREATE TABLE note(text)")
    place.repository(tree=place.folder / "tree", app=place.folder / "app.db")
    place.good("backup")
    for name in ("tree", "app"):
        back = place.folder / f"back-{name}"
        back.mkdir()
        (back / name).symlink_to(victim)
        refused = place.good("restore", "latest", name, "--to", back, "--confirm", back.name,
                             code=15)
        assert "is a link" in refused.err, refused
    app = place.folder / "back-app" / "app"
    app.unlink()
    app.mkdir()
    (app / "app.db").symlink_to(victim / "app.db")
    place.good("restore", "latest", "app", "--to", app.parent, "--confirm", app.parent.name)
    assert sorted(path.name for path in victim.iterdir()) == ["app.db", "plain.txt"]
    assert (victim / "plain.txt").read_text() == "precious\n"
    assert (victim / "app.db").read_bytes() == b"precious"
    assert not (app / "app.db").is_symlink()


def claim_rows_that_must_differ_come_back_without_their_masked_column(place):
    with sqlite3.connect(place.folder / "app.db") as app:
        app.execute("CREATE TABLE person(id INTEGER PRIMARY KEY, mail TEXT NOT NULL UNIQUE)")
        app.executemany("INSERT INTO person(mail) VALUES(?)", [(f"p{i}@x.org",) for i in range(9)])
    place.repository(app=place.folder / "app.db")
    with open(place.work / "perdure.toml", "a") as configuration:
        configuration.write('mask = { "person.mail" = "drop" }\n')
    place.good("backup")
    place.good("restore", "latest", "--to", place.folder / "back")
    with sqlite3.connect(place.folder / "back" / "app" / "app.db") as back:
        rows = back.execute("SELECT count(*), sum(mail LIKE '%x.org%') FROM person").fetchone()
    assert rows == (9, 0), rows
    place.good("restore", "drill")


def claim_snapshots_are_found_by_id_prefix_tag_and_time(place):
    place.write("data/state", "first\n")
    place.repository(data="data")
    first = place.good("backup", "--tag", "gold", "--json").summary["snapshot"]
    import time
    time.sleep(1.1)
    between = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    time.sleep(1.1)
    place.write("data/state", "second, longer\n")
    place.good("backup", "--type", "full")
    for number, words in enumerate(([first], [first[:8]], ["gold"], ["latest", "--at", between])):
        target = place.folder / f"back{number}"
        place.good("restore", *words, "--to", target)
        assert (target / "data" / "state").read_text() == "first\n", words
    place.good("backup", "restore", "latest", "--to", place.folder / "seed")
    assert (place.folder / "seed" / "data" / "state").read_text() == "second, longer\n"


def claim_a_drill_fails_when_an_invariant_does_not_hold(place):
    with sqlite3.connect(place.work / "app.db") as database:
        database.execute("CREATE TABLE note(id INTEGER PRIMARY KEY, owner)")
        database.execute("INSERT INTO note VALUES(1, NULL)")
    place.repository(app="app.db")
    config = place.work / "perdure.toml"
    good = config.read_text()
    place.good("backup")
    config.write_text(good + '[source.app.invariants]\nmine = "SELECT 1 FROM note WHERE id < 0"\n')
    place.good("restore", "drill")
    config.write_text(good + "[source.app.invariants]\n"
                      'owned = "SELECT id FROM note WHERE owner IS NULL"\n')
    ran = place.good("restore", "drill", "--json", code=14)
    assert not ran.summary["passed"] and "owned" in ran.out, ran
    config.write_text(good + '[source.app.invariants]\nprogram = ["test", "-s", "absent"]\n')
    place.good("restore", "drill", code=14)


def claim_two_destinations_hold_the_same_and_one_alone_restores(place):
    place.write("data/one.txt", "one\n")
    place.repository(data="data")
    place.good("backup")
    place.good("destination", "add", "second", "--path", place.folder / "second")
    place.good("backup", "sync")
    place.write("data/two.txt", "two\n")
    place.good("backup")
    shutil.rmtree(place.work / "backups")
    place.good("restore", "latest", "--destination", "second", "--to", place.folder / "back")
    assert stage.rsync_differences(place.work / "data", place.folder / "back" / "data") == ""


def claim_a_destination_that_missed_a_backup_gets_no_snapshot_until_it_is_synced(place):
    """What b lacks, no snapshot on b may refer to; only a sync brings b back."""
    place.write("data/one.txt", "one\n" * 5000)
    place.repository(data="data")
    place.good("backup")
    second = place.folder / "second"
    place.good("destination", "add", "second", "--path", second)
    place.good("backup", "sync")
    shutil.move(second, place.folder / "unplugged")
    place.write("data/two.txt", "two\n" * 7000)
    place.good("backup", code=3)
    shutil.rmtree(second, ignore_errors=True)
    shutil.move(place.folder / "unplugged", second)
    place.write("data/three.txt", "three\n" * 3000)
    place.good("backup", code=3)
    back = place.folder / "before"
    place.good("restore", "latest", "--destination", "second", "--to", back)
    assert not (back / "data" / "two.txt").exists(), "a snapshot came without its packs"
    place.good("backup", "sync")
    place.good("backup")
    place.good("restore", "latest", "--destination", "second", "--to", place.folder / "after")
    assert stage.rsync_differences(place.work / "data", place.folder / "after" / "data") == ""


def claim_latest_says_when_a_newer_snapshot_cannot_be_read(place):
    """Older data than asked for must never look like success; a snapshot named by id is meant."""
    place.write("data/one.txt", "one\n")
    place.repository(data="data")
    place.good("backup")
    first = place.good("backup", "list", "--json").events[0]["id"]
    place.write("data/two.txt", "two\n")
    place.good("backup")
    snapshots = sorted((place.work / "backups/snapshot").iterdir(),
                       key=lambda path: path.stat().st_mtime_ns)
    damaged = snapshots[-1]
    damaged.chmod(0o600)
    damaged.write_bytes(b"\0" * damaged.stat().st_size)
    ran = place.good("restore", "latest", "--to", place.folder / "back", "--json", code=3)
    assert damaged.name in ran.out and ran.summary["exit_code"] == 3, ran
    assert (place.folder / "back/data/one.txt").exists()
    for number, name in enumerate((first, first.upper(), first[:8].upper())):
        place.good("restore", name, "--to", place.folder / f"named{number}")


def away(place, folder):
    """Takes a destination away; the returned function brings it back as it was."""
    shutil.move(folder, place.folder / "unplugged")

    def bring_back():
        shutil.rmtree(folder, ignore_errors=True)
        shutil.move(place.folder / "unplugged", folder)
    return bring_back


def claim_a_destination_that_missed_a_key_change_is_named_and_never_decides(place):
    """It still holds the old keyring: neither read by, nor called done, before a sync."""
    place.write("data/one.txt", "one\n" * 5000)
    place.repository(data="data")
    place.good("backup")
    place.good("destination", "add", "second", "--path", place.folder / "second")
    place.good("backup", "sync")
    homes = (("second", place.folder / "second"), ("disk", place.work / "backups"))
    for number, (name, folder) in enumerate(homes):
        bring_back = away(place, folder)
        ran = place.good("key", "rotate", "--json", code=3)
        pending = [home["home"] for home in ran.summary["homes"] if "pending" in home]
        assert ran.summary["complete"] is False and pending == [name], ran
        bring_back()
        place.environment["XDG_CACHE_HOME"] = str(place.folder / f"elsewhere{number}")
        place.write(f"data/after{number}.txt", f"{number}\n" * 4000)
        place.good("backup", code=3)
        synced = place.good("backup", "sync")
        assert "old keys" not in synced.out + synced.err, synced
        place.good("backup")
        manifests = [sorted((home / "keyring/m").iterdir())
                     for home in (place.work / "backups", place.folder / "second")]
        assert [[(path.name, path.read_bytes()) for path in one] for one in manifests][0] == \
            [(path.name, path.read_bytes()) for path in manifests[1]], "the keyrings differ"
        for path in manifests[0][:-1]:
            assert path.stat().st_size < 500, f"{path} still holds keys"
    place.good("restore", "latest", "--destination", "second", "--to", place.folder / "after")
    assert stage.rsync_differences(place.work / "data", place.folder / "after" / "data") == ""


def claim_a_sync_says_when_old_keys_could_not_be_looked_at(place):
    """Destinations become equal without a key; that nothing was done about keys is a problem."""
    place.write("data/one.txt", "one\n")
    place.repository(data="data")
    place.good("backup")
    place.good("destination", "add", "second", "--path", place.folder / "second")
    other = place.folder / "other"
    other.mkdir()
    place.good("init", cwd=other)
    key = (place.work / "perdure.key").read_bytes()
    (place.work / "perdure.key").write_bytes((other / "perdure.key").read_bytes())
    ran = place.good("backup", "sync", "--json", code=3)
    assert all(leg["complete"] for leg in ran.summary["destinations"]), ran
    assert "does not open" in ran.out, ran
    run = place.good("runs", "list", "--json").events[0]
    assert run["verb"] == "sync" and run["outcome"] == "partial", run
    shown = place.good("runs", "show", run["id"], "--json").summary
    assert "does not open" in shown["problems"][0]["reason"], shown
    (place.work / "perdure.key").write_bytes(key)
    place.good("backup", "sync")


def claim_destinations_that_were_compacted_apart_come_together_by_a_sync(place):
    """Each lost other snapshots and packs while the other was away; none of what is left goes."""
    place.repository(data="data")
    second = place.folder / "second"
    place.good("destination", "add", "second", "--path", second)
    place.good("backup", "sync")
    ids = []
    for _ in range(3):
        place.write("data/file.bin", os.urandom(300_000))
        ids.append(place.good("backup", "--json").summary["snapshot"])
    for index, folder in ((0, second), (1, place.work / "backups")):
        bring_back = away(place, folder)
        place.good("backup", "delete", ids[index], "--confirm", ids[index], code=3)
        compacted = place.run("repo", "compact", "--grace", "0s", "--json")
        assert compacted.code in (0, 3) and compacted.summary["packs_deleted"] > 0, compacted
        bring_back()
    synced = place.good("backup", "sync", "--json")
    assert all(leg["complete"] for leg in synced.summary["destinations"]), synced
    place.write("data/more.bin", os.urandom(200_000))
    place.good("backup")
    place.good("repo", "compact", "--grace", "0s")
    place.good("backup", "sync")
    for name in ("disk", "second"):
        left = [event["id"] for event in
                place.good("backup", "list", "--destination", name, "--json").events
                if event["type"] == "snapshot"]
        assert len(left) == 2 and ids[2] in left, left
        place.good("repo", "check", "--read-data", "--destination", name)
        place.good("restore", "latest", "--destination", name, "--to", place.folder / f"of-{name}")
        assert not stage.rsync_differences(place.work / "data", place.folder / f"of-{name}/data")
    packs = [sorted(path.name for path in (home / "pack/d").rglob("*") if path.is_file())
             for home in (place.work / "backups", second)]
    assert packs[0] == packs[1], packs


def claim_destinations_whose_keys_were_changed_apart_are_joined_when_asked(place):
    place.write("data/one.txt", "one\n" * 5000)
    place.repository(data="data")
    place.good("backup")
    second = place.folder / "second"
    place.good("destination", "add", "second", "--path", second)
    place.good("backup", "sync")
    for number, folder in enumerate((second, place.work / "backups")):
        bring_back = away(place, folder)
        # Another machine each time: one that saw the first change would refuse the older keyring.
        place.environment["XDG_CACHE_HOME"] = str(place.folder / f"machine{number}")
        place.good("key", "rotate", code=3)
        place.write(f"data/only{number}.txt", f"{number}\n" * 4000)
        place.good("backup", code=3)
        bring_back()
    place.environment["XDG_CACHE_HOME"] = str(place.folder / "machine2")
    place.good("backup", code=3)
    assert "key merge" in place.good("backup", "sync", code=14).out
    asked = place.good("key", "merge", code=17)
    assert "different keyrings" in asked.err and "--confirm main" in asked.err, asked
    merged = place.good("key", "merge", "--confirm", "main", "--json").summary
    assert merged["forked"] and merged["complete"] and merged["left_out"] == [], merged
    assert not place.good("key", "merge", "--json").summary["forked"]
    place.good("backup", "sync")
    place.good("backup")
    snapshots = [[event["id"] for event in
                  place.good("backup", "list", "--destination", name, "--json").events
                  if event["type"] == "snapshot"] for name in ("disk", "second")]
    assert snapshots[0] == snapshots[1] and len(snapshots[0]) == 5, snapshots
    for number, name in enumerate(("disk", "second")):
        place.good("repo", "check", "--read-data", "--destination", name)
        back = place.folder / f"joined{number}"
        place.good("restore", "latest", "--destination", name, "--to", back)
        assert stage.rsync_differences(place.work / "data", back / "data") == ""


def give_away(place):
    """All of it to nobody, if we are root: who could read everything."""
    if os.geteuid() == 0:
        for path in [place.folder, *place.folder.rglob("*")]:
            os.chown(path, 65534, 65534, follow_symlinks=False)


def as_nobody(place, *words, code=0):
    nobody = {"user": 65534, "group": 65534, "extra_groups": []} if os.geteuid() == 0 else {}
    process = place.start(*words, **nobody)
    out, err = process.communicate(timeout=60 * stage.PATIENCE)
    ran = stage.Ran(process.returncode, out.decode(errors="replace"), err.decode(errors="replace"))
    assert ran.code == code, (words, ran)
    return ran


def claim_one_backup_by_root_does_not_lock_the_owner_out(place):
    """What root writes into somebody's repository is theirs; what they may not read is said."""
    if os.geteuid() != 0:
        raise stage.Skip("only root can do what another user must live with")
    place.write("data/one.txt", "one\n")
    place.repository(data="data")
    give_away(place)

    def as_owner(*words, code=0):
        return as_nobody(place, *words, code=code).err
    as_owner("backup")
    os.chown(place.write("data/two.txt", "two\n"), 65534, 65534)
    other = dict(place.environment, XDG_STATE_HOME=str(place.folder / "s0"),
                 XDG_CACHE_HOME=str(place.folder / "c0"))
    subprocess.run([stage.PROGRAM, "backup"], cwd=place.work, env=other, check=True,
                   capture_output=True)
    as_owner("restore", "latest", "--to", place.folder / "back")
    assert (place.folder / "back/data/two.txt").read_text() == "two\n"
    as_owner("backup")
    as_owner("repo", "check")
    for path in (place.work / "backups/keyring/a").rglob("*"):
        if path.is_file():
            os.chown(path, 0, 0)
            path.chmod(0o600)
    assert "ermission" in as_owner("backup", code=1) + as_owner("backup", "list", code=1)


def claim_names_with_brackets_are_names(place):
    for name in ("[id].tsx", "i.tsx", "d.tsx"):
        place.write(f"data/users/{name}", name)
    place.repository(data="data")
    place.good("backup")
    for number, written in enumerate(("data/users/[id].tsx", r"data/users/\[id\].tsx")):
        out = place.folder / f"out{number}"
        place.good("restore", "latest", written, "--to", out)
        assert [p.name for p in (out / "data/users").iterdir()] == ["[id].tsx"], written


def claim_what_the_backup_skipped_is_told_by_every_later_word_about_it(place):
    place.write("data/one.txt", "one\n")
    place.write("data/cut.txt", "x" * 5000)
    place.repository(data="data")
    give_away(place)
    (place.work / "data/cut.txt").chmod(0)
    as_nobody(place, "backup", code=3)
    assert "1 skipped" in as_nobody(place, "backup", "list").out
    assert "cut.txt" in as_nobody(place, "backup", "show", "latest").out
    ran = as_nobody(place, "restore", "latest", "--to", place.folder / "out")
    assert "the backup had skipped 1 thing" in ran.err, ran


def claim_a_folder_in_the_place_of_a_file_costs_that_file_only(place):
    place.write("data/d/e/f", "1\n")
    place.write("data/plain", "3\n")
    place.write("data/z", "new\n")
    place.repository(data="data")
    place.good("backup")
    out = place.folder / "out"
    (out / "data/plain/sub").mkdir(parents=True)
    (out / "data/plain/sub/kept").write_text("kept\n")
    (out / "data/z").write_text("old\n")
    (out / "data/d").write_text("a file where a folder belongs\n")
    ran = place.good("restore", "latest", "--to", out, "--confirm", "out", code=3)
    assert "plain" in ran.err and "left alone" in ran.err, ran
    assert (out / "data/plain/sub/kept").read_text() == "kept\n"
    assert (out / "data/z").read_text() == "new\n" and (out / "data/d/e/f").read_text() == "1\n"
    assert not list(out.rglob(".perdure-*"))


def claim_nothing_is_restored_into_a_repository(place):
    place.write("data/one.txt", "one\n")
    place.repository(data="data")
    place.good("backup")
    for to in ("backups", "backups/inside"):
        ran = place.good("restore", "latest", "--to", to, code=2)
        assert "lies in the repository" in ran.err, ran
    place.good("repo", "check")


def claim_a_restore_over_what_came_back_before_fills_read_only_folders_again(place):
    if os.geteuid() != 0:
        raise stage.Skip("needs root, to run as somebody else")
    nobody = 65534
    folder = place.work / "tree"
    (folder / "ro" / "sub").mkdir(parents=True)
    (folder / "ro" / "sub" / "file").write_text("then\n")
    for path in (folder / "ro" / "sub", folder / "ro", folder):
        path.chmod(0o555)
    place.repository(tree="tree")
    for path in [place.folder, *place.folder.rglob("*")]:
        os.chown(path, nobody, nobody)

    def good(*words):
        process = place.start(*words, user=nobody, group=nobody, extra_groups=[])
        _, err = process.communicate(timeout=300 * stage.PATIENCE)
        assert process.returncode == 0, err.decode()

    good("backup")
    back = place.folder / "back"
    for _ in range(2):
        good("restore", "latest", "--to", back, "--confirm", "back")
    assert stage.rsync_differences(folder, back / "tree") == ""


stage.main(globals())
