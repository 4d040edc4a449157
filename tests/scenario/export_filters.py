#!/usr/bin/env python3
"""Every filter on every format, live, of a snapshot and a moment; what must be refused is."""
import os
import re
import sqlite3
import subprocess
import time
import zipfile

import album
import exporting as exports
import stage

FILTERS = {
    ("--category", "travel"): "category = 'travel'",
    ("--category", "travel", "--category", "work"): "category IN ('travel', 'work')",
    ("--collection", "日本の旅"): "collection_id = 2",
    ("--tag", "früh"): "id IN (SELECT memory_id FROM memory_tags WHERE tag_id = 3)",
    ("--subject", "3"): "user_id = 3",
    ("--since", "2024-03-01", "--until", "2024-07-01"):
        "created_at >= '2024-03-01' AND created_at < '2024-07-01'",
    ("--where", "rating >= 4 and title like '%1%'"): "rating >= 4 AND title LIKE '%1%'",
    ("--category", "travel", "--tag", "fun", "--since", "2024-02-01"):
        "category = 'travel' AND created_at >= '2024-02-01' AND id IN "
        "(SELECT memory_id FROM memory_tags WHERE tag_id = 1)",
}


def outputs(place):
    for format_ in exports.formats(place):
        yield format_["name"], "o." + format_["extension"] if format_["single_file"] else "o"


def text_of(path):
    """All text of an output, whatever it is packed in, blanks made one."""
    if path.is_dir():
        raw = b"\n".join(p.read_bytes() for p in sorted(path.rglob("*")) if p.is_file())
    elif path.suffix == ".pdf":
        raw = subprocess.run(["pdftotext", "-raw", path, "-"], check=True,
                             capture_output=True).stdout
    elif path.suffix in (".zip", ".epub", ".xlsx"):
        with zipfile.ZipFile(path) as archive:
            raw = b"\n".join(archive.read(name) for name in archive.namelist())
    elif path.suffix == ".gz":
        raw = subprocess.run(["tar", "xzfO", path], check=True, capture_output=True).stdout
    else:
        raw = path.read_bytes()
    return re.sub(r"\s+", " ", raw.decode(errors="replace"))


def numbers_in(path):
    return set(re.findall(r"Memory (\d{3})\b", text_of(path)))


def wanted(place, condition):
    return {re.search(r"Memory (\d{3})", title)[1] for (title,) in album.rows(
        place, f"SELECT title FROM memories WHERE {condition}")}


def check(place, name, output, words, condition):
    ran = place.run("export", "--json", "--format", name, "--type", "memory", *words, "-o", output)
    assert ran.code in (0, 3), (name, words, ran)
    titles = wanted(place, condition)
    assert titles and ran.summary["records"] == len(titles), (name, words, ran.summary)
    path = place.work / output
    assert numbers_in(path) == titles, (name, words, numbers_in(path) ^ titles)
    exports.remove(path)


def claim_every_filter_holds_in_every_format(place):
    album.create(place, memories=60)
    place.environment["SOURCE_DATE_EPOCH"] = exports.EPOCH
    for name, output in outputs(place):
        for words, condition in FILTERS.items():
            check(place, name, output, words, condition)


def claim_every_format_takes_live_data_a_snapshot_and_a_moment(place):
    album.create(place, memories=60)
    place.environment["SOURCE_DATE_EPOCH"] = exports.EPOCH
    place.good("init")
    place.good("backup", "--tag", "before")
    moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    time.sleep(1.1)  # a moment without fractions is all of its second
    before = wanted(place, "1")
    with sqlite3.connect(place.work / "app.db") as database:
        database.execute("DELETE FROM memories WHERE id > 20")
    database.close()
    place.good("backup")
    for name, output in outputs(place):
        for words, titles in (([], wanted(place, "1")), (["--snapshot", "before"], before),
                              (["--at", moment], before)):
            ran = place.run("export", "--json", "--format", name, "--type", "memory", *words, "-o",
                            output)
            assert ran.code in (0, 3), (name, ran)
            path = place.work / output
            assert numbers_in(path) == titles, (name, words)
            exports.remove(path)


