#!/usr/bin/env python3
"""Exports through the real program: what leaves is what is there, whole, the same every time."""
import csv
import hashlib
import io
import json
import os
import shutil
import signal
import subprocess
import tarfile
import time
import zipfile

import album
import stage
from exporting import (EPOCH, content, export, formats, hidden, interrupted, records, remove,
                       steps_of)

def claim_live_data_a_snapshot_and_a_moment_are_exported_as_they_were(place):
    album.create(place)
    place.good("init")
    first = place.good("backup", "--json").summary["snapshot"]
    moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    time.sleep(1.1)  # a moment without fractions is all of its second
    import sqlite3
    with sqlite3.connect(place.work / "app.db") as database:
        database.execute("DELETE FROM memories WHERE id > 100")
    database.close()
    place.good("backup")
    whole = [row[0] for row in album.rows(place, "SELECT title FROM memories ORDER BY id")]
    assert len(whole) == 100
    for words, count in ((["--snapshot", first], 300), (["--at", moment], 300),
                         (["--snapshot", "latest"], 100), ([], 100)):
        name = f"out{'-'.join(words).strip('-').replace(':', '')[:20]}.json"
        summary = export(place, "--type", "memory", *words, "-o", name)
        assert summary["records"] == count == len(records(place.work / name)), summary
    live = {r["id"]: r["title"] for r in records(place.work / "out.json")}
    assert sorted(live.values()) == sorted(whole)
    assert hidden(place) == [], hidden(place)


def claim_every_filter_takes_what_the_database_says(place):
    album.create(place)
    cases = {
        ("--type", "memory"): "1",
        ("--category", "travel"): "category = 'travel'",
        ("--category", "travel", "--category", "work"): "category IN ('travel', 'work')",
        ("--collection", "日本の旅"): "collection_id = 2",
        ("--tag", "früh"): "id IN (SELECT memory_id FROM memory_tags WHERE tag_id = 3)",
        ("--subject", "3"): "user_id = 3",
        ("--since", "2024-06-01", "--until", "2024-07-01"): "created_at LIKE '2024-06%'",
        ("--where", "rating >= 4 and title like '%1%'"): "rating >= 4 AND title LIKE '%1%'",
    }
    for number, (words, condition) in enumerate(cases.items()):
        export(place, "--type", "memory", *words, "-o", f"f{number}.json")
        wanted = {row[0] for row in album.rows(
            place, f"SELECT id FROM memories WHERE {condition}")}
        found = {r["id"] for r in records(place.work / f"f{number}.json")}
        assert found == wanted and wanted, f"{words}: {len(found)} instead of {len(wanted)}"


def claim_a_word_that_is_unknown_is_named_with_the_nearest(place):
    album.create(place, memories=5)
    for words, said in ((["--where", "ratng > 3"], '"rating"'), (["--fields", "titel"], '"title"'),
                        (["--redact", "emial"], '"email"'), (["--sort", "creatd"], '"created"'),
                        (["--type", "memry"], '"memory"'), (["--project", "x"], "project"),
                        (["--format", "jsn"], "json"), (["--profile", "weakly"], '"weekly"'),
                        (["--format", "csv", "--option", "dialct=data"], '"dialect"')):
        ran = place.run("export", *words, "-o", "out")
        assert ran.code == 2 and said in ran.err, (words, ran)
        assert not (place.work / "out").exists() and hidden(place) == []


def claim_a_source_of_files_is_no_source_of_records_and_that_is_said(place):
    album.create(place, memories=5)
    subprocess.run(["git", "init", "-q", "--bare", place.work / "code.git"], check=True)
    with open(place.work / "perdure.toml", "a") as config:
        config.write('[source.code]\ntype = "git"\npath = "code.git"\n')
    for words in ((), ("--all-tables",)):
        ran = place.run("export", "--source", "code", "-o", "out.json", *words)
        assert ran.code == 2 and "git" in ran.err and "files, not records" in ran.err, ran
        assert "perdure restore latest code" in ran.err and "app" in ran.err, ran
        assert not (place.work / "out.json").exists() and hidden(place) == []


def claim_records_come_in_the_order_that_is_asked_for(place):
    album.create(place)
    for order, column in (("created", "created_at, id"), ("title", "title, created_at, id"),
                          ("key", "id")):
        export(place, "--type", "memory", "--sort", order, "-o", f"{order}.json")
        wanted = [row[0] for row in album.rows(place, f"SELECT id FROM memories ORDER BY {column}")]
        assert [r["id"] for r in records(place.work / f"{order}.json")] == wanted, order


