#!/usr/bin/env python3
"""Files come back into a live folder: by plan, beneath it only, whole or not at all, and undone."""
import os
import pathlib
import shutil
import subprocess

import stage


def tree(place):
    folder = place.work / "live"
    (folder / "photos" / "deep").mkdir(parents=True)
    for number in range(6):
        (folder / "photos" / f"{number}.jpg").write_bytes(os.urandom(5000))
    (folder / "photos" / "deep" / "note.txt").write_text("then\n")
    (folder / "photos" / "link").symlink_to("0.jpg")
    (folder / "other.txt").write_text("other\n")
    place.repository(www=folder)
    place.good("backup")
    return folder


def contents(folder):
    out = {}
    for path in sorted(folder.rglob("*")):
        kind = "link " + os.readlink(path) if path.is_symlink() else \
            "folder" if path.is_dir() else path.read_bytes()
        out[str(path.relative_to(folder))] = kind
    return out


def spoil(folder):
    (folder / "photos" / "0.jpg").write_bytes(b"spoilt")
    (folder / "photos" / "1.jpg").unlink()
    (folder / "photos" / "deep" / "note.txt").unlink()
    (folder / "photos" / "deep").rmdir()
    (folder / "photos" / "new.jpg").write_bytes(b"new")
    (folder / "other.txt").write_text("changed\n")


def claim_a_pattern_comes_back_and_comes_undone(place):
    folder = tree(place)
    wanted = contents(folder)
    spoil(folder)
    before = contents(folder)
    ran = place.good("restore", "plan", "latest", "www/photos/**.jpg", "--merge-strategy",
                     "overwrite", "-o", "plan.json")
    assert "1 created, 1 replaced" in ran.out and contents(folder) == before, ran
    run = place.good("restore", "apply", "plan.json", "--confirm", "www", "--json").summary["run"]
    now = contents(folder)
    assert now["photos/0.jpg"] == wanted["photos/0.jpg"]
    assert now["photos/1.jpg"] == wanted["photos/1.jpg"]
    assert now["other.txt"] == b"changed\n" and now["photos/new.jpg"] == b"new"
    assert not any(name.startswith(".perdure") for name in now), now
    place.good("restore", "undo", run, "--confirm", "www")
    assert contents(folder) == before


def claim_a_whole_folder_becomes_what_it_was_and_back(place):
    folder = tree(place)
    wanted = contents(folder)
    spoil(folder)
    before = contents(folder)
    run = place.good("restore", "latest", "www", "--to", "live", "--delete", "--merge-strategy",
                     "overwrite", "--confirm", "www", "--json").summary["run"]
    assert contents(folder) == wanted
    (folder / "later.txt").write_text("later\n")
    undone = place.good("restore", "undo", run, "--confirm", "www", "--json").summary["run"]
    assert contents(folder) == dict(before, **{"later.txt": b"later\n"})
    place.good("restore", "undo", undone, "--confirm", "www")
    assert contents(folder) == dict(wanted, **{"later.txt": b"later\n"})


def claim_a_file_changed_after_the_restore_is_not_undone_silently(place):
    folder = tree(place)
    spoil(folder)
    run = place.good("restore", "latest", "www/photos", "--to", "live", "--merge-strategy",
                     "overwrite", "--confirm", "www", "--json").summary["run"]
    (folder / "photos" / "0.jpg").write_bytes(b"later work")
    ran = place.run("restore", "undo", run, "--confirm", "www")
    assert ran.code == 15 and "www/photos/0.jpg" in ran.err, ran
    place.good("restore", "undo", run, "--partly", "--confirm", "www", code=3)
    assert (folder / "photos" / "0.jpg").read_bytes() == b"later work"
    assert not (folder / "photos" / "1.jpg").exists()


def claim_a_planted_link_is_not_followed(place):
    folder = tree(place)
    outside = place.work / "outside"
    outside.mkdir()
    (folder / "photos" / "deep" / "note.txt").unlink()
    (folder / "photos" / "deep").rmdir()
    (folder / "photos" / "deep").symlink_to(outside)
    (folder / "photos" / "0.jpg").unlink()
    (folder / "photos" / "0.jpg").symlink_to(outside / "planted")
    ran = place.good("restore", "latest", "www/photos", "--to", "live", "--merge-strategy",
                     "overwrite", "--confirm", "www", code=3)
    assert list(outside.iterdir()) == [], "written through a link"
    assert not (folder / "photos" / "0.jpg").is_symlink()
    assert (folder / "photos" / "deep").is_symlink()
    assert "nothing is written through it" in ran.out, ran


