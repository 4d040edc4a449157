#!/usr/bin/env python3
"""Files come back into a live folder: by plan, beneath it only, whole or not at all, and undone."""
import os

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
    ran = place.good("restore", "plan", "latest", "www/photos/s*.jpg")
    assert "choose both" in ran.out, ran
    # A path of its own needs no first name: the content comes with it.
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
    ran = place.good("restore", "plan", "latest", "www", "-o", "plan.json", "--json")
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
    ran = place.good("restore", "plan", "latest", "www")
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


stage.main(globals())