def claim_a_new_folder_around_the_output_is_open_to_others_and_the_work_is_not(place):
    album.create(place, memories=5)
    exports.export(place, "--format", "zip", "-o", "shared/year/all.zip")
    for name in ("shared", "shared/year"):
        assert (place.work / name).stat().st_mode & 0o777 == 0o755 & ~umask(), name
    place.environment["PERDURE_CHECKPOINT_RECORDS"] = "2"
    words = ["--format", "zip", "-o", "other/all.zip"]
    steps = exports.steps_of(place, words)
    (place.work / "other/all.zip").unlink()
    assert exports.interrupted(place, words, steps // 2)
    assert (place.work / "other/.all.zip.perdure-work").stat().st_mode & 0o077 == 0


def umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask


def claim_thousands_of_missing_media_are_named_and_that_there_are_more(place):
    album.create(place, memories=3)
    with sqlite3.connect(place.work / "app.db") as database:
        database.executemany("INSERT INTO media VALUES(?, 1, ?)",
                             [(i, f"gone/{i}.jpg") for i in range(1, 1501)])
    database.close()
    ran = place.run("export", "--json", "-o", "a.json")
    named = [e for e in ran.events if e["type"] == "problem"]
    assert ran.code == 3 and len(named) == 1000, (ran.code, len(named))
    assert "only so many are listed" in named[-1]["message"], named[-1]


def claim_no_record_at_all_is_a_valid_export_of_every_format(place):
    album.create(place, memories=5)
    for name, output in outputs(place):
        exports.remove(place.work / output)
        summary = exports.export(place, "--format", name, "--where", "rating > 99", "--type",
                                 "memory", "-o", output)
        assert summary["records"] == 0 and (place.work / output).exists(), (name, summary)


def claim_an_unknown_word_is_refused_by_every_format_and_writes_nothing(place):
    album.create(place, memories=5)
    before = stage.fingerprint(place.work)
    for name, output in outputs(place):
        for words, said in ((["--where", "ratng > 3"], '"rating"'), (["--type", "memry"], "memory"),
                            (["--fields", "titel"], '"title"'), (["--sort", "sise"], "sort"),
                            (["--project", "x"], "project"), (["--option", "nonsense=1"],
                                                              "nonsense")):
            ran = place.run("export", "--format", name, *words, "-o", output)
            assert ran.code == 2 and said in ran.err and "fix:" in ran.err, (name, words, ran)
            assert stage.fingerprint(place.work) == before, (name, words)


def claim_a_place_that_is_taken_is_refused_by_every_format(place):
    album.create(place, memories=5)
    place.write("taken.file", "mine")
    place.write("taken/mine", "mine")
    before = stage.fingerprint(place.work)
    for format_ in exports.formats(place):
        ran = place.run("export", "--format", format_["name"], "-o", "taken")
        assert ran.code == 15 and "fix:" in ran.err, (format_["name"], ran)
        if format_["single_file"]:
            ran = place.run("export", "--format", format_["name"], "-o", "taken.file")
            assert ran.code == 15 and "exists" in ran.err, (format_["name"], ran)
        assert stage.fingerprint(place.work) == before, format_["name"]


def claim_a_full_disk_stops_every_format_with_nothing_under_its_name(place):
    album.create(place, memories=60)
    place.environment["PERDURE_CHECKPOINT_RECORDS"] = "20"
    for name, output in outputs(place):
        words = ["--format", name, "-o", output]
        steps = exports.steps_of(place, words)
        path = place.work / output
        exports.remove(path)
        refused = 0
        for part in (0.15, 0.5, 0.85):
            place.environment["PERDURE_FULL_AT"] = str(max(1, int(steps * part)))
            ran = place.run("export", *words)
            del place.environment["PERDURE_FULL_AT"]
            if ran.code == 1:
                refused += 1
                assert "no space" in ran.err and not path.exists(), (name, ran)
            else:
                assert ran.code in (0, 3), (name, ran)
            exports.remove(path)
        ran = place.run("export", *words)
        assert refused and ran.code in (0, 3) and path.exists(), (name, refused, ran)
        assert exports.hidden(place) == [], name
        exports.remove(path)


def claim_templates_that_loop_or_reach_out_are_refused(place):
    album.create(place, memories=5)
    bad = {
        "partial.txt": "{{#records}}{{> /etc/passwd}}{{/records}}",
        "lambda.txt": "{{#records}}{{title()}}{{/records}}",
        "open.txt": "{{#records}}{{title}}",
        "twice.txt": "{{#records}}{{title}}{{/records}}{{#records}}{{title}}{{/records}}",
        "unknown.txt": "{{#records}}{{titel}}{{/records}}",
        "deep.txt": "{{#records}}" + "{{#tags}}" * 40 + "x" + "{{/tags}}" * 40 + "{{/records}}",
        "large.txt": "x" * (2 << 20),
    }
    for file, text in bad.items():
        place.write(file, text)
    before = stage.fingerprint(place.work)
    for file in bad:
        ran = place.run("export", "--format", f"template:{file}", "-o", "out.txt")
        assert ran.code in (1, 2) and "error[PD-" in ran.err, (file, ran)
        assert "root:" not in ran.err and stage.fingerprint(place.work) == before, (file, ran)
    # As many steps as nesting gives: every tag of a thousand in every tag.
    with sqlite3.connect(place.work / "app.db") as database:
        database.executemany("INSERT INTO tags VALUES(?, ?)",
                             [(i, f"tag {i}") for i in range(10, 1010)])
        database.executemany("INSERT INTO memory_tags VALUES(1, ?)",
                             [(i,) for i in range(10, 1010)])
    database.close()
    nest = "{{#tags}}" * 4 + "x" + "{{/tags}}" * 4
    place.write("bomb.txt", "{{#records}}" + nest + "{{/records}}")
    ran = place.run("export", "--format", "template:bomb.txt", "-o", "out.txt")  # 10^12 without end
    assert ran.code == 1, ran
    assert not (place.work / "out.txt").exists() and exports.hidden(place) == []


stage.main(globals())
