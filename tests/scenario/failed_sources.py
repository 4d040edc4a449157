#!/usr/bin/env python3
"""A source that fails takes no other source's backup with it, and never passes for backed up."""
import os
import shutil
import sqlite3

import stage


def three_sources(place):
    place.write("photos/one.jpg", "one\n" * 1000)
    place.write("notes/first.txt", "first\n")
    with sqlite3.connect(place.work / "app.db") as database:
        database.execute("CREATE TABLE note(id INTEGER PRIMARY KEY, text)")
        database.executemany("INSERT INTO note VALUES(?, ?)",
                             [(i, f"note {i} " * 40) for i in range(3000)])
    database.close()
    place.repository(photos="photos", app="app.db", notes="notes")


def lights(place):
    """source → the colour of its light "backup"."""
    return {source["name"]: source["lights"]["backup"]["light"]
            for source in place.run("status", "--json").summary["sources"]}


def claim_the_others_are_backed_up_and_the_failed_one_is_named(place):
    three_sources(place)
    place.good("backup")
    (place.work / "photos").rename(place.work / "away")
    place.write("notes/second.txt", "second\n")
    ran = place.good("backup", code=3)
    assert 'source "photos"' in ran.err and "perdure.toml:" in ran.err, ran
    assert lights(place)["photos"] == "red" and lights(place)["notes"] == "green"
    back = place.good("restore", "latest", "--to", place.folder / "back", code=3)
    assert "photos" in back.err and "the newest that holds it" in back.err, back
    assert (place.folder / "back/notes/second.txt").read_text() == "second\n"
    assert not (place.folder / "back/photos").exists()
    (place.work / "away").rename(place.work / "photos")
    place.good("backup")
    place.good("restore", "latest", "--to", place.folder / "whole")
    assert (place.folder / "whole/photos/one.jpg").stat().st_size == 4000
    assert lights(place)["photos"] == "green"


def claim_what_the_latest_lacks_is_offered_from_where_it_is(place):
    three_sources(place)
    place.good("backup")
    shutil.rmtree(place.work / "photos")
    place.good("backup", code=3)
    ran = place.good("restore", "latest", "photos", "--to", place.folder / "back", code=1)
    command = ran.err[ran.err.index("perdure restore "):].split("\n")[0].split()
    place.good(*command[1:])
    assert (place.folder / "back/photos/one.jpg").stat().st_size == 4000


