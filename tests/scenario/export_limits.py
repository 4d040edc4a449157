#!/usr/bin/env python3
"""Large values, many files and full disks in every format, through the real program."""
import json
import os
import pathlib
import re
import sqlite3
import subprocess
import zipfile

import album
import stage

EPOCH = "1700000000"
MAPPING = """[source.app.records.memory]
table = "memories"
title = "title"
body = "content"
body_format = "text"
created = "created_at"
tags = "tagging(memory_id).tag"
"""


def formats(place):
    events = place.good("export", "formats", "--json").events
    return ["diary.txt" if event["name"] == "template" else event["name"] for event in events
            if event["type"] == "format"]


def measured(place, *words):
    """The exit code, the events, and the largest memory in MiB."""
    code, out, _, memory = stage.measured([stage.PROGRAM, "export", "--json", *words],
                                          cwd=place.work, env=place.environment)
    return code, [json.loads(line) for line in out.splitlines()], memory


def large_values(place):
    """Texts, a title and bytes of 10 MB; a thousand tags. Marks stand at both ends."""
    database = sqlite3.connect(place.work / "app.db")
    database.executescript("""
        CREATE TABLE memories (id INTEGER PRIMARY KEY, title TEXT, content TEXT, data BLOB,
                               created_at TEXT);
        CREATE TABLE tagging (memory_id INTEGER, tag TEXT);""")
    prose = "mark-begin " + "\n\n".join(
        " ".join(f"word{(line * 31 + i) % 977}" for i in range(120)) for line in range(12500))
    prose = prose[:10_000_000] + " mark-end"
    assert len(prose) > 9_000_000
    bytes_ = bytes(range(256)) * 40_000
    database.executemany("INSERT INTO memories VALUES (?,?,?,?,?)", [
        (1, "A long text", prose, None, "2024-03-01T10:00:00Z"),
        (2, "long title " * 900_000 + "title-end", "short", None, "2024-03-02"),
        (3, "Bytes", "short", bytes_, "2024-03-03"), (4, "Tags", "many", None, "2024-03-04")])
    database.executemany("INSERT INTO tagging VALUES (4, ?)",
                         [(f"tag number {i}",) for i in range(1000)])
    database.commit()
    database.close()
    place.repository(app="app.db")
    with open(place.work / "perdure.toml", "a") as config:
        config.write(MAPPING)


def everything_in(path):
    """The bytes of all files, containers unpacked."""
    path = pathlib.Path(path)
    if path.is_dir():
        return b"\n".join(everything_in(one) for one in sorted(path.rglob("*")) if one.is_file())
    data = path.read_bytes()
    if data.startswith(b"PK\3\4"):
        with zipfile.ZipFile(path) as archive:
            return b"\n".join(archive.read(name) for name in archive.namelist())
    if data.startswith(b"\x1f\x8b"):
        return subprocess.run(["gzip", "-dc", path], capture_output=True, check=True).stdout
    if data.startswith(b"%PDF"):
        return subprocess.run(["pdftotext", path, "-"], capture_output=True, check=True).stdout
    return data


def claim_values_of_ten_megabytes_leave_in_every_format(place):
    """Both ends of each value are in what leaves, or it is reported that they are not."""
    large_values(place)
    for name in formats(place):
        if name == "pdf":
            continue  # tests/formats/pdf_book.py sets such a text
        out = f"out-{name}" + {"archive": ".tar.gz"}.get(name, "")
        code, events, memory = measured(place, "--format", name, "-o", out)
        assert code in (0, 3), (name, code, events[-1:])
        assert events[-1]["records"] == 4, events[-1]
        text = everything_in(place.work / out)
        told = " ".join(e.get("record", "") + e.get("what", "") for e in events
                        if e["type"] == "omission")
        for mark in (b"mark-begin", b"mark-end", b"tag number 999"):
            assert mark in text or told, f"{name}: {mark} is neither there nor reported"
        assert b"title-end" in text or told, f"{name}: the title is cut and nothing said"
        print(f"       {name}: {memory:.0f} MiB, exit {code}")
        assert memory < 400 * stage.PATIENCE, f"{name}: {memory:.0f} MiB"


def claim_long_titles_and_groups_leave_as_pdf(place):
    """A title, a collection and a key of 200 KB each; the whole title is in the book."""
    database = sqlite3.connect(place.work / "app.db")
    database.execute("CREATE TABLE memories (id TEXT PRIMARY KEY, title TEXT, content TEXT, "
                     "created_at TEXT)")
    database.execute("CREATE TABLE tagging (memory_id, tag TEXT)")
    database.execute("INSERT INTO memories VALUES (?,?,?,?)", (
        "key " * 50_000, "long title " * 18_000 + "titleend", "group " * 33_000, "2024-03-01"))
    database.commit()
    database.close()
    place.repository(app="app.db")
    with open(place.work / "perdure.toml", "a") as config:
        config.write(MAPPING + 'collection = "content"\n')
    for name in ("pdf", "epub", "html", "markdown", "archive"):
        out = f"out-{name}" + {"archive": ".tar.gz"}.get(name, "")
        code, events, memory = measured(place, "--format", name, "-o", out)
        assert code in (0, 3) and events[-1]["records"] == 1, (name, code, events)
        assert b"titleend" in everything_in(place.work / out) or code == 3, name
        assert memory < 300 * stage.PATIENCE, f"{name}: {memory} MiB"


