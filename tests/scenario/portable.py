#!/usr/bin/python3
"""The portable archive, read back by programs and a reader that nobody of perdure wrote."""
import gzip
import hashlib
import io
import json
import sqlite3
import subprocess
import tarfile

import archive_reader
import numpy
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


def packed(folder, name):
    """A tar in gzip members of 64 KiB: (the tar, its members)."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        tar.add(folder, arcname=name)
    raw = raw.getvalue()
    return raw, [gzip.compress(raw[at:at + 65536]) for at in range(0, len(raw), 65536)]


def claim_verify_proves_the_archive_in_every_container_and_its_signature(place):
    folder = demo(place)
    archive = exported(place, folder, "memory")
    config = json.loads((archive.folder / "config/export_config.json").read_text())
    key = config["public_key"]
    subprocess.run(["minisign", "-V", "-q", "-P", key, "-m", "metadata/checksums.sha256"],
                   cwd=archive.folder, check=True)
    place.write("a.tar.gz", b"".join(packed(archive.folder, "portable_backup")[1]))
    subprocess.run(["zip", "-qr", place.work / "a.zip", "portable_backup"],
                   cwd=archive.folder.parent, check=True)
    subprocess.run(["age-keygen", "-o", "key.txt"], cwd=place.work, check=True,
                   capture_output=True)
    recipient = subprocess.run(["age-keygen", "-y", "key.txt"], cwd=place.work, check=True,
                               capture_output=True, text=True).stdout.strip()
    subprocess.run(["age", "-r", recipient, "-o", "a.age", "a.tar.gz"], cwd=place.work, check=True)
    count = archive.manifest["memory_count"] + archive.manifest["code_unit_count"]
    for name in (archive.folder.parent, "a.tar.gz", "a.zip"):
        summary = place.good("export", "verify", name, "--public-key", key, "--json").summary
        assert summary["records"] == count and summary["signature"] == "valid", summary
    summary = place.good("export", "verify", "a.age", "--identity", "key.txt", "--json").summary
    assert summary["encrypted"] and summary["records"] == count
    assert place.run("export", "verify", "a.age").code != 0


def claim_a_broken_part_costs_its_own_records_and_names_them(place):
    folder = demo(place)
    archive = exported(place, folder, "app")
    raw, members = packed(archive.folder, "portable_backup")
    at = raw.index(b"memories/memories.json\0") // 65536 + 2
    broken = bytearray(members[at])
    for place_of_damage in (3, 2):
        broken[len(broken) // place_of_damage] ^= 0xff
    place.write("bad.tar.gz", b"".join(members[:at]) + bytes(broken) + b"".join(members[at + 1:]))
    place.good("export", "verify", "bad.tar.gz", code=14)
    events = place.good("export", "verify", "bad.tar.gz", "--salvage", "--json", code=14).events
    lost = {event["record"] for event in events
            if event["type"] == "lost" and event["record"].startswith("memory ")}
    hole = range(at * 65536, (at + 1) * 65536)
    begins = raw.index(b"[\n{", raw.index(b"memories/memories.json\0"))
    expected = set()
    for line in (archive.folder / "memories/memories.idx").read_text().splitlines():
        identity, offset, length, _ = json.loads(line)
        if begins + offset < hole.stop and begins + offset + length > hole.start:
            expected.add(f"memory {identity}")
    assert lost == expected and lost, f"{len(lost)} named, {len(expected)} lie in the hole"
    whole = sum(entry["count"] for entry in archive.manifest["types"])
    assert events[-1]["records"] == whole - len(lost)


def claim_the_flat_variant_of_seed_002_is_read(place):
    flat = place.work / "flat"
    flat.mkdir()
    memories = [{"id": f"id-{i}", "content": f"text {i}", "category": "fact",
                 "context_level": "PROJECT_CONTEXT", "scope": "global", "project_name": None,
                 "importance": 0.5, "embedding_model": "m", "embedding": None,
                 "created_at": "2025-11-17T10:30:00+00:00",
                 "updated_at": "2025-11-17T10:30:00+00:00",
                 "last_accessed": "2025-11-17T10:30:00+00:00", "lifecycle_state": "ACTIVE",
                 "tags": ["a", "b"], "metadata": {"n": i}, "mood": "unknown to us"}
                for i in range(7)]
    head = {"version": "1.0.0", "schema_version": "3.0.0", "memory_count": 7,
            "export_date": "2025-11-17T10:30:00+00:00"}
    (flat / "memories.json").write_text(json.dumps(head | {"memories": memories}, indent=2))
    numpy.savez_compressed(flat / "embeddings.npz", embeddings=numpy.eye(7, 16))
    (flat / "manifest.json").write_text(json.dumps(head | {"projects": [], "export_type": "full",
                                                           "compression": "gzip",
                                                           "encryption": "none"}))
    sums = "".join(f"{hashlib.sha256((flat / name).read_bytes()).hexdigest()}  {name}\n"
                   for name in ("memories.json", "embeddings.npz", "manifest.json"))
    (flat / "checksums.sha256").write_text(sums)
    subprocess.run(["tar", "czf", "flat.tar.gz", "-C", "flat", "memories.json", "embeddings.npz",
                    "manifest.json", "checksums.sha256"], cwd=place.work, check=True)
    for name in ("flat", "flat.tar.gz"):
        summary = place.good("export", "verify", name, "--json").summary
        assert summary["records"] == 7 and summary["vectors"] == 7, summary
    numpy.savez_compressed(flat / "embeddings.npz", embeddings=numpy.eye(6, 16))
    place.good("export", "verify", "flat", code=14)
    numpy.savez(flat / "embeddings.npz", embeddings=numpy.array([{"a": 1}], dtype=object))
    place.good("export", "verify", "flat", code=14)


stage.main(globals())
