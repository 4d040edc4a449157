#!/usr/bin/python3
"""Containers that somebody made to hurt: each is refused with its reason, nothing is written
outside, and memory and disk stay bounded."""
import gzip
import io
import pathlib
import struct
import subprocess
import tarfile
import unicodedata
import zipfile
import zlib

import album
import stage

MEMORY_MB_MAX = 200 * stage.PATIENCE


def archive(place):
    """The files of a good archive: name → bytes."""
    album.create(place, memories=30)
    place.good("export", "--format", "archive", "-o", "good")
    root = place.work / "good"
    return {str(path.relative_to(root)): path.read_bytes()
            for path in sorted(root.rglob("*")) if path.is_file()}


def verify(place, name, *more):
    """(exit code, what it says, MiB at the peak) of `export verify`; nothing may be left behind."""
    scratch = place.folder / "tmp"
    scratch.mkdir(exist_ok=True)
    before = stage.fingerprint(place.work)
    environment = dict(place.environment, TMPDIR=str(scratch))
    code, out, err, memory = stage.measured([stage.PROGRAM, "export", "verify", name, *more],
                                            cwd=place.work, env=environment)
    assert not list(scratch.iterdir()), "something was left in TMPDIR"
    assert stage.fingerprint(place.work) == before, f"{name}: something else was changed"
    return code, out + err, memory


def refused(place, name, *words):
    """It ends with an error that names the reason, and not with a crash."""
    code, told, memory = verify(place, name)
    assert code in (1, 3, 14), f"{name}: exit {code}\n{told[-2000:]}"
    assert any(word in told for word in words), f"{name}: not said why ({words}):\n{told[-2000:]}"
    assert memory < MEMORY_MB_MAX, f"{name}: {memory:.0f} MiB"


def zipped(place, name, files, *more):
    """A zip of the good files and of (ZipInfo or name, bytes)."""
    with zipfile.ZipFile(place.work / name, "w", zipfile.ZIP_DEFLATED) as out:
        for file, data in [*files.items(), *more]:
            out.writestr(file, data)
    return name


def tarred(place, name, files, *more):
    """A tar.gz of the good files and of TarInfo with bytes."""
    with tarfile.open(place.work / name, "w:gz", compresslevel=1) as out:
        for file, data in files.items():
            one = tarfile.TarInfo(file)
            one.size = len(data)
            out.addfile(one, io.BytesIO(data))
        for one, data in more:
            one.size = len(data) if one.isreg() else 0
            out.addfile(one, io.BytesIO(data))
    return name


UNSAFE = {
    "portable_backup/../../evil": "outside", "../evil": "outside", "/tmp/perdure-evil": "absolute",
    "C:/evil": "drive", "c:evil": "drive", "a\\..\\evil": "backslash",
    "\\\\server\\share": "backslash", "portable_backup/a\x01b": "control",
    "portable_backup/" + "d/" * 40 + "x": "deep", "x" * 3000: "long",
}


def claim_the_good_archive_is_good_in_each_container(place):
    files = archive(place)
    for name in (zipped(place, "a.zip", files), tarred(place, "a.tar.gz", files)):
        code, told, memory = verify(place, name)
        assert code == 0 and memory < MEMORY_MB_MAX, (name, code, told, memory)


def claim_names_of_other_scripts_are_read(place):
    """A pax header in a tar, a flag in a zip: the file is found, and told to be a stranger."""
    files = archive(place)
    name = "portable_backup/tables/人 é.json"
    stranger = (tarfile.TarInfo(name), b"[]")
    for container in (tarred(place, "a.tar.gz", files, stranger),
                      zipped(place, "a.zip", files, (name, b"[]"))):
        code, told, _ = verify(place, container)
        assert code == 14 and "人 é.json: no checksum names it" in told, (container, told)


def claim_names_that_lead_outside_are_refused(place):
    files = archive(place)
    for number, (name, word) in enumerate(UNSAFE.items()):
        refused(place, zipped(place, f"{number}.zip", files, (name, b"evil")), word)
        one = tarfile.TarInfo(name)
        refused(place, tarred(place, f"{number}.tar.gz", files, (one, b"evil")), word)
    assert not pathlib.Path("/tmp/perdure-evil").exists()


def claim_a_name_that_is_no_utf_8_is_refused(place):
    files = archive(place)
    raw = (place.work / zipped(place, "a.zip", files, ("portable_backup/abc", b"x"))).read_bytes()
    (place.work / "bad.zip").write_bytes(
        raw.replace(b"portable_backup/abc", b"portable_backup/a\xffc"))
    refused(place, "bad.zip", "UTF-8", "damaged")