def remove(path):
    subprocess.run(["rm", "-rf", path], check=True)


def claim_a_full_disk_is_clear_in_every_format(place):
    """Wherever the room ends: no file under the final name, a clear error, and the same bytes when
    there is room again."""
    album.create(place, memories=120)
    place.good("init")
    place.good("backup")
    place.environment |= {"PERDURE_CHECKPOINT_RECORDS": "40", "SOURCE_DATE_EPOCH": EPOCH}
    for name in formats(place):
        output = place.work / (f"x-{name}" + {"archive": ".tar.gz"}.get(name, ""))
        words = ["export", "--snapshot", "latest", "--format", name, "-o", output]
        environment = dict(place.environment, PERDURE_CRASH_COUNT=str(place.folder / "steps"))
        subprocess.run([stage.PROGRAM, *words], cwd=place.work, env=environment,
                       capture_output=True, check=False)
        steps = int((place.folder / "steps").read_text())
        whole = everything_in(output)
        remove(output)
        refused = 0
        for part in (0.15, 0.5, 0.85):
            place.environment["PERDURE_FULL_AT"] = str(max(1, int(steps * part)))
            ran = place.run(*words)
            del place.environment["PERDURE_FULL_AT"]
            if ran.code in (0, 3):
                assert everything_in(output) == whole
                remove(output)
                continue
            refused += 1
            assert ran.code == 1 and "no space" in ran.err.lower(), (name, part, ran)
            assert not output.exists(), f"{name}: a file is there though the disk was full"
            again = place.run(*words)
            assert again.code in (0, 3) and everything_in(output) == whole, (name, again)
            remove(output)
        assert refused > 0, f"{name}: never refused"


def claim_a_disk_that_is_really_full_is_clear_in_every_format(place):
    """A file system of 256 KiB: libraries that write by themselves meet it too."""
    album.create(place, memories=3000)
    disk = place.folder / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", disk],
                             capture_output=True)
    if mounted.returncode != 0:
        raise stage.Skip("only root may mount a small disk")
    try:
        place.environment["TMPDIR"] = str(disk)
        for name in formats(place):
            ran = place.run("export", "--format", name, "-o", disk / "out")
            assert ran.code == 1 and "no space" in ran.err.lower(), (name, ran)
            assert not (disk / "out").exists(), name
            left = [path for path in disk.iterdir() if "perdure-work" not in path.name]
            assert not left, f"{name} left {left}"
            for path in disk.iterdir():
                remove(path)
    finally:
        subprocess.run(["umount", disk], check=True)


def claim_more_files_than_the_short_form_of_a_zip_counts(place):
    """70,000 records as Markdown in a zip: the long form, read by unzip, Python and ourselves."""
    database = sqlite3.connect(place.work / "app.db")
    database.execute("CREATE TABLE memories (id INTEGER PRIMARY KEY, title TEXT, content TEXT, "
                     "created_at TEXT)")
    database.execute("CREATE TABLE tagging (memory_id INTEGER, tag TEXT)")
    database.executemany("INSERT INTO memories VALUES (?,?,?,?)", (
        (i, f"Note {i}", "text", "2024-01-01") for i in range(1, 70_001)))
    database.commit()
    database.close()
    place.repository(app="app.db")
    with open(place.work / "perdure.toml", "a") as config:
        config.write(MAPPING.replace('tags = "tagging(memory_id).tag"\n', ""))
    summary = place.good("export", "--json", "--format", "markdown", "-o", "all.zip").summary
    assert summary["records"] == 70_000
    with zipfile.ZipFile(place.work / "all.zip") as archive:
        names = archive.namelist()
        assert len(names) == len(set(names)) > 70_000
        texts = [archive.read(name) for name in names[::5000]]
    assert all(re.search(rb"Note|records", text) for text in texts)
    done = subprocess.run(["unzip", "-tqq", "all.zip"], cwd=place.work, capture_output=True)
    assert done.returncode == 0, done.stdout[-500:]
    place.good("export", "verify", "all.zip")


def claim_a_medium_beyond_four_gibibytes_is_whole(place):
    """A file of holes, 4 GiB and a bit: zip64 sizes, in zip and tar.gz. PERDURE_HEAVY=1 runs it."""
    if not os.environ.get("PERDURE_HEAVY"):
        raise stage.Skip("PERDURE_HEAVY=1 writes 4 GiB files")
    album.create(place, memories=10)
    size = (4 << 30) + 12345
    with open(place.work / "media/2024/photo 10.bin", "r+b") as file:
        file.truncate(size)
        file.seek(size - 3)
        file.write(b"end")
    for name in ("all.zip", "all.tar.gz"):
        ran = place.run("export", "--json", "--format", name.split(".", 1)[1], "-o", name)
        assert ran.code == 0, ran
        tool = ["unzip", "-tqq", name] if name.endswith(".zip") else ["tar", "tzvf", name]
        done = subprocess.run(tool, cwd=place.work, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert name.endswith(".zip") or str(size) in done.stdout, done.stdout
        place.good("export", "verify", name)
    with zipfile.ZipFile(place.work / "all.zip") as archive:
        assert max(info.file_size for info in archive.infolist()) == size


stage.main(globals())