def claim_a_source_that_breaks_half_way_is_left_out_and_the_rest_is_whole(place):
    three_sources(place)
    whole = (place.work / "app.db").read_bytes()
    harmed = bytearray(whole)
    for page in range(20, len(harmed) // 4096):  # the first pages, and so the schema, stay
        harmed[page * 4096:page * 4096 + 100] = b"\xff" * 100
    place.write("app.db", bytes(harmed))
    ran = place.good("backup", code=3)
    assert 'source "app"' in ran.err, ran
    assert lights(place)["app"] == "red" and lights(place)["photos"] == "green"
    place.good("backup", "verify", "--read-data")
    place.good("restore", "latest", "--to", place.folder / "back")
    assert (place.folder / "back/notes/first.txt").read_text() == "first\n"
    assert (place.folder / "back/photos/one.jpg").stat().st_size == 4000


def claim_a_backup_of_nothing_but_failures_fails(place):
    three_sources(place)
    for name in ("photos", "notes"):
        shutil.rmtree(place.work / name)
    ran = place.good("backup", "photos", "notes", code=1)
    assert 'source "photos"' in ran.err and 'source "notes"' in ran.err, ran
    assert place.good("backup", "photos", code=1)
    assert place.good("backup", "list", "--json").summary["snapshots"] == 0


def claim_a_run_that_skips_a_source_counts_for_the_others_only(place):
    three_sources(place)
    shutil.rmtree(place.work / "photos")
    place.good("backup", code=3)
    runs = [event for event in place.good("runs", "list", "--json").events
            if event["type"] == "run" and event["verb"] == "backup"]
    assert {(tuple(sorted(run["sources"])), run["outcome"]) for run in runs} == {
        (("app", "notes"), "ok"), (("photos",), "failed")}, runs


def claim_a_source_that_cannot_be_quiesced_is_left_out_and_all_are_resumed(place):
    place.write("notes/first.txt", "first\n")
    place.write("mail/first.txt", "first\n")
    place.repository(mail="mail", notes="notes")
    config = place.work / "perdure.toml"
    config.write_text(config.read_text().replace(
        '[source.notes]', 'quiesce = ["sh", "-c", "echo busy >&2; exit 2"]\n'
        'resume = ["sh", "-c", "echo mail >> resumed"]\n[source.notes]\n'
        'resume = ["sh", "-c", "echo notes >> resumed"]'))
    ran = place.good("backup", code=3)
    assert 'source "mail"' in ran.err and "status 2: busy" in ran.err, ran
    assert lights(place) == {"mail": "red", "notes": "green"}
    assert (place.work / "resumed").read_text() == "notes\nmail\n"
    place.good("restore", "latest", "--to", place.folder / "back")
    assert (place.folder / "back/notes/first.txt").exists()
    assert not (place.folder / "back/mail").exists()
    ran = place.good("backup", "mail", code=1)  # alone, it is the whole backup that fails
    assert "status 2: busy" in ran.err, ran


def claim_a_source_that_holds_nothing_any_more_is_told_once(place):
    place.write("notes/first.txt", "first\n")
    place.repository(notes="notes")
    place.good("backup")
    (place.work / "notes/first.txt").unlink()
    ran = place.good("backup", "--quiet")  # a valid state, so it is no failure
    assert "note: notes holds nothing any more" in ran.err, ran
    assert "nothing any more" not in place.good("backup").err


def claim_a_disk_that_is_not_mounted_is_no_empty_source(place):
    three_sources(place)
    place.good("backup")
    (place.work / "photos").rename(place.work / "disk")
    (place.work / "photos").mkdir()  # what is left when a disk is not mounted there
    ran = place.good("backup", code=3)
    assert "mount or connect its disk" in ran.err and "--type full" in ran.err, ran
    assert lights(place)["photos"] == "red" and lights(place)["notes"] == "green"
    place.good("backup", "photos", "--type", "full")  # as the message says: it is meant
    place.good("backup")
    # A folder that somebody emptied is another matter.
    (place.work / "notes/first.txt").unlink()
    place.good("backup")
    assert lights(place)["notes"] == "green"


def claim_a_command_that_suddenly_gives_nothing_is_no_backup_of_it(place):
    place.write("dump.txt", "rows\n")
    place.write("data/a.txt", "a\n")
    place.repository(files="data")
    config = place.work / "perdure.toml"
    config.write_text(config.read_text() + '\n[source.dump]\ntype = "command"\n'
                      f'command = ["cat", "{place.work}/dump.txt"]\n')
    place.good("backup")
    (place.work / "dump.txt").write_text("")
    ran = place.good("backup", code=3)
    assert "gave nothing, the last time 5 bytes" in ran.err, ran
    assert lights(place)["dump"] == "red" and lights(place)["files"] == "green"
    place.good("backup", "dump", "--type", "full")
    place.good("backup")


def claim_a_media_folder_that_holds_nothing_any_more_is_told_once(place):
    three_sources(place)
    place.write("media/a.jpg", "x")
    config = place.work / "perdure.toml"
    config.write_text(config.read_text().replace('path = "app.db"\n',
                                                 'path = "app.db"\nmedia = "media"\n'))
    place.good("backup")
    (place.work / "media/a.jpg").unlink()
    ran = place.good("backup")
    assert "media folder holds nothing any more" in ran.err and "mounted" in ran.err, ran
    assert "nothing any more" not in place.good("backup").err


def claim_a_dump_whose_pipe_broke_is_told(place):
    place.write("dump.txt", "rows and rows\n" * 5000)
    place.repository()
    config = place.work / "perdure.toml"
    config.write_text(config.read_text() + '\n[source.dump]\ntype = "command"\n'
                      f'command = ["sh", "-c", "cat {place.work}/dump.txt | tr a-z A-Z"]\n')
    for words in (["config", "check"], ["source", "test", "dump"]):
        ran = place.good(*words)
        assert "pipefail" in ran.out + ran.err, ran
    place.good("backup")
    (place.work / "dump.txt").write_text("rows\n")  # what a program leaves that failed half-way
    ran = place.good("backup")
    assert "dump gave 5 bytes" in ran.err and "70000" in ran.err, ran
    assert "gave" not in place.good("backup").err
    config.write_text(config.read_text().replace('"sh", "-c"', '"bash", "-o", "pipefail", "-c"'))
    assert "pipefail" not in place.good("source", "test", "dump").out
    place.good("backup")
    (place.work / "dump.txt").unlink()
    place.good("backup", code=13)


def claim_everything_that_was_skipped_is_counted(place):
    folder = place.work / "many"
    folder.mkdir()
    if os.geteuid() != 0:
        raise stage.Skip("needs root, to make files that another may not read")
    for number in range(1200):
        (folder / f"{number}").touch(0o600)
    place.repository(many="many")
    nobody = 65534
    for path in [place.folder, *place.folder.rglob("*")]:
        if path.parent != folder:
            os.chown(path, nobody, nobody, follow_symlinks=False)
    process = place.start("backup", user=nobody, group=nobody, extra_groups=[])
    out, err = process.communicate(timeout=300 * stage.PATIENCE)
    assert process.returncode == 3 and b"1,200 things were skipped" in out, (out, err[-500:])
    assert b"200 more that are counted" in err, err[-500:]
    ran = place.good("status")
    assert "1200 skipped" in ran.out, ran
    assert "1,200 things were skipped by" in place.good("backup", "show", "latest").out


stage.main(globals())