def claim_fields_leave_or_stay_and_what_is_redacted_is_nowhere(place):
    album.create(place)
    export(place, "--type", "memory", "--fields", "title,created", "-o", "few.json")
    first = records(place.work / "few.json")[0]
    assert {k for k in first if not k.startswith("_")} == {"title", "created_at"}, first
    for name in [f["name"] for f in formats(place)]:
        out = place.work / f"redacted-{name}"
        export(place, "--format", name, "--type", "person", "--redact", "email,title", "-o", out)
        raw = content(out)
        everything = raw if isinstance(raw, bytes) else b"".join(raw.values())
        assert b"@example.org" not in everything and b"Person 3" not in everything, name
    refused = place.run("export", "--type", "person", "--redact", "id", "-o", "x.json")
    assert refused.code == 2 and "key" in refused.err, refused


def claim_what_is_there_is_never_replaced_unasked(place):
    album.create(place, memories=5)
    place.write("mine.json", "precious")
    place.write("folder/mine", "precious")
    for words in (["-o", "mine.json"], ["--format", "csv", "-o", "folder"]):
        ran = place.run("export", *words)
        assert ran.code == 15 and "fix:" in ran.err, ran
    assert (place.work / "mine.json").read_text() == "precious"
    export(place, "--replace", "-o", "mine.json")
    assert len(records(place.work / "mine.json")) == 10
    assert hidden(place) == []


def claim_zip_and_tar_gz_are_read_by_everybody_and_always_the_same(place):
    album.create(place)
    place.good("init")
    place.good("backup")
    export(place, "--snapshot", "latest", "--format", "csv", "-o", "folder")
    wanted = content(place.work / "folder")
    for name in ("a.zip", "b.zip", "a.tar.gz", "b.tar.gz"):
        export(place, "--snapshot", "latest", "--format", "csv", "-o", name)
    for kind in ("zip", "tar.gz"):
        assert content(place.work / f"a.{kind}") == content(place.work / f"b.{kind}"), kind
    subprocess.run(["unzip", "-tqq", "a.zip"], cwd=place.work, check=True)
    details = subprocess.run(["zipdetails", "a.zip"], cwd=place.work, check=True,
                             capture_output=True, text=True).stdout
    assert "Extra ID" not in details, "no extra fields are needed here"
    with zipfile.ZipFile(place.work / "a.zip") as archive:
        assert archive.testzip() is None
        assert {i.filename: archive.read(i) for i in archive.infolist()} == wanted
    subprocess.run(["gzip", "-t", "a.tar.gz"], cwd=place.work, check=True)
    (place.work / "untar").mkdir()
    subprocess.run(["tar", "xzf", "a.tar.gz", "-C", "untar"], cwd=place.work, check=True)
    assert content(place.work / "untar") == wanted
    with tarfile.open(place.work / "a.tar.gz") as archive:
        assert {m.name: archive.extractfile(m).read() for m in archive} == wanted


def claim_a_package_carries_every_medium_byte_for_byte(place):
    media = album.create(place)
    for name in ("all.zip", "all.tar.gz"):
        kind = name.split(".", 1)[1]
        summary = export(place, "--format", kind, "-o", name)
        assert summary["media"] == len(media), summary
        folder = place.work / f"open-{kind}"
        folder.mkdir()
        subprocess.run(["unzip", "-qq", name, "-d", folder] if kind == "zip" else
                       ["tar", "xzf", name, "-C", folder], cwd=place.work, check=True)
        subprocess.run(["sha256sum", "--quiet", "--strict", "-c", "checksums.sha256"], cwd=folder,
                       check=True)
        index = json.loads((folder / "media/media.json").read_text())
        assert {e["path"] for e in index} == set(media)
        for entry in index:
            assert (folder / entry["file"]).read_bytes() == media[entry["path"]], entry
        people = records(folder / "data/person.json")
        assert len(people) == 5 and len(records(folder / "data/memory.json")) == 300
        assert "300  records of type memory" in (folder / "README.txt").read_text()
        assert not [p for p in folder.rglob("*") if ".." in p.name], "a name that climbs"


def claim_a_missing_medium_is_named_and_the_rest_is_whole(place):
    media = album.create(place, memories=50, missing=True)
    ran = place.run("export", "--json", "--format", "zip", "-o", "all.zip")
    assert ran.code == 3, ran
    problems = [e for e in ran.events if e["type"] == "problem"]
    assert [p["path"] for p in problems] == ["gone.jpg"], problems
    assert ran.summary["media"] == len(media)
    without = place.run("export", "--json", "--format", "zip", "--no-media", "-o", "none.zip")
    assert without.summary["media"] == 0