def claim_a_plan_is_stale_when_a_chosen_file_changed(place):
    folder = tree(place)
    spoil(folder)
    place.good("restore", "plan", "latest", "www/photos", "--merge-strategy", "overwrite", "-o",
               "plan.json")
    (folder / "other.txt").write_text("again\n")
    (folder / "photos" / "0.jpg").write_bytes(b"again!")
    before = contents(folder)
    ran = place.run("restore", "apply", "plan.json", "--confirm", "www")
    assert ran.code == 15 and "stale" in ran.err, ran
    assert contents(folder) == before


def claim_names_of_one_file_come_back_as_names_of_one_file(place):
    folder = tree(place)
    for name in ("second.jpg", "deep/third.jpg"):
        os.link(folder / "photos" / "0.jpg", folder / "photos" / name)
    place.good("backup")
    wanted = contents(folder)
    (folder / "photos" / "second.jpg").unlink()          # the file itself is as it was
    (folder / "photos" / "deep" / "third.jpg").unlink()
    (folder / "photos" / "deep" / "third.jpg").write_bytes(b"a file of its own")
    before = contents(folder)
    run = place.good("restore", "latest", "www/photos", "--to", "live", "--merge-strategy",
                     "overwrite", "--confirm", "www", "--json").summary["run"]
    assert contents(folder) == wanted

    def inodes():
        return {(folder / "photos" / name).stat().st_ino
                for name in ("0.jpg", "second.jpg", "deep/third.jpg")}
    assert len(inodes()) == 1, "they are files of their own"
    place.good("restore", "undo", run, "--confirm", "www")
    assert contents(folder) == before
    (folder / "photos" / "0.jpg").write_bytes(b"spoilt")  # the first name and what hangs on it
    (folder / "photos" / "deep" / "third.jpg").unlink()
    place.good("restore", "latest", "www", "--to", "live", "--merge-strategy", "overwrite",
               "--confirm", "www")
    assert contents(folder) == wanted and len(inodes()) == 1
    again = place.good("restore", "plan", "latest", "www", "--merge-strategy", "overwrite",
                       "--json").summary
    assert again["writes"] == 0, again


def claim_a_second_name_alone_is_linked_only_to_what_it_was(place):
    folder = tree(place)
    os.link(folder / "photos" / "0.jpg", folder / "photos" / "second.jpg")
    place.good("backup")
    wanted = (folder / "photos" / "0.jpg").read_bytes()
    (folder / "photos" / "second.jpg").unlink()
    place.good("restore", "latest", "www/photos/s*.jpg", "--to", "live", "--confirm", "www")
    assert (folder / "photos" / "second.jpg").samefile(folder / "photos" / "0.jpg")
    (folder / "photos" / "second.jpg").unlink()
    (folder / "photos" / "0.jpg").write_bytes(b"other")
    # Its first name is another file now: it becomes a file of its own.
    place.good("restore", "latest", "www/photos/s*.jpg", "--to", "live", "--confirm", "www")
    assert (folder / "photos" / "second.jpg").read_bytes() == wanted
    assert (folder / "photos" / "0.jpg").read_bytes() == b"other"
    (folder / "photos" / "second.jpg").unlink()
    place.good("restore", "latest", "www/photos/second.jpg", "--to", "live", "--confirm", "www")
    assert (folder / "photos" / "second.jpg").read_bytes() == wanted


