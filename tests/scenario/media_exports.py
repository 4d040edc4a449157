#!/usr/bin/env python3
"""Media of exports: real photographs, sounds and films of many makers, as they are or converted."""
import base64
import hashlib
import json
import os
import shutil
import sqlite3
import struct
import subprocess
import tarfile
import xml.etree.ElementTree as tree
import zipfile
import zlib

import album
import exporting as exports
import stage

PHOTOS = ["GPS.jpg", "Canon.jpg", "Nikon.jpg", "Sony.jpg", "Kodak.jpg", "Olympus.jpg", "GE.jpg",
          "IPTC.jpg", "XMP.jpg", "PNG.png", "RIFF.webp", "GIF.gif", "ExifTool.tif"]
XMP = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"


def real_media(place, names, folder="exiftool-images"):
    """An album whose records 1, 2, 3 … have these files; their bytes by path."""
    source = stage.DATA / "media" / folder
    if not source.is_dir():
        raise stage.Skip(f"no real data at {source}")
    album.create(place, memories=len(names))
    media = {}
    with sqlite3.connect(place.work / "app.db") as database:
        database.execute("DELETE FROM media")
        for number, name in enumerate(names, 1):
            path = f"shots/{name}"
            media[path] = (source / name).read_bytes()
            place.write(f"media/{path}", media[path])
            database.execute("INSERT INTO media VALUES(?,?,?)", (number, number, path))
    database.close()
    return media


def unzipped(place, name):
    folder = place.work / f"open-{name}"
    with zipfile.ZipFile(place.work / name) as archive:
        archive.extractall(folder)
    return folder, json.loads((folder / "media/media.json").read_text())


def facts(path, *tags):
    done = subprocess.run(["exiftool", "-json", "-n", *(f"-{tag}" for tag in tags), str(path)],
                          capture_output=True, text=True, check=False)
    return json.loads(done.stdout)[0]


def claim_originals_keep_bytes_names_and_metadata_and_lie_by_collection_and_date(place):
    media = real_media(place, PHOTOS)
    exports.export(place, "--format", "zip", "-o", "all.zip")
    folder, index = unzipped(place, "all.zip")
    assert {e["path"] for e in index} == set(media)
    with sqlite3.connect(place.work / "app.db") as database:
        where = {path: (name, created[:10]) for path, name, created in database.execute(
            "SELECT path, name, created_at FROM media JOIN memories m ON m.id = memory_id "
            "JOIN collections c ON c.id = collection_id")}
    for entry in index:
        raw = (folder / entry["file"]).read_bytes()
        assert raw == media[entry["path"]] and entry["original"] is True
        assert hashlib.sha256(raw).hexdigest() == entry["sha256"]
        collection, day = where[entry["path"]]
        _, group, year, name = entry["file"].split("/")
        assert year == day[:4] and name == f"{day} {entry['path'].split('/')[-1]}", entry
        assert group == collection or not collection.isalnum(), entry
    assert facts(folder / next(e["file"] for e in index if "GPS" in e["path"]),
                 "Model")["Model"] == "FinePixS1Pro"


def claim_pictures_are_converted_and_keep_what_the_camera_wrote(place):
    real_media(place, PHOTOS)
    starts = {"jpeg": [b"\xff\xd8\xff"], "webp": [b"RIFF"], "avif": [b"\0\0\0"]}
    for kind, signs in starts.items():
        ran = place.run("export", "--json", "--format", "zip", "--media", kind, "--media-max", "64",
                        "--media-quality", "70", "-o", f"{kind}.zip")
        assert ran.code in (0, 3), ran
        folder, index = unzipped(place, f"{kind}.zip")
        told = " ".join(e["what"] for e in ran.events if e["type"] == "omission")
        for name in PHOTOS:
            entry = next((e for e in index if e["path"].endswith("/" + name)), None)
            if entry is None:
                assert name in told, f"{name} is neither there nor reported"
                continue
            path = folder / entry["file"]
            seen = facts(path, "ImageWidth", "ImageHeight", "Make", "Model", "MIMEType")
            assert seen["MIMEType"] == f"image/{kind}", (name, seen)
            assert path.read_bytes()[:4].startswith(signs[0])
            assert max(seen["ImageWidth"], seen["ImageHeight"]) <= 64, (name, seen)
        gps = next(e for e in index if e["path"].endswith("GPS.jpg"))
        seen = facts(folder / gps["file"], "Make", "Model", "GPSLatitude")
        assert seen["Make"] == "FUJIFILM" and round(seen["GPSLatitude"]) == 55, (kind, seen)
        assert len(index) >= len(PHOTOS) - 1, told


