#!/usr/bin/env python3
"""Sparse files: what is told of them is told of the bytes that programs read."""
import hashlib
import json
import os
import subprocess

import stage


def sparse(path, size, *pieces):
    """A file of holes with these (offset, bytes) in it, of a fixed time."""
    with open(path, "wb") as file:
        file.truncate(size)
        for offset, piece in pieces:
            file.seek(offset)
            file.write(piece)
    os.utime(path, (1_000_000_000, 1_000_000_000))


def claim_a_signed_integrity_report_hashes_what_programs_read(place):
    tree = place.work / "tree"
    tree.mkdir()
    sparse(tree / "hole", 65536)
    sparse(tree / "middle", 3_000_001, (1 << 20, b"middle" * 2000))
    sparse(tree / "head and tail", 1 << 20, (0, b"head"), ((1 << 20) - 4, b"tail"))
    sparse(tree / "empty", 0)
    (tree / "dense").write_bytes(b"d" * 70_000)
    os.link(tree / "middle", tree / "the same")
    place.repository(tree=tree)
    place.good("backup")
    ran = place.good("report", "integrity", "-o", "evidence", "--json").summary
    items = [json.loads(line) for line in open(place.work / ran["attachment"], encoding="utf-8")]
    told = {i["path"]: i["sha256"] for i in items if i["kind"] == "file"}
    assert told == {path.name: hashlib.sha256(path.read_bytes()).hexdigest()
                    for path in tree.iterdir()}, told


def claim_content_that_only_moved_between_holes_is_a_difference_and_a_version(place):
    tree = place.work / "tree"
    tree.mkdir()
    piece = b"D" * 4096
    sparse(tree / "shift", 1 << 20, (0, piece))
    place.repository(tree=tree)
    place.good("backup", "--tag", "one")
    sparse(tree / "shift", 1 << 20, (8 << 10, piece))
    fresh = (tree / "shift").read_bytes()
    for other in ("live", "latest"):
        ran = place.good("backup", "diff", "one", other)
        assert "shift" in ran.out, ran
        if other == "live":
            place.good("backup", "--tag", "two")
    place.good("backup", "history", "tree/shift", "--restore", "2", "--to", "second")
    assert (place.work / "second" / "shift").read_bytes() == fresh
    place.good("backup", "history", "tree/shift", "--restore", "1", "--to", "first")
    assert (place.work / "first" / "shift").read_bytes()[:4096] == piece


def claim_space_that_was_reserved_and_then_looked_at_comes_back(place):
    """Reserved space is a hole until its pages lie in the cache; no stamp of the file tells."""
    def layout():
        out, at = [], 0
        with open(path, "rb") as file:
            while True:
                try:
                    start = os.lseek(file.fileno(), at, os.SEEK_DATA)
                except OSError:
                    return out
                at = os.lseek(file.fileno(), start, os.SEEK_HOLE)
                out.append((start, at - start))

    tree = place.work / "tree"
    tree.mkdir()
    path = tree / "reserved"
    sparse(path, 64 << 20, (0, b"x" * 65536))
    if subprocess.run(["fallocate", "-n", "-o", str(4 << 20), "-l", str(4 << 20), path],
                      capture_output=True).returncode:
        raise stage.Skip("no fallocate here")
    os.sync()
    (tree / "other").write_text("o")
    place.settle()
    place.repository(tree=tree)
    place.good("backup")
    before, body = layout(), path.read_bytes()
    if layout() == before:
        raise stage.Skip("this file system tells the same of reserved space that was read")
    place.good("backup")
    place.good("restore", "latest", "--to", place.folder / "back")
    assert (place.folder / "back" / "tree" / "reserved").read_bytes() == body
    assert (place.folder / "back" / "tree" / "other").read_text() == "o"
    place.good("restore", "drill")


stage.main(globals())