def claim_links_and_devices_are_refused(place):
    files = archive(place)
    kinds = {tarfile.SYMTYPE: "link", tarfile.LNKTYPE: "link", tarfile.CHRTYPE: "device",
             tarfile.BLKTYPE: "device", tarfile.FIFOTYPE: "device"}
    for number, (kind, word) in enumerate(kinds.items()):
        one = tarfile.TarInfo("portable_backup/media/trap")
        one.type, one.linkname = kind, "/etc/passwd"
        through = tarfile.TarInfo("portable_backup/media/trap/written-through")
        refused(place, tarred(place, f"{number}.tar.gz", files, (one, b""), (through, b"x")), word)
    link = zipfile.ZipInfo("portable_backup/media/trap")
    link.create_system, link.external_attr = 3, 0o120777 << 16
    refused(place, zipped(place, "link.zip", files, (link, b"/etc")), "link")
    (place.work / "good").rename(place.work / "linked")
    (place.work / "linked/portable_backup/media/trap").symlink_to("/etc/passwd")
    refused(place, "linked", "link")


def claim_two_files_of_one_name_are_refused(place):
    files = archive(place)
    name = "portable_backup/memories/memories.json"
    twins = {name: "twice", name.upper(): "same as",
             unicodedata.normalize("NFD", "portable_backup/é"): "same as"}
    for number, (twin, word) in enumerate(twins.items()):
        more = [(twin, b"x")]
        if "e\u0301" in twin:
            more.insert(0, (unicodedata.normalize("NFC", twin), b"y"))
        import warnings
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            refused(place, zipped(place, f"{number}.zip", files, *more), word)
        refused(place, tarred(place, f"{number}.tar.gz", files,
                              *[(tarfile.TarInfo(one), data) for one, data in more]), word)
    refused(place, zipped(place, "both.zip", files, ("portable_backup/manifest.json/x", b"x")),
            "file and a folder", "is a file")


def claim_what_two_places_say_in_two_ways_is_refused(place):
    """The directory of a zip against the headers before the data; flags and methods of others."""
    files = archive(place)
    raw = (place.work / zipped(place, "a.zip", files)).read_bytes()
    name = b"portable_backup/manifest.json"
    first = raw.index(name)
    central = raw.rindex(name)
    changes = {"name": (first, b"portable_backup/manifest.jsom"),
               "size": (first - 8, b"\x07\0\0\0"),
               "crc": (central - 30, b"\1\2\3\4"), "method": (central - 36, b"\x63\0"),
               "encrypted": (central - 38, b"\1\0"), "offset": (central - 4, b"\x05\0\0\0"),
               "long": (central - 18, b"\xff\xff")}
    for what, (at, new) in changes.items():
        (place.work / f"{what}.zip").write_bytes(raw[:at] + new + raw[at + len(new):])
        refused(place, f"{what}.zip", "damaged", "method", "encrypted")
    (place.work / "after.zip").write_bytes(raw + b"more")
    refused(place, "after.zip", "damaged")
    (place.work / "before.zip").write_bytes(b"PK\3\4" + raw)
    refused(place, "before.zip", "damaged")


def entry(name, packed, size, crc, offset):
    """(local header, directory entry) of a deflated file."""
    fields = struct.pack("<HHHIIIIHH", 20, 0, 8, 0x5a210000, crc, len(packed), size, len(name), 0)
    return (b"PK\3\4" + fields + name,
            b"PK\1\2" + struct.pack("<H", 20) + fields
            + struct.pack("<HHHII", 0, 0, 0, 0, offset) + name)


def ending(count, directory, offset):
    return b"PK\5\6" + struct.pack("<HHHHIIH", 0, 0, count, count, len(directory), offset, 0)


def claim_overlapping_entries_are_refused(place):
    """Many names for one kernel of compressed bytes: the bomb that no ratio of one file betrays."""
    data = bytes(50 << 20)
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = packer.compress(data) + packer.flush()
    local, listed = entry(b"kernel", packed, len(data), zlib.crc32(data), 0)
    directory = listed * 2000
    body = local + packed
    (place.work / "overlap.zip").write_bytes(body + directory + ending(2000, directory, len(body)))
    refused(place, "overlap.zip", "over each other")