def claim_no_location_leaves_when_it_must_not(place):
    real_media(place, PHOTOS)
    for name, more in (("a.zip", []), ("b.zip", ["--media", "webp"]),
                       ("c.zip", ["--media", "avif"])):
        place.run("export", "--format", "zip", "--strip-location", *more, "-o", name)
        folder, index = unzipped(place, name)
        gps = next(e for e in index if e["path"].endswith("GPS.jpg"))
        seen = facts(folder / gps["file"], "Make", "GPS:all", "XMP-exif:all")
        assert seen["Make"] == "FUJIFILM" and not [k for k in seen if "GPS" in k], (name, seen)
        raw = subprocess.run(["exiftool", "-r", "-n", "-GPSLatitude", "-GPSLongitude", "-json",
                              folder / "media"], capture_output=True, text=True, check=False).stdout
        assert "GPSLat" not in raw and "GPSLong" not in raw, (name, raw)


def claim_a_sidecar_tells_photo_programs_what_the_application_knows(place):
    media = real_media(place, PHOTOS)
    with sqlite3.connect(place.work / "app.db") as database:
        database.execute("UPDATE memories SET title = 'Gipfel <&> 山', content = 'am Morgen' "
                         "WHERE id = 1")
    database.close()
    summary = exports.export(place, "--format", "zip", "--xmp-sidecars", "-o", "all.zip")
    folder, index = unzipped(place, "all.zip")
    assert summary["media"] == len(media)
    subprocess.run(["sha256sum", "--quiet", "--strict", "-c", "checksums.sha256"], cwd=folder,
                   check=True)
    for entry in index:
        assert entry["sidecar"] == entry["file"] + ".xmp"
        subprocess.run(["xmllint", "--noout", folder / entry["sidecar"]], check=True)
        assert (folder / entry["file"]).read_bytes() == media[entry["path"]]
    first = next(e for e in index if e["record"] == "1")
    seen = facts(folder / first["sidecar"], "Title", "Description", "Subject", "CreateDate")
    assert seen["Title"] == "Gipfel <&> 山", seen
    assert seen["Subject"] in ("later", ["later"]), seen
    raw = (folder / first["sidecar"]).read_text()
    assert "<perdure:record>1</perdure:record>" in raw and "shots/GPS.jpg" in raw
    exports.export(place, "--format", "markdown", "--xmp-sidecars", "-o", "vault")
    beside = sorted((place.work / "vault/attachments").rglob("*.xmp"))
    assert len(beside) == len(media)
    assert all(path.with_name(path.name[:-4]).is_file() for path in beside)
    for name in ("json", "html", "archive", "csv"):
        ran = place.run("export", "--format", name, "--xmp-sidecars", "-o", "x")
        assert ran.code == 2 and "xmp-sidecars" in ran.err, ran


def claim_media_inside_come_out_as_they_were(place):
    media = real_media(place, PHOTOS)
    exports.export(place, "--type", "memory", "--embed-media", "-o", "in.json")
    exports.export(place, "--type", "memory", "--format", "ndjson", "--embed-media", "-o",
                   "in.ndjson")
    lines = [json.loads(line) for line in (place.work / "in.ndjson").read_text().splitlines()]
    assert lines == exports.records(place.work / "in.json")
    found = {}
    for record in lines:
        for ref, inside in zip(record["_media"], record["_media_data"]):
            raw = base64.b64decode(inside["base64"], validate=True)
            assert len(raw) == inside["bytes"] == ref["size"]
            assert hashlib.sha256(raw).hexdigest() == inside["sha256"]
            found[ref["path"]] = raw
    assert found == media
    for line in (place.work / "in.ndjson").read_bytes().splitlines():
        start, _, digest = line.rpartition(b',"_sha256":"')
        assert hashlib.sha256(start + b"}").hexdigest().encode() == digest[:64]
    exports.export(place, "--type", "memory", "--format", "xml", "--embed-media", "-o", "in.xml")
    place.write("schema.xsd", place.good("export", "schema", "xml").out)
    subprocess.run(["xmllint", "--noout", "--huge", "--nonet", "--schema", "schema.xsd", "in.xml"],
                   cwd=place.work, check=True, capture_output=True)
    p = "{urn:perdure:export:1}"
    inside = {m.get("path"): base64.b64decode(m.find(p + "base64").text)
              for m in tree.parse(place.work / "in.xml").iter(p + "media-data")}
    assert inside == media