def claim_folders_that_a_pattern_needs_are_planned_with_their_modes(place):
    folder = tree(place)
    (folder / "photos" / "deep").chmod(0o700)
    os.utime(folder / "photos" / "deep", (1_600_000_000, 1_600_000_000))
    place.good("backup")
    (folder / "photos" / "deep" / "note.txt").unlink()
    (folder / "photos" / "deep").rmdir()
    ran = place.good("restore", "plan", "latest", "www/**.txt", "-o", "plan.json", "--json")
    items = {e["item"]["file"]: e["item"] for e in ran.events if e["type"] == "item"}
    assert items["www/photos/deep"]["decision"] == "insert", items
    assert "lies in it" in items["www/photos/deep"]["reason"], items
    run = place.good("restore", "apply", "plan.json", "--confirm", "www", "--json").summary["run"]
    status = (folder / "photos" / "deep").stat()
    assert status.st_mode & 0o777 == 0o700 and status.st_mtime == 1_600_000_000, status
    place.good("restore", "undo", run, "--confirm", "www")
    assert not (folder / "photos" / "deep").exists()
    place.good("restore", "plan", "latest", "www/**.txt", "-o", "plan.json")
    place.good("restore", "apply", "plan.json", "--confirm", "www", "--override",
               "www/photos/deep=skip")
    assert not (folder / "photos" / "deep").exists(), "declined, with what lies in it"


def claim_what_stands_in_the_way_is_told_by_the_plan(place):
    folder = tree(place)
    (folder / "photos" / "deep" / "note.txt").unlink()
    (folder / "photos" / "deep").rmdir()
    (folder / "photos" / "deep").write_text("a file where the folder was")
    (folder / "photos" / "1.jpg").unlink()
    ran = place.good("restore", "plan", "latest", "www", "-o", "plan.json", "--json", code=3)
    items = {e["item"]["file"]: e["item"] for e in ran.events if e["type"] == "item"}
    assert items["www/photos/deep/note.txt"]["finding"] == "blocked", items
    assert items["www/photos/1.jpg"]["decision"] == "insert", items
    ran = place.good("restore", "apply", "plan.json", "--confirm", "www", code=3)
    assert "✓" not in ran.out and "www/photos/deep/note.txt" in ran.out + ran.err, ran
    assert (folder / "photos" / "1.jpg").exists()
    if os.geteuid() == 0:
        return
    (folder / "photos" / "1.jpg").unlink()
    (folder / "photos").chmod(0o555)
    ran = place.good("restore", "plan", "latest", "www", code=3)
    (folder / "photos").chmod(0o755)
    assert "nothing can be put into photos" in ran.out, ran


def claim_owners_and_paths_are_mapped_in_place_too(place):
    folder = tree(place)
    (folder / "moved").mkdir()
    (folder / "photos" / "1.jpg").rename(folder / "moved" / "1.jpg")
    wanted = (folder / "moved" / "1.jpg").read_bytes()
    (folder / "moved" / "1.jpg").write_bytes(b"spoilt")
    words = ("latest", "www/photos/1.jpg", "--map-path", "photos=moved", "--merge-strategy",
             "overwrite")
    if os.geteuid() == 0:
        words += ("--map-owner", f"{os.getuid()}:{os.getgid()}=4711:4712")
    place.good("restore", "plan", *words, "-o", "plan.json")
    place.good("restore", "apply", "plan.json", "--confirm", "www")
    assert (folder / "moved" / "1.jpg").read_bytes() == wanted
    assert not (folder / "photos" / "1.jpg").exists()
    if os.geteuid() == 0:
        status = (folder / "moved" / "1.jpg").stat()
        assert (status.st_uid, status.st_gid) == (4711, 4712), status
    ran = place.run("restore", "plan", "latest", "www", "--map-path", "photos=moved", "--delete")
    assert ran.code == 2, ran


def claim_a_folder_that_only_a_rule_names_stays_as_it_is(place):
    """It is made where something comes into it; nobody chose it, so it is not dressed anew."""
    folder = tree(place)
    (folder / "kept").mkdir()
    (folder / "kept").chmod(0o700)
    words = ("latest", "www", "--map-path", "photos=kept/of", "--map-path", "none=other/deep",
             "--merge-strategy", "overwrite")
    place.good("restore", "plan", *words, "-o", "plan.json", code=3)
    place.run("restore", "apply", "plan.json", "--confirm", "www")
    assert (folder / "kept/of/1.jpg").exists()
    assert (folder / "kept").stat().st_mode & 0o777 == 0o700
    assert not (folder / "other").exists(), "its rule met nothing"


def on_a_foreign_file_system(place, **answers):
    """From here on the program is answered as folding_names.c says."""
    if shutil.which("cc") is None or stage.PATIENCE != 1:
        raise stage.Skip("no compiler, or a program that must be loaded before all others")
    shim = place.folder / "folding.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-o", shim,
                    pathlib.Path(__file__).with_name("folding_names.c")], check=True)
    place.environment.update(LD_PRELOAD=str(shim), **answers)