def claim_an_export_killed_anywhere_goes_on_to_the_same_bytes(place):
    album.create(place)
    place.good("init")
    place.good("backup")
    place.environment["PERDURE_CHECKPOINT_RECORDS"] = "60"
    place.environment["SOURCE_DATE_EPOCH"] = EPOCH
    names = [(f["name"], f"x-{f['name']}") for f in formats(place)]
    names += [("csv", "wrapped.zip"), ("csv", "wrapped.tar.gz"), ("archive", "a.tar.gz"),
              ("archive", "a.zip")]
    for name, output in names:
        path = place.work / output
        words = ["--snapshot", "latest", "--format", name, "-o", output]
        steps = steps_of(place, words)
        whole = content(path)
        remove(path)
        went_on = 0
        for part in (0.3, 0.55, 0.68, 0.74, 0.8, 0.97):
            if not interrupted(place, words, max(2, int(steps * part))):
                remove(path)
                continue
            if path.exists():  # complete, only not tidied up after
                assert content(path) == whole, f"{name}: half a file under the final name"
                assert place.run("export", *words).code == 15
                assert hidden(place) == []
                remove(path)
                continue
            again = place.run("export", "resume", "--json", output)
            if again.code == 1:  # before the journal: nothing was there to go on with
                again = place.run("export", "--json", *words)
            assert again.code in (0, 3), again
            went_on += again.summary["resumed_at"] > 0
            assert content(path) == whole, f"{name} killed at {part} of its way differs"
            assert hidden(place) == []
            remove(path)
        print(f"       {name} into {output}: {steps} steps, went on {went_on} times"
              f"{'' if went_on else ' (this format starts again)'}")
        if name in ("json", "ndjson", "csv", "zip", "tar.gz", "archive"):
            assert went_on > 0, f"{name} never went on"


def claim_sigkill_at_any_time_is_survived(place):
    album.create(place, memories=3000)
    place.environment["PERDURE_CHECKPOINT_RECORDS"] = "100"
    place.environment["SOURCE_DATE_EPOCH"] = EPOCH
    words = ["export", "--format", "zip", "-o", "all.zip"]
    began = time.monotonic()
    place.good(*words)
    usual = time.monotonic() - began
    whole = content(place.work / "all.zip")
    remove(place.work / "all.zip")
    killed = 0
    for turn in range(6):
        process = place.start(*words)
        time.sleep(usual * (turn + 1) / 7)
        process.send_signal(signal.SIGKILL)
        process.wait()
        killed += process.returncode == -signal.SIGKILL
    if not (place.work / "all.zip").exists():
        place.good(*words)
    assert killed > 0 and content(place.work / "all.zip") == whole
    assert hidden(place) == []


def claim_changed_data_or_another_request_starts_again_and_says_so(place):
    album.create(place)
    place.environment["PERDURE_CHECKPOINT_RECORDS"] = "30"
    words = ["--format", "json", "-o", "out.json"]
    steps = steps_of(place, words)
    remove(place.work / "out.json")
    assert interrupted(place, words, int(steps * 0.6))
    other = place.good("export", "--json", "--category", "work", *words).summary
    assert other["resumed_at"] == 0 and "asked" in other["restarted"], other
    remove(place.work / "out.json")
    assert interrupted(place, words, int(steps * 0.6))
    import sqlite3
    with sqlite3.connect(place.work / "app.db") as database:
        database.execute("UPDATE memories SET title = 'new' WHERE id = 1")
    database.close()
    changed = place.good("export", "--json", *words).summary
    assert changed["resumed_at"] == 0 and "changed" in changed["restarted"], changed
    assert "new" in {r.get("title") for r in records(place.work / "out.json") if r["id"] == 1}


def claim_a_full_disk_is_a_clear_error_and_leaves_nothing_half(place):
    album.create(place)
    place.environment["PERDURE_CHECKPOINT_RECORDS"] = "60"
    place.environment["SOURCE_DATE_EPOCH"] = EPOCH
    for name, output in (("json", "out.json"), ("csv", "out.zip"), ("zip", "all.zip")):
        words = ["export", "--format", name, "-o", output]
        steps = steps_of(place, words[1:])
        path = place.work / output
        whole = len(content(path))
        remove(path)
        refused = 0
        for part in (0.1, 0.4, 0.7):
            place.environment["PERDURE_FULL_AT"] = str(max(1, int(steps * part)))
            ran = place.run(*words)
            del place.environment["PERDURE_FULL_AT"]
            if ran.code == 0:  # all that was left to do needs no room
                assert len(content(path)) == whole
                remove(path)
                continue
            refused += 1
            assert ran.code == 1 and "no space" in ran.err, ran
            assert not path.exists(), f"{output} is there though the disk was full"
            place.good(*words)
            assert len(content(path)) == whole
            remove(path)
        assert refused > 0 and hidden(place) == [], (name, refused)


