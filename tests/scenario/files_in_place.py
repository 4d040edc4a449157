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
                     "overwrite", "--confirm", "www")
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


stage.main(globals())