def claim_a_file_system_that_exchanges_no_names_is_told_and_nothing_changes(place):
    folder = tree(place)
    spoil(folder)
    before = contents(folder)
    on_a_foreign_file_system(place, PLAIN_RENAMES="1")
    ran = place.run("restore", "latest", "www", "--to", "live", "--merge-strategy", "overwrite",
                    "--confirm", "www")
    assert ran.code == 1 and "exchanges no names" in ran.err and "--to DIR" in ran.err, ran
    assert contents(folder) == before


def claim_a_name_in_other_letters_is_not_too_much(place):
    """Where a file system takes "a" for "A", it is the very file that came back."""
    folder = place.work / "live"
    then = {"Photo.jpg": "picture\n", "Album/One.jpg": "one\n", "Same.txt": "same\n"}
    for name, text in then.items():
        place.write(f"live/{name}", text)
    place.repository(www=folder)
    snapshot = place.good("backup", "--json").summary["snapshot"]
    for path in (folder / "Photo.jpg", folder / "Album/One.jpg", folder / "Album",
                 folder / "Same.txt"):
        path.rename(path.with_name(path.name.lower()))
    place.write("live/same.txt", "changed since\n")
    place.write("live/extra.txt", "too much\n")
    on_a_foreign_file_system(place, FOLDING=str(folder))
    ran = place.good("restore", "plan", snapshot, "www", "--merge-strategy", "overwrite",
                     "--delete", "-o", "plan.json", code=3)
    assert "in other letters" in ran.err, ran
    ran = place.good("restore", "apply", "plan.json", "--confirm", "www", code=3)
    assert "www/Same.txt: stays as it is: it is called in other letters" in ran.err, ran

    def now():
        return {name: text.decode() for name, text in contents(folder).items() if text != "folder"}
    wanted = {name.lower(): text for name, text in then.items()}
    assert now() == wanted | {"same.txt": "changed since\n"}, now()
    (folder / "same.txt").rename(folder / "Same.txt")
    place.good("restore", snapshot, "www/Same.txt", "--to", "live", "--merge-strategy",
               "overwrite", "--confirm", "www")
    assert (folder / "Same.txt").read_text() == "same\n"


def claim_a_planted_stage_is_not_written_into(place):
    folder = tree(place)
    outside = place.work / "outside"
    outside.mkdir()
    spoil(folder)
    place.good("restore", "plan", "latest", "www", "--merge-strategy", "overwrite", "-o",
               "plan.json")
    for run in range(1, 30):  # whatever number the run gets
        (folder / f".perdure-restore-{run}").symlink_to(outside)
    def ours():
        return {name: what for name, what in contents(folder).items()
                if not name.startswith(".perdure-restore-")}
    before = ours()
    ran = place.run("restore", "apply", "plan.json", "--confirm", "www")
    assert ran.code != 0, ran
    assert list(outside.iterdir()) == [] and ours() == before, "written through a link"


OVERWRITE = ("--to", "live", "--merge-strategy", "overwrite", "--confirm", "www")


def claim_other_content_of_the_same_size_and_time_comes_back(place):
    folder = tree(place)
    (folder / "holes").write_bytes(b"a" * 4096 + bytes(1 << 20) + b"z" * 4096)
    with open(folder / "sparse", "wb") as file:
        file.truncate(4 << 20)
        file.seek(1 << 20)
        file.write(b"data" * 1024)
    os.link(folder / "other.txt", folder / "second.txt")
    place.good("backup")
    wanted = contents(folder)
    spoilt = {"other.txt": b"OTHER\n", "photos/3.jpg": b"x" * 5000}
    for name, body in spoilt.items():
        status = (folder / name).stat()
        (folder / name).write_bytes(body)
        os.utime(folder / name, ns=(status.st_atime_ns, status.st_mtime_ns))
    status = (folder / "sparse").stat()
    with open(folder / "sparse", "r+b") as file:  # something in a hole
        file.seek(2 << 20)
        file.write(b"?")
    os.utime(folder / "sparse", ns=(status.st_atime_ns, status.st_mtime_ns))
    before = contents(folder)
    os.utime(folder / "holes", (1, 1))  # touched, and no more
    ran = place.good("restore", "latest", "www", *OVERWRITE, "--json")
    assert contents(folder) == wanted
    assert ran.summary["written"] == 4, ran  # the three, and the second name of one
    assert (folder / "second.txt").samefile(folder / "other.txt")
    place.good("restore", "undo", ran.summary["run"], "--confirm", "www")
    assert contents(folder) == before
    assert (folder / "second.txt").samefile(folder / "other.txt")