def claim_a_large_medium_is_embedded_in_little_memory_and_a_huge_one_is_named(place):
    album.create(place, memories=10)
    large = os.urandom(1 << 20) * 96
    place.write("media/2024/photo 10.bin", large)
    words = [stage.PROGRAM, "export", "--format", "ndjson", "--type", "memory", "--embed-media",
             "-o", "in.ndjson"]
    process = subprocess.Popen(words, cwd=place.work, env=place.environment,
                               stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    assert usage.ru_maxrss < stage.PATIENCE * 128 << 10, f"{usage.ru_maxrss >> 10} MiB"
    last = json.loads((place.work / "in.ndjson").read_bytes().splitlines()[-1])
    record = next(json.loads(line) for line in (place.work / "in.ndjson").open("rb")
                  if b"_media_data" in line)
    assert last and base64.b64decode(record["_media_data"][0]["base64"]) == large
    with open(place.work / "media/2024/photo 10.bin", "wb") as file:
        file.truncate(200 << 20)
    ran = place.run("export", "--json", "--embed-media", "-o", "without.json")
    assert ran.code == 3, ran
    assert any("too many to embed" in e.get("what", "") for e in ran.events), ran


def claim_large_media_of_every_kind_leave_byte_for_byte(place):
    """Beyond what is looked at to tell what they are."""
    album.create(place, memories=10)
    tail = os.urandom(3 << 20)
    media = {"a.bin": tail, "b.mp4": b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + tail,
             "c.mp3": b"ID3\x03\0\0\0\0\0\0" + tail, "d.zip": b"PK\x03\x04" + tail,
             "e.txt": b"text\n" * 800_000, "empty.bin": b""}
    with sqlite3.connect(place.work / "app.db") as database:
        database.execute("DELETE FROM media")
        for number, (path, raw) in enumerate(media.items(), 1):
            place.write(f"media/{path}", raw)
            database.execute("INSERT INTO media VALUES(?,?,?)", (number, number, path))
    database.close()
    wanted = {hashlib.sha256(raw).hexdigest() for raw in media.values()}
    for name, output in (("zip", "a.zip"), ("tar.gz", "a.tar.gz"), ("markdown", "m"), ("html", "h"),
                         ("markdown", "m.tar.gz"), ("archive", "arc")):
        ran = place.run("export", "--json", "--format", name, "-o", output)
        assert ran.code in (0, 3), (name, ran)
        told = [e for e in ran.events if e["type"] in ("problem", "omission")]
        path = place.work / output
        if output.endswith(".zip"):
            with zipfile.ZipFile(path) as archive:
                bodies = [archive.read(each) for each in archive.namelist()]
        elif output.endswith(".tar.gz"):
            with tarfile.open(path) as archive:
                bodies = [archive.extractfile(each).read() for each in archive if each.isfile()]
        else:
            bodies = [p.read_bytes() for p in path.rglob("*") if p.is_file()]
        found = {hashlib.sha256(body).hexdigest() for body in bodies}
        assert wanted <= found, (name, output, told)


def png_that_claims(width, height):
    def chunk(kind, body):
        checksum = struct.pack(">I", zlib.crc32(kind + body))
        return struct.pack(">I", len(body)) + kind + body + checksum
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header)
            + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b""))


def claim_a_picture_past_every_limit_leaves_as_it_is_and_ends_no_export(place):
    album.create(place, memories=4)
    bomb = place.write("media/bomb.png", png_that_claims(60000, 60000))
    large = place.write("media/large.tif", b"II*\0\x08\0\0\0")
    with open(large, "r+b") as file:
        file.truncate(300 << 20)
    with sqlite3.connect(place.work / "app.db") as database:
        database.execute("INSERT INTO media VALUES(1, 1, 'bomb.png'), (2, 2, 'large.tif')")
    database.close()
    wanted = {hashlib.sha256(bomb.read_bytes()).hexdigest(),
              hashlib.sha256(large.read_bytes()).hexdigest()}
    for name in ("markdown", "archive"):
        ran = place.run("export", "--json", "--format", name, "-o", name)
        assert ran.code in (0, 3), (name, ran)
        found = {hashlib.sha256(p.read_bytes()).hexdigest()
                 for p in (place.work / name).rglob("*") if p.is_file()}
        assert wanted <= found, (name, ran)
        shutil.rmtree(place.work / name)
    summary = exports.export(place, "--format", "zip", "-o", "a.zip")
    assert summary["media"] == 2 and summary["omissions"] == 0, summary
    for name in ("epub", "pdf"):
        ran = place.run("export", "--json", "--format", name, "-o", f"a.{name}")
        assert ran.code == 3 and ran.summary["records"] == 9, (name, ran)
    # Converting it is another matter: that is refused for the picture, and told.
    ran = place.run("export", "--json", "--format", "zip", "--media", "webp", "-o", "webp.zip")
    told = json.dumps([e for e in ran.events if e["type"] == "omission"])
    assert ran.code == 3 and "bomb.png" in told and "large.tif" in told, ran