def claim_bombs_of_ratio_are_stopped(place):
    """600 MiB of zeros in a megabyte, in a zip and in a tar.gz."""
    files = archive(place)
    with zipfile.ZipFile(place.work / "bomb.zip", "w", zipfile.ZIP_DEFLATED,
                         compresslevel=1) as out:
        for name, data in files.items():
            out.writestr(name, data)
        with out.open("portable_backup/media/00/bomb", "w", force_zip64=True) as stream:
            for _ in range(600):
                stream.write(bytes(1 << 20))
    refused(place, "bomb.zip", "bomb")
    one = tarfile.TarInfo("portable_backup/media/00/bomb")
    one.size = 640 << 20
    zeros = gzip.compress(bytes(64 << 20), 6)
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as out:
        for name, data in files.items():
            good = tarfile.TarInfo(name)
            good.size = len(data)
            out.addfile(good, io.BytesIO(data))
        head = raw.getvalue() + one.tobuf(tarfile.USTAR_FORMAT)
    (place.work / "bomb.tar.gz").write_bytes(gzip.compress(head) + zeros * 10)
    refused(place, "bomb.tar.gz", "bomb")


def claim_a_file_of_holes_is_stopped(place):
    """GNU tar's sparse file: a terabyte that takes two records."""
    files = archive(place)
    with open(place.work / "holes", "wb") as holes:
        holes.truncate(5 << 40)
    made = subprocess.run(["tar", "--sparse", "-czf", "holes.tar.gz", "holes"], cwd=place.work,
                          capture_output=True, timeout=60)
    (place.work / "holes").unlink()
    assert made.returncode == 0, made.stderr
    del files
    refused(place, "holes.tar.gz", "bytes", "bomb", "times")


def claim_counts_that_lie_are_refused(place):
    """A directory that claims more than there is, in the short and in the long form."""
    (place.work / "count.zip").write_bytes(ending(65534, b"", 0))
    refused(place, "count.zip", "damaged", "no portable archive")
    end64 = b"PK\6\6" + struct.pack("<QHHIIQQQQ", 44, 45, 45, 0, 0, 1 << 60, 1 << 60, 1 << 62, 0)
    locator = b"PK\6\7" + struct.pack("<IQI", 0, 0, 1)
    (place.work / "count64.zip").write_bytes(
        end64 + locator + b"PK\5\6" + struct.pack("<HHHHIIH", 0, 0, 65535, 65535, 0xffffffff,
                                                  0xffffffff, 0))
    refused(place, "count64.zip", "zip of", "damaged", "no tar")


def claim_more_entries_than_the_short_form_counts_take_little(place):
    """More entries than the short form counts: bounded memory, and the reason is another one."""
    with zipfile.ZipFile(place.work / "many.zip", "w") as out:
        for number in range(70_000):
            out.writestr(f"portable_backup/media/{number:06}", b"")
    code, told, memory = verify(place, "many.zip")
    assert code == 1 and "manifest" in told, (code, told[-500:])
    assert memory < MEMORY_MB_MAX, f"{memory:.0f} MiB"


def claim_what_was_cut_off_is_refused_wherever(place):
    files = archive(place)
    for name in (zipped(place, "a.zip", files), tarred(place, "a.tar.gz", files)):
        raw = (place.work / name).read_bytes()
        for part in (0.01, 0.2, 0.5, 0.9, 0.999):
            (place.work / f"cut-{name}").write_bytes(raw[:int(len(raw) * part)])
            refused(place, f"cut-{name}", "damaged", "cut short", "no tar", "missing", "manifest")


def claim_a_vector_that_belongs_to_nobody_is_found(place):
    import hashlib
    import json
    import numpy
    place.good("demo", "apps", "--size", 200, "--no-input")
    place.good("export", "--source", "memory", "--format", "archive", "-o", place.work / "good",
               cwd=place.work / "apps")
    (place.work / "good").rename(place.work / "more")
    root = place.work / "more/portable_backup"
    path = root / "memories/embeddings.npz"
    arrays = dict(numpy.load(path))
    rows = len(arrays["vectors"])
    for name in ("ids", "vectors", "model"):
        arrays[name] = numpy.concatenate([arrays[name], arrays[name][-1:]])
    numpy.savez(path, **arrays)
    assert len(numpy.load(path)["vectors"]) == rows + 1
    manifest = json.loads((root / "manifest.json").read_text())
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    manifest["checksums"] = {name: f"sha256:{digest}" if name.endswith("memories/embeddings.npz")
                             else sum_ for name, sum_ in manifest["checksums"].items()}
    (root / "manifest.json").write_text(json.dumps(manifest))
    sums = root / "metadata/checksums.sha256"
    lines = [f"{hashlib.sha256((root / line[66:]).read_bytes()).hexdigest()}  {line[66:]}"
             for line in sums.read_text().splitlines()]
    sums.write_text("\n".join(lines) + "\n")
    (root / "metadata/checksums.sha256.minisig").unlink(missing_ok=True)
    code, told, _ = verify(place, "more")
    assert code == 14 and "1 of the vectors" in told, (code, told[-800:])


stage.main(globals())