def claim_owners_modes_and_attributes_come_back(place):
    folder = tree(place)
    root = os.geteuid() == 0
    os.setxattr(folder / "other.txt", "user.mark", b"1")
    os.setxattr(folder / "photos" / "deep", "user.mark", b"folder")
    (folder / "photos").chmod(0o750)
    if root:
        os.mknod(folder / "node", 0o600 | 0o020000, os.makedev(1, 3))
    place.good("backup")

    def looks():
        out = {}
        for path in [folder, *sorted(folder.rglob("*"))]:
            status = path.lstat()
            marks = {} if path.is_symlink() else {
                name: os.getxattr(path, name) for name in os.listxattr(path)}
            out[str(path)] = (status.st_mode, status.st_uid, status.st_gid, status.st_rdev, marks)
        return out
    wanted = looks()
    for path in [folder, *folder.rglob("*")]:
        if root:
            os.chown(path, 1234, 1235, follow_symlinks=False)
        if not path.is_symlink():
            path.chmod(0o700 if path.is_dir() else 0o644)
    os.setxattr(folder / "other.txt", "user.mark", b"2")
    os.setxattr(folder / "photos" / "deep", "user.mark", b"other")
    os.setxattr(folder / "photos", "user.more", b"more")
    if root:
        (folder / "node").unlink()
        os.mknod(folder / "node", 0o600 | 0o020000, os.makedev(1, 5))
    spoilt = looks()
    assert spoilt != wanted
    # Newer or not, nobody asked for other owners: this is told, and stays.
    place.good("restore", "latest", "www", "--to", "live", "--confirm", "www")
    assert looks() == spoilt
    run = place.good("restore", "latest", "www", *OVERWRITE, "--json").summary["run"]
    assert looks() == wanted
    again = place.good("restore", "plan", "latest", "www", "--merge-strategy", "overwrite",
                       "--json").summary
    assert again["writes"] == 0, again
    place.good("restore", "undo", run, "--confirm", "www")
    assert looks() == spoilt


def claim_nothing_goes_for_what_is_blocked(place):
    folder = tree(place)
    (folder / "other.txt").unlink()
    (folder / "other.txt").mkdir()
    (folder / "other.txt" / "x").write_text("mine\n")
    (folder / "photos").rename(place.work / "moved")
    (folder / "photos").symlink_to(place.work / "moved")
    (place.work / "moved" / "1.jpg").unlink()
    before = contents(folder)
    ran = place.good("restore", "latest", "www", "--delete", *OVERWRITE, "--json", code=3)
    told = {event["path"] for event in ran.events if event["type"] == "problem"}
    assert {"www/other.txt", "www/photos", "www/photos/1.jpg"} <= told, ran
    assert contents(folder) == before and not (place.work / "moved" / "1.jpg").exists()
    ran = place.good("restore", "latest", "www", "--delete", *OVERWRITE, code=3)
    assert "✓" not in ran.out, ran


def claim_a_second_name_comes_back_when_the_first_does_not(place):
    folder = tree(place)
    (folder / "b").mkdir()
    wanted = (folder / "photos" / "0.jpg").read_bytes()
    for name in ("second", "third"):
        os.link(folder / "photos" / "0.jpg", folder / "b" / name)
    place.good("backup")
    for name in ("second", "third"):
        (folder / "b" / name).unlink()
    (folder / "photos" / "0.jpg").write_bytes(b"newer, on purpose")
    place.good("restore", "latest", "www", "--to", "live", "--confirm", "www")
    assert (folder / "photos" / "0.jpg").read_bytes() == b"newer, on purpose"
    assert (folder / "b" / "second").read_bytes() == wanted
    assert (folder / "b" / "third").samefile(folder / "b" / "second")
    for name in ("second", "third"):
        (folder / "b" / name).unlink()
    (folder / "photos").rename(place.work / "gone")
    (folder / "photos").write_text("a file by now\n")
    place.good("restore", "latest", "www", *OVERWRITE, code=3)
    assert (folder / "b" / "third").read_bytes() == wanted