def claim_sounds_and_films_are_converted_by_ffmpeg(place):
    if not shutil.which("ffmpeg"):
        raise stage.Skip("ffmpeg is not installed")
    album.create(place, memories=3)
    (place.work / "media").mkdir(exist_ok=True)
    for name, source in (("tone.wav", ["-f", "lavfi", "-i", "sine=d=1"]),
                         ("film.mov", ["-f", "lavfi", "-i", "testsrc=d=1:s=64x48"])):
        subprocess.run(["ffmpeg", "-v", "error", *source, place.work / "media" / name], check=True)
    with sqlite3.connect(place.work / "app.db") as database:
        database.execute("INSERT INTO media VALUES(1, 1, 'tone.wav'), (2, 2, 'film.mov')")
    database.close()
    ran = place.run("export", "--json", "--format", "zip", "--audio", "mp3", "--video", "mp4", "-o",
                    "all.zip")
    assert ran.code == 0, ran
    folder, index = unzipped(place, "all.zip")
    kinds = {e["path"]: (e["media_type"], e["file"].rsplit(".", 1)[1]) for e in index}
    assert kinds == {"tone.wav": ("audio/mpeg", "mp3"), "film.mov": ("video/mp4", "mp4")}, kinds
    for entry in index:
        probed = subprocess.run(["ffprobe", "-v", "error", folder / entry["file"]],
                                capture_output=True, check=False)
        assert probed.returncode == 0, probed.stderr


def claim_missing_and_broken_media_are_named_by_every_format_that_carries_them(place):
    media = real_media(place, PHOTOS[:4])
    place.write("media/shots/Canon.jpg", media["shots/Canon.jpg"][:200] + b"\0" * 50)
    (place.work / "media/shots/Nikon.jpg").unlink()
    for name, output in (("zip", "a.zip"), ("tar.gz", "a.tar.gz"), ("markdown", "m"), ("html", "h"),
                         ("epub", "a.epub"), ("pdf", "a.pdf"), ("archive", "a")):
        ran = place.run("export", "--json", "--format", name, "-o", output)
        assert ran.code == 3, (name, ran)
        told = json.dumps([e for e in ran.events if e["type"] in ("problem", "omission")])
        assert "Nikon.jpg" in told, (name, told)
        # Who shows pictures notices a broken one; who carries files carries it as it is.
        if name in ("html", "epub", "pdf"):
            assert "Canon.jpg" in told, (name, told)
        assert (place.work / output).exists() and exports.hidden(place) == []
    ran = place.run("export", "--json", "--format", "zip", "--media", "webp", "-o", "w.zip")
    told = json.dumps([e for e in ran.events if e["type"] in ("problem", "omission")])
    assert ran.code == 3 and "Canon.jpg" in told and "Nikon.jpg" in told, told


def claim_media_behind_a_link_are_named_and_not_exported(place):
    """A row may name a path; where a link on that path leads is nobody's to follow."""
    place.write("secret/s.txt", "not the application's")
    place.write("media/own/a.txt", "the application's")
    (place.work / "media" / "out").symlink_to(place.work / "secret")
    (place.work / "media" / "one.txt").symlink_to(place.work / "secret" / "s.txt")
    with sqlite3.connect(place.work / "app.db") as database:
        database.execute("CREATE TABLE memories(id INTEGER PRIMARY KEY, title, path)")
        database.executemany("INSERT INTO memories VALUES(?, ?, ?)", [
            (1, "a", "out/s.txt"), (2, "b", "one.txt"), (3, "c", "own/a.txt")])
    database.close()
    place.repository(app="app.db")
    config = place.work / "perdure.toml"
    config.write_text(config.read_text().replace('"app.db"', '"app.db"\nmedia = "media"') +
                      '[source.app.records.memory]\ntable = "memories"\ntitle = "title"\n'
                      'media = "path"\n')
    ran = place.good("export", "--format", "zip", "-o", "x.zip", code=3)
    assert ran.err.count("behind a link") == 2, ran
    folder, index = unzipped(place, "x.zip")
    assert [entry["path"] for entry in index] == ["own/a.txt"], index
    assert not [path for path in folder.rglob("*.txt") if "not the" in path.read_text()]


stage.main(globals())
