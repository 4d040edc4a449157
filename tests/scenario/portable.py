#!/usr/bin/python3
"""The portable archive, read back by programs and a reader that nobody of perdure wrote."""
import hashlib
import sqlite3
import subprocess

import archive_reader
import stage


def demo(place):
    place.good("demo", "apps", "--size", 800, "--no-input")
    return place.work / "apps"


def exported(place, folder, source, *more):
    out = place.folder / f"archive-{source}"
    place.good("export", "--source", source, "--format", "archive", "-o", out, *more, cwd=folder)
    return archive_reader.Archive(out / "portable_backup")


def checksums_hold(archive):
    done = subprocess.run(["sha256sum", "--strict", "--quiet", "-c", "metadata/checksums.sha256"],
                          cwd=archive.folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    listed = {line[66:] for line in
              (archive.folder / "metadata/checksums.sha256").read_text().splitlines()}
    there = {str(path.relative_to(archive.folder)) for path in archive.folder.rglob("*")
             if path.is_file() and not path.name.startswith("checksums.sha256")}
    assert listed == there, f"listed and there differ: {listed ^ there}"


def claim_the_assistants_memories_code_and_vectors_come_back_equal(place):
    folder = demo(place)
    archive = exported(place, folder, "memory")
    checksums_hold(archive)
    with sqlite3.connect(f"file:{folder}/apps/assistant/memory.db?mode=ro", uri=True) as database:
        compared = archive_reader.compare(archive, database)
    manifest = archive.manifest
    assert compared == manifest["memory_count"] + manifest["code_unit_count"] > 100
    assert len(archive.matrix("memories/embeddings.npz", "vectors")) > 50
    assert len(archive.matrix("code_index/embeddings.npz", "vectors")) > 10
    for name in ("version", "schema_version", "export_date", "export_type", "projects",
                 "checksums", "compression", "encryption"):
        assert name in manifest, f"the manifest lacks {name}"
    assert manifest["checksums"]["memories.json"] == "sha256:" + hashlib.sha256(
        (archive.folder / "memories/memories.json").read_bytes()).hexdigest()
    for name in ("memories/memories.json", "memories/embeddings.npz", "code_index/projects.json",
                 "code_index/semantic_units.json", "code_index/embeddings.npz",
                 "config/export_config.json", "metadata/statistics.json"):
        assert (archive.folder / name).is_file(), f"seed 002 names {name}"


def claim_every_medium_is_there_once_under_its_hash_with_its_names(place):
    folder = demo(place)
    archive = exported(place, folder, "app")
    checksums_hold(archive)
    with sqlite3.connect(f"file:{folder}/apps/memories/app.db?mode=ro", uri=True) as database:
        assert archive_reader.compare(archive, database) > 500
    media = archive.media()
    files = {path.name: path for path in (archive.folder / "media").glob("??/*")}
    assert set(files) == set(media) and files, "media.json and the files differ"
    for name, path in files.items():
        assert hashlib.sha256(path.read_bytes()).hexdigest() == name
        assert path.parent.name == name[:2]
    named = {name for entry in media.values() for name in entry["names"]}
    referred = set()
    for entry in archive.types().values():
        for _, _, _, record in archive.records(entry["file"]):
            for medium in record.get("_media", []):
                referred.add(medium["path"])
                original = folder / "apps/memories/media" / medium["path"]
                assert original.read_bytes() == files[medium["sha256"]].read_bytes()
    assert named == referred


def claim_a_real_social_network_comes_back_equal(place):
    path = stage.real_database("ldbc_snb_social/ldbc_snb.sqlite")
    place.repository(social=path)
    archive = exported(place, place.work, "social", "--all-tables")
    checksums_hold(archive)
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as database:
        assert archive_reader.compare(archive, database) > 50_000


stage.main(globals())