def claim_files_that_became_names_of_one_file_are_files_of_their_own_again(place):
    """And the other way round; an undo takes either back: who writes to one name writes to all."""
    folder = tree(place)
    names = [folder / name for name in ("one.conf", "two.conf")]

    def apart():
        names[1].unlink(missing_ok=True)
        for name in names:
            name.write_text("same\n")
            os.utime(name, (1_600_000_000, 1_600_000_000))

    def together():
        names[1].unlink()
        os.link(*names)  # as tools do that save space

    for was, now in ((apart, together), (together, apart)):
        apart()
        was()
        wanted = names[0].samefile(names[1])
        place.settle()
        place.good("backup")
        now()
        ran = place.good("restore", "latest", "www", *OVERWRITE, "--json")
        assert names[0].samefile(names[1]) == wanted, ran
        assert "no difference" in place.good("backup", "diff", "latest", "live").out
        place.good("restore", "undo", ran.summary["run"], "--confirm", "www")
        assert names[0].samefile(names[1]) != wanted, "after the undo"


def claim_another_file_system_below_is_told_by_the_plan(place):
    folder = tree(place)
    (folder / "disk").mkdir()
    if os.geteuid() != 0 or subprocess.run(
            ["mount", "-t", "tmpfs", "none", folder / "disk"], capture_output=True).returncode:
        raise stage.Skip("needs the right to mount")
    try:
        (folder / "disk" / "f").write_text("then\n")
        place.good("backup")
        (folder / "disk" / "f").unlink()
        (folder / "other.txt").unlink()
        ran = place.good("restore", "plan", "latest", "www", code=3)
        assert "disk is another file system" in ran.out, ran
        ran = place.good("restore", "latest", "www", "--to", "live", "--confirm", "www", code=3)
        assert (folder / "other.txt").exists() and not (folder / "disk" / "f").exists()
        subprocess.run(["umount", folder / "disk"], check=True)
        (folder / "disk" / "beneath").write_text("never seen by a snapshot\n")
        place.good("restore", "latest", "www", "--to", "live", "--confirm", "www")
        assert (folder / "disk" / "f").read_text() == "then\n"
    finally:
        subprocess.run(["umount", folder / "disk"], capture_output=True)


def claim_what_chattr_locked_is_blocked_and_named_and_the_rest_comes_back(place):
    folder = tree(place)
    (folder / "log").write_text("one\n")
    (folder / "locked").mkdir()
    (folder / "fixed").write_text("then\n")
    (folder / "was fixed").write_text("then\n")

    def chattr(flags, *names):
        done = subprocess.run(["chattr", flags, *(folder / name for name in names)],
                              capture_output=True)
        if done.returncode:
            raise stage.Skip("needs root, and a file system with flags")
    try:
        chattr("+i", "was fixed", "locked")
        place.good("backup")
        chattr("-i", "was fixed", "locked")
        (folder / "was fixed").unlink()
        (folder / "log").write_text("one\ntwo\n")
        (folder / "fixed").write_text("changed\n")
        (folder / "extra").write_text("extra\n")
        (folder / "other.txt").write_text("changed\n")
        (folder / "locked").chmod(0o700)
        chattr("+a", "log")
        chattr("+i", "fixed", "locked", "extra")
        ran = place.good("restore", "latest", "www", "--delete", *OVERWRITE, "--json", code=3)
        told = {e["path"]: e["message"] for e in ran.events if e["type"] == "problem"}
        assert "chattr -a" in told.pop("www/log"), told
        for name in ("fixed", "locked", "extra"):
            assert "chattr -i" in told.pop("www/" + name), told
        assert set(told) == {"www/was fixed"} and "chattr" in told["www/was fixed"], told
        assert (folder / "other.txt").read_text() == "other\n"
        assert (folder / "was fixed").read_text() == "then\n"
        assert (folder / "log").read_text() == "one\ntwo\n"
        place.good("restore", "undo", ran.summary["run"], "--confirm", "www")
        assert (folder / "other.txt").read_text() == "changed\n"
    finally:
        for path in folder.rglob("*"):
            subprocess.run(["chattr", "-ia", path], capture_output=True)


stage.main(globals())
