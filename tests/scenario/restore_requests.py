#!/usr/bin/env python3
"""A restore that cannot do what it was asked says so; one that was stopped says how to go on."""
import contextlib
import fcntl
import os
import signal
import sqlite3
import time

import stage


def sources(place):
    folder = place.work / "tree"
    folder.mkdir()
    (folder / "file.txt").write_text("then\n")
    media = place.work / "media"
    media.mkdir()
    (media / "a.jpg").write_bytes(b"picture")
    with contextlib.closing(sqlite3.connect(place.work / "app.db")) as base, base:
        base.execute("CREATE TABLE memory(id INTEGER PRIMARY KEY, path TEXT)")
        base.execute("INSERT INTO memory VALUES(1, 'a.jpg')")
    place.repository(s=folder)
    with open(place.work / "perdure.toml", "a") as config:
        config.write('[source.app]\ntype = "sqlite"\npath = "app.db"\nmedia = "media"\n')
    place.good("backup")
    (folder / "file.txt").unlink()
    (media / "a.jpg").unlink()
    return folder, media


def claim_what_nothing_fits_is_refused(place):
    folder, media = sources(place)
    for words, near in ((["s/File.txt"], 's/file.txt'), (["s/file.txt", "s/other"], ""),
                        (["s/*.nope"], ""), (["app/b.jpg"], "app/a.jpg"),
                        (["app/*.png"], "")):
        for target in ("live", "new", "new2"):
            ran = place.run("restore", "latest", *words, "--to", target, "--confirm", "s")
            if "app/b.jpg" in words and target != "live":
                assert ran.code != 0, ran  # a plain path of a database goes nowhere else
                continue
            missing = words[-1]
            assert ran.code in (1, 2) and missing in ran.err, (words, target, ran)
            if target == "live":
                assert near in ran.err, ran
            assert not (place.work / target / "s" / "file.txt").exists()
    assert not (folder / "file.txt").exists() and not (media / "a.jpg").exists()
    place.good("restore", "latest", "s/*.txt", "app/a.jpg", "--to", "live", "--confirm", "s,app")
    assert (folder / "file.txt").exists() and (media / "a.jpg").exists()
    # Now it is there, the same words are still no error.
    place.good("restore", "latest", "s/*.txt", "app/a.jpg", "--to", "live", "--confirm", "s,app")


def claim_a_target_that_cannot_be_looked_at_is_an_error_in_words(place):
    """A name too long, links that go round: no question to the disk may end the program."""
    stage.people(place, 1, 3)
    place.repository(app="app.db")
    place.good("backup")
    (place.work / "loop").symlink_to("loop")
    for target in (300 * "x", "loop/file"):
        ran = place.good("restore", "plan", "latest", "app", "--target", target, code=1)
        assert "error[PD-0001]" in ran.err and "is not there" in ran.err, ran


def claim_conditions_that_nothing_meets_are_refused(place):
    sources(place)
    for words in (["app:memory", "--where", "path='zz'"],):
        for target in ("live", "new"):
            ran = place.run("restore", "latest", *words, "--to", target, "--confirm", "app")
            assert ran.code == 2 and "meets the conditions" in ran.err, ran


def claim_records_that_cannot_be_put_back_are_named(place):
    _, media = sources(place)
    (media / "a.jpg").write_bytes(b"picture")
    with contextlib.closing(sqlite3.connect(place.work / "app.db")) as base, base:
        base.execute("CREATE TABLE gone(a)")
        base.execute("INSERT INTO gone VALUES(1)")
    place.good("backup")
    with contextlib.closing(sqlite3.connect(place.work / "app.db")) as base, base:
        base.execute("DROP TABLE gone")
        base.execute("DROP TABLE memory")
        base.execute("CREATE TABLE memory(id INTEGER PRIMARY KEY, path TEXT, must TEXT NOT NULL)")
    words = ("restore", "latest", "app", "--to", "live", "--confirm", "app")
    ran = place.good(*words, "--json", code=3)
    told = {event["path"] for event in ran.events if event["type"] == "problem"}
    assert told == {"app:memory/1", "app:gone"}, ran
    ran = place.good(*words, code=3)
    assert "✓" not in ran.out, ran


def claim_media_of_the_same_size_and_time_come_back(place):
    _, media = sources(place)
    (media / "a.jpg").write_bytes(b"picture")
    place.good("backup")
    status = (media / "a.jpg").stat()
    (media / "a.jpg").write_bytes(b"PICTURE")
    os.utime(media / "a.jpg", ns=(status.st_atime_ns, status.st_mtime_ns))
    place.good("restore", "latest", "app", "--to", "live", "--merge-strategy", "overwrite",
               "--confirm", "app")
    assert (media / "a.jpg").read_bytes() == b"picture"


def claim_the_output_of_a_command_is_left_out_in_place(place):
    folder, _ = sources(place)
    with open(place.work / "perdure.toml", "a") as config:
        config.write('[source.dump]\ntype = "command"\ncommand = ["echo", "dump"]\n'
                     'output_name = "d.sql"\n')
    (folder / "file.txt").write_text("then\n")
    place.good("backup")
    (folder / "file.txt").unlink()
    ran = place.good("restore", "latest", "--to", "live", "--confirm", "s,app", "--json", code=3)
    assert (folder / "file.txt").exists()
    assert "dump" in [event["path"] for event in ran.events if event["type"] == "problem"], ran
    ran = place.run("restore", "latest", "dump", "--to", "live", "--confirm", "dump")
    assert ran.code == 2 and "--to DIR" in ran.err, ran
    place.good("restore", "latest", "dump", "--to", "new")
    assert (place.work / "new" / "dump" / "d.sql").read_text() == "dump\n"


def claim_what_a_killed_restore_left_goes_with_the_next(place):
    folder, _ = sources(place)
    (folder / "sub").mkdir()
    (folder / "sub" / "file").write_text("x\n")
    place.good("backup", "s")
    new = place.work / "new"
    place.good("restore", "latest", "s", "--to", new)
    left = [new / "s" / ".perdure-0123456789abcdef-3",
            new / "s" / "sub" / ".perdure-0123456789abcdef-12"]
    ours = [new / "s" / ".perdure-notes-3", new / "s" / ".perdure-0123456789abcdef-x"]
    for path in left + ours:
        path.write_text("half\n")
    alive = os.open(new / "s", os.O_RDONLY)
    fcntl.flock(alive, fcntl.LOCK_SH)  # as one that still runs holds it
    place.good("restore", "latest", "s", "--to", new, "--confirm", "new")
    assert all(path.exists() for path in left), "those of a living restore"
    os.close(alive)
    place.good("restore", "latest", "s", "--to", new, "--confirm", "new")
    assert not any(path.exists() for path in left)
    assert all(path.exists() for path in ours)


def claim_a_stopped_restore_says_how_to_go_on(place):
    folder = place.work / "tree"
    folder.mkdir()
    for number in range(24):
        (folder / f"{number}").write_bytes(os.urandom(8 << 20))
    place.repository(s=folder)
    place.good("backup")
    for attempt in range(20):
        new = place.work / f"new{attempt}"
        process = place.start("restore", "latest", "--to", new)
        while process.poll() is None and not list(new.glob("s/*")):
            time.sleep(0.001)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60 * stage.PATIENCE)
        if process.returncode == 130:
            break
    else:
        raise stage.Skip("every restore ended before it could be stopped")
    assert f"--confirm {new.name}" in err.decode(), err
    place.good("restore", "latest", "--to", new, "--confirm", new.name)
    assert stage.rsync_differences(folder, new / "s") == ""


stage.main(globals())
