#!/usr/bin/env python3
"""Damages a small repository byte by byte: every flip is repaired (and the data comes back equal) or
named by `repo check` — and no flip ever makes a restore return something else silently.

PERDURE_FLIP_STRIDE=k flips every k-th byte of each object (default: about 300 flips in all;
1 flips every single byte, which takes long).
"""
import os
import shutil
import sys
import tempfile

from house import Count, House

STRIDE = int(os.environ.get("PERDURE_FLIP_STRIDE", "0"))
FLIPS = 300


def objects(repository):
    for at, _, names in os.walk(repository):
        for name in names:
            yield os.path.join(at, name)


def flip(path, position):
    with open(path, "r+b") as file:
        file.seek(position)
        byte = file.read(1)[0]
        file.seek(position)
        file.write(bytes([byte ^ 0x41]))


def main():
    count = Count()
    scratch = tempfile.mkdtemp(prefix="perdure-flip-")
    try:
        house = House(os.path.join(scratch, "house")).create()
        first = house.backup()
        wanted = {first: house.fingerprint()}
        house.change(1)
        wanted[house.backup()] = house.fingerprint()
        shutil.rmtree(os.path.join(house.folder, "cache"), ignore_errors=True)
        sizes = {path: os.path.getsize(path) for path in sorted(objects(house.repository))}
        stride = STRIDE or max(1, sum(sizes.values()) // FLIPS)
        repaired = named = 0
        for path, size in sizes.items():
            if os.path.relpath(path, house.repository).startswith(("tmp", "lease")):
                continue
            for position in range(min(stride // 2, max(size - 1, 0)), size, stride):
                flip(path, position)
                label = f"{os.path.relpath(path, house.repository)} byte {position} of {size}"

                def found():
                    nonlocal repaired, named
                    checked = house.run("repo", "check", "--read-data", check=False)
                    for snapshot in wanted:
                        done = house.run("restore", snapshot, "--to", scratch + "/out",
                                         check=False)
                        try:
                            if done.returncode == 0:
                                assert equal(house, scratch + "/out", wanted[snapshot]), \
                                    "a restore said success and returned something else"
                            else:
                                assert done.returncode in (10, 12, 14, 1), done.stderr
                                assert "error[" in done.stderr
                        finally:
                            shutil.rmtree(scratch + "/out", ignore_errors=True)
                    if checked.returncode == 0:
                        # Not worth naming only if a repair finds nothing to do and all restores work.
                        repaired += 1
                    else:
                        named += 1
                        assert checked.returncode in (10, 12, 14, 3, 1), checked.stderr

                count.claim(label, found)
                flip(path, position)
                shutil.rmtree(os.path.join(house.folder, "cache"), ignore_errors=True)
                if count.failed > 5:
                    count.close()
        print(f"{named} flips named by repo check, {repaired} without consequence")
        count.claim("damage is named", lambda: fail_unless(named > 0))
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    count.close()


def equal(house, target, wanted):
    from house import rows, tree_fingerprint
    return (tree_fingerprint(os.path.join(target, "tree")),
            rows(os.path.join(target, "app", "app.db"))) == wanted


def fail_unless(condition):
    assert condition


if __name__ == "__main__":
    sys.exit(main())
