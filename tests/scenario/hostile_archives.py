#!/usr/bin/env python3
"""Portable archives that somebody made to hurt: each is named, in little time and memory."""
import hashlib
import io
import json
import os
import subprocess
import tarfile
import time
import zipfile

import stage

MEMORY_KB = stage.PATIENCE * 700 << 10
SECONDS = 60 * stage.PATIENCE


def npz():
    """An .npz without arrays."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w"):
        pass
    return out.getvalue()


def record(number, **more):
    return json.dumps({"_type": "memory", "_id": str(number), "id": number, "title": "t", **more},
                      separators=(",", ":")).encode()


def files_of(records, index=None, media=b"{\n}\n", **changed):
    """The files of an archive with these lines; everything else as it must be."""
    body = b"[\n" + b",\n".join(records) + (b"\n]\n" if records else b"]\n")
    if index is None:
        index, at = b"", 2
        for line in records:
            index += b'["%s",%d,%d,"%s"]\n' % (
                json.loads(line)["_id"].encode() if len(line) < 1 << 20 else b"1", at, len(line),
                hashlib.sha256(line).hexdigest().encode())
            at += len(line) + 2
    files = {"memories/memories.json": body, "memories/memories.idx": index,
             "memories/embeddings.npz": npz(), "media/media.json": media,
             "metadata/statistics.json": b"{}\n", "config/export_config.json": b"{}\n"}
    for group in ("projects", "semantic_units"):
        files[f"code_index/{group}.json"] = b"[\n]\n"
        files[f"code_index/{group}.idx"] = b""
    files["code_index/embeddings.npz"] = npz()
    manifest = {"version": "1.0.0", "schema_version": "4.0.0",
                "export_date": "2026-01-01T00:00:00Z", "export_type": "full",
                "memory_count": len(records), "code_unit_count": 0,
                "projects": [], "checksums": {}, "compression": "none", "encryption": "none",
                "types": [{"type": "memory", "table": "memories", "file": "memories/memories.json",
                           "count": len(records), "columns": ["id", "title"],
                           "declared_types": ["INTEGER", "TEXT"], "key": ["id"],
                           "roles": {"title": "title"}}]}
    files["manifest.json"] = json.dumps(manifest).encode()
    files.update(changed.pop("more", {}))
    sums = "".join(f"{hashlib.sha256(raw).hexdigest()}  {name}\n"
                   for name, raw in sorted(files.items()))
    files["metadata/checksums.sha256"] = changed.pop("sums", sums.encode())
    return files


def packed(place, files, beside=None):
    out = place.work / "hostile.tar.gz"
    with tarfile.open(out, "w:gz", compresslevel=1) as tar:
        everything = {f"portable_backup/{name}": raw for name, raw in files.items()}
        for name, raw in {**everything, **(beside or {})}.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(raw)
            tar.addfile(entry, io.BytesIO(raw))
    return out


def verified(place, archive, *more):
    """What verify says, and that it took neither long nor much."""
    began = time.monotonic()
    process = place.start("export", "verify", "--json", archive, *more)
    out, err = process.stdout.read(), process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    ran = stage.Ran(process.returncode, out.decode(errors="replace"), err.decode(errors="replace"))
    assert time.monotonic() - began < SECONDS, "it took too long"
    assert usage.ru_maxrss < MEMORY_KB, f"it took {usage.ru_maxrss >> 10} MiB"
    return ran


def claim_what_is_whole_is_whole(place):
    archive = packed(place, files_of([record(1), record(2)]))
    ran = verified(place, archive)
    assert ran.code == 0 and ran.summary["records"] == 2, ran


def claim_json_that_is_small_in_bytes_and_large_in_memory_is_refused(place):
    nested = b"[" + b"[]," * 12_000_000 + b"[]]"
    line = record(1)[:-1] + b',"_media":' + nested + b"}"
    ran = verified(place, packed(place, files_of([line])))
    assert ran.code == 14 and "values" in ran.out + ran.err, ran
    line = record(1)[:-1] + b',"_embedding":{"model":"m","dtype":"f32","vector":' + nested + b"}}"
    assert verified(place, packed(place, files_of([line]))).code == 14
    files = files_of([])
    files["manifest.json"] = files["manifest.json"][:-1] + b',"x":' + nested + b"}"
    ran = verified(place, packed(place, files))
    assert ran.code == 1 and "values" in ran.out, ran  # nothing more can be said of it


def claim_an_index_line_that_is_no_line_is_refused(place):
    for line in (b"[" + b"[]," * 8_000_000 + b"[]]\n", b"[" * 2_000_000 + b"\n",
                 b'["1",2,18446744073709551615,"%s"]\n' % (b"0" * 64),
                 b'["1",18446744073709551600,64,"%s"]\n' % (b"0" * 64),
                 b'["1",-2,64,"%s"]\n' % (b"0" * 64), b'{"1":2}\n', b"\x00\n"):
        ran = verified(place, packed(place, files_of([record(1)], index=line)))
        assert ran.code == 14, (line[:40], ran)
        ran = verified(place, packed(place, files_of([record(1)], index=line)), "--salvage")
        assert ran.code == 14, (line[:40], ran)


def claim_a_record_of_a_million_members_or_tags_ends_soon(place):
    members = b",".join(b'"m%d":0' % i for i in range(1_000_000))
    line = record(1)[:-1] + b"," + members + b"}"
    ran = verified(place, packed(place, files_of([line])))
    assert ran.code == 14 and "members" in ran.out + ran.err, ran
    line = record(1)[:-1] + b',"_tags":[' + b'"",' * 3_000_000 + b'""]}'
    ran = verified(place, packed(place, files_of([line])))
    assert ran.code == 14 and "tags" in ran.out + ran.err, ran


def claim_lists_that_name_what_is_not_there_cost_nothing(place):
    absent = "".join(f"{i:064x}  absent/{i}\n" for i in range(500_000)).encode()
    ran = verified(place, packed(place, files_of([record(1)], sums=absent)))
    assert ran.code == 14 and ran.summary["faults"] <= 1000, ran.summary
    media = b"{\n" + b",\n".join(b'"%064x":{"names":["a"]}' % i for i in range(500_000)) + b"\n}\n"
    ran = verified(place, packed(place, files_of([record(1)], media=media)))
    assert ran.code == 14 and ran.summary["faults"] <= 1000, ran.summary
    deep = b'{"%s":' % (b"0" * 64) + b"[" * 100 + b"]" * 100 + b"}"
    assert verified(place, packed(place, files_of([record(1)], media=deep))).code == 14


def claim_what_lies_beside_the_archive_is_told(place):
    archive = packed(place, files_of([record(1)]), beside={"other/setup.sh": b"rm -rf /\n"})
    ran = verified(place, archive)
    assert ran.code == 0 and "other/setup.sh" in ran.out + ran.err, ran


def claim_a_checksum_a_hash_or_an_id_that_is_another_is_named(place):
    files = files_of([record(1), record(2)])
    def replaced(name, old, new):
        return lambda f: f.update({name: f[name].replace(old, new, 1)})
    for change in (replaced("memories/memories.json", b'"title":"t"', b'"title":"u"'),
                   replaced("memories/memories.idx", b'["1"', b'["9"'),
                   replaced("manifest.json", b'"memory_count": 2', b'"memory_count": 3'),
                   lambda f: f.pop("memories/memories.idx"),
                   lambda f: f.pop("media/media.json"),
                   lambda f: f.update({"extra.txt": b"?"})):
        changed = dict(files)
        change(changed)
        ran = verified(place, packed(place, changed))
        assert ran.code == 14, ran


def claim_a_newer_major_version_is_refused_and_says_so(place):
    for old, new in ((b'"version": "1.0.0"', b'"version": "2.0.0"'),
                     (b'"schema_version": "4.0.0"', b'"schema_version": "5.0.0"')):
        files = files_of([record(1)])
        files["manifest.json"] = files["manifest.json"].replace(old, new)
        ran = place.run("export", "verify", packed(place, files))
        assert ran.code not in (0, 3) and "newer" in ran.err, ran


def claim_a_salvage_of_what_looks_like_a_thousand_members_ends(place):
    """A broken member full of beginnings of others."""
    archive = packed(place, files_of([record(1)]))
    raw = archive.read_bytes()
    noise = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03" * 400_000
    archive.write_bytes(raw[:200] + noise + raw[200:])
    ran = verified(place, archive, "--salvage")
    assert ran.code != 0, ran
    done = subprocess.run(["gzip", "-t", archive], capture_output=True, check=False)
    assert done.returncode != 0


stage.main(globals())
