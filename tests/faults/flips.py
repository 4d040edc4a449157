#!/usr/bin/env python3
"""Damages a small repository byte by byte: every flip is repaired (the data comes back equal) or
named by `repo check` — and no flip ever makes a restore return something else silently.

PERDURE_FLIP_STRIDE=k flips every k-th byte of each object (default: about 300 flips in all;
1 flips every single byte, which takes long).
"""
import os
import shutil
import sys
import tempfile

from house import Count, House, rows, tree_fingerprint

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


def examine(twin, wanted, tally):
    """One damaged repository: named by the check or without consequence, and never believed."""
    checked = twin.run("repo", "check", "--read-data", check=False)
    target = os.path.join(twin.folder, "out")
    for snapshot, print_ in wanted.items():
        done = twin.run("restore", snapshot, "--to", target, check=False)
        if done.returncode == 0:
            assert equal(target, print_), "a restore said success and returned something else"
        else:
            assert done.returncode in (1, 10, 12, 14), f"{done.returncode} {done.stderr}"
            assert "error[" in done.stderr, done.stderr
        shutil.rmtree(target, ignore_errors=True)
    if checked.returncode == 0:
        tally["unnoticed"] += 1
    else:
        tally["named"] += 1
        assert checked.returncode in (1, 3, 10, 12, 14), f"{checked.returncode} {checked.stderr}"


def lost_pack(house, scratch, name, wanted):
    """A whole pack is gone: no restore may pass for complete."""
    twin = house.copy(os.path.join(scratch, "twin"))
    os.remove(os.path.join(twin.folder, name))
    assert twin.run("repo", "check", check=False).returncode == 14
    incomplete = 0
    for snapshot, print_ in wanted.items():
        target = os.path.join(twin.folder, "out")
        done = twin.run("restore", snapshot, "--to", target, check=False)
        if done.returncode == 0:
            assert equal(target, print_), "a restore without the pack said success"
        else:
            incomplete += 1
            assert "error[" in done.stderr or "!" in done.stdout + done.stderr, done.stderr
        shutil.rmtree(target, ignore_errors=True)
    assert incomplete > 0, "a pack that nobody misses"


def main():
    count = Count()
    scratch = tempfile.mkdtemp(prefix="perdure-flip-")
    tally = {"named": 0, "unnoticed": 0}
    try:
        house = House(os.path.join(scratch, "house")).create()
        wanted = {house.backup(): house.fingerprint()}
        house.change(1)
        wanted[house.backup()] = house.fingerprint()
        shutil.rmtree(os.path.join(house.folder, "cache"), ignore_errors=True)
        sizes = {os.path.relpath(path, house.folder): os.path.getsize(path)
                 for path in sorted(objects(house.repository))}
        stride = STRIDE or max(1, sum(sizes.values()) // FLIPS)
        for name, size in sizes.items():
            for position in range(min(stride // 2, max(size - 1, 0)), size, stride):
                twin = house.copy(os.path.join(scratch, "twin"))
                flip(os.path.join(twin.folder, name), position)
                count.claim(f"{name} byte {position} of {size}",
                            lambda: examine(twin, wanted, tally))
                if count.failed > 5:
                    print("too many failures; stopping early")
                    count.close()
        for name in sizes:
            if name.startswith("repository/pack/"):
                count.claim(f"{name} lost", lambda: lost_pack(house, scratch, name, wanted))
        print(f"{tally['named']} flips named by repo check, {tally['unnoticed']} harmless")
        count.claim("damage is named", lambda: fail_unless(tally["named"] > 0))
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    count.close()


def equal(target, wanted):
    return (tree_fingerprint(os.path.join(target, "tree")),
            rows(os.path.join(target, "app", "app.db"))) == wanted


def fail_unless(condition):
    assert condition


if __name__ == "__main__":
    sys.exit(main())