def claim_ctrl_c_ends_it_cleanly_and_the_same_command_goes_on(place):
    album.create(place, memories=20000)
    words = ["export", "--format", "json", "-o", "out.json"]
    process = place.start(*words)
    while not hidden(place) and process.poll() is None:  # it has begun to write, or is done
        time.sleep(0.002)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    if process.returncode == 0:
        raise stage.Skip("it was done before the signal came")
    assert process.returncode == 130 and b"stopped" in err, err
    assert not (place.work / "out.json").exists()
    place.good(*words)
    assert len(records(place.work / "out.json")) == 20005
    assert hidden(place) == []


def claim_exports_are_remembered_and_verified(place):
    album.create(place, memories=50)
    export(place, "-o", "a.json")
    export(place, "--format", "csv", "-o", "folder")
    events = place.good("export", "list", "--json").events
    listed = [e for e in events if e["type"] == "export"]
    assert [e["format"] for e in listed] == ["csv", "json"] and listed[1]["records"] == 55
    digest = hashlib.sha256(content(place.work / "a.json")).hexdigest()
    assert listed[1]["sha256"] == digest
    lines = subprocess.run("find . -type f | sort | sed 's|^./||' | xargs sha256sum | sha256sum",
                           shell=True, cwd=place.work / "folder", capture_output=True, text=True,
                           env=dict(os.environ, LC_ALL="C"), check=True).stdout
    assert listed[0]["sha256"] == lines.split()[0]
    place.good("export", "verify", "a.json")
    place.good("export", "verify", "folder")
    shutil.copy(place.work / "a.json", place.work / "moved.json")
    place.good("export", "verify", "moved.json")
    raw = bytearray(content(place.work / "a.json"))
    raw[len(raw) // 2] ^= 1
    (place.work / "a.json").write_bytes(raw)
    ran = place.run("export", "verify", "a.json")
    assert ran.code == 14 and "SHA-256" in ran.err, ran
    unknown = place.run("export", "verify", "perdure.toml")
    assert unknown.code == 1 and "remembered" in unknown.err, unknown


def claim_lists_and_profiles_of_exports_are_carried_out(place):
    album.create(place, memories=50)
    place.good("export", "--profile", "weekly")
    rows = list(csv.reader(io.StringIO(content(place.work / "weekly.csv").decode(), newline="")))
    assert rows[0][:2] == ["title", "created_at"] and len(rows) == 51, rows[:2]
    place.write("lists/all.toml", '[export.one]\nformat = "json"\noutput = "one.json"\n'
                '[export.broken]\nformat = "json"\noutput = "b.json"\nwhere = "nothing = 1"\n'
                '[export.two]\nformat = "csv"\noutput = "two.zip"\ntype = ["memory", "person"]\n')
    ran = place.run("export", "batch", "--json", "lists/all.toml")
    assert ran.code == 2, ran
    done = {e["name"]: e["exit_code"] for e in ran.events if e["type"] == "export"}
    assert done == {"one": 0, "broken": 2, "two": 0}, done
    assert len(records(place.work / "lists/one.json")) == 55
    assert zipfile.ZipFile(place.work / "lists/two.zip").testzip() is None


def claim_a_share_is_a_bundle_that_age_opens_and_can_be_revoked(place):
    album.create(place, memories=20)
    export(place, "-o", "a.json")
    shared = place.good("export", "share", "a.json", "--expires", "3d", "--json").summary
    bundle = place.work / "a.json.age"
    assert content(bundle).startswith(b"age-encryption.org/v1\n-> scrypt ")
    assert len(shared["secret"]) >= 43 and shared["secret"] not in str(place.run(
        "export", "share", "list", "--json").out)
    listed = [e for e in place.good("export", "share", "list", "--json").events
              if e["type"] == "share"]
    assert [(e["id"], e["state"]) for e in listed] == [(shared["id"], "open")]
    place.good("export", "share", "revoke", shared["id"])
    listed = [e for e in place.good("export", "share", "list", "--json").events
              if e["type"] == "share"]
    assert listed[0]["state"] == "revoked" and not bundle.exists()


stage.main(globals())
