#!/usr/bin/env python3
"""Stops the program at every single change it makes to the disk: nothing committed is ever lost,
nothing half-written is ever offered, and the next run simply goes on.

PERDURE_CRASH_AT=n ends the process at its n-th write, fsync, rename, link, unlink or mkdir.
PERDURE_FULL_AT=n makes the disk full from its n-th change on.
PERDURE_FAULT_STRIDE=k takes every k-th step only.
"""
import os
import shutil
import sys
import tempfile

from house import Count, House

STRIDE = int(os.environ.get("PERDURE_FAULT_STRIDE", "1"))


def still_whole(house, committed, kept):
    """What must be kept is listed, all that is listed comes back equal, the repository is sound."""
    listed = house.snapshots()
    for snapshot in kept:
        assert snapshot in listed, f"snapshot {snapshot} is lost"
    for snapshot in listed:
        wanted = committed.get(snapshot, house.fingerprint())
        assert house.restored_fingerprint(snapshot) == wanted, f"snapshot {snapshot} differs"
    house.check()


def every_step(count, original, committed, words, kept=None):
    """Runs `words` on copies of `original`, stopped at step 1, 2, 3… until it is not stopped."""
    name = " ".join(words)
    for variable, ending in (("PERDURE_CRASH_AT", 137), ("PERDURE_FULL_AT", None)):
        step, running = 1, True
        while running:
            twin = original.copy(os.path.join(os.path.dirname(original.folder), "twin"))
            done = twin.run(*words, env={variable: str(step)}, check=False)
            running = done.returncode not in (0, 3)

            def survives():
                if running and ending:
                    assert done.returncode == ending, f"exit {done.returncode}: {done.stderr}"
                if running and not ending:
                    assert done.returncode == 1 and "error[" in done.stderr, \
                        f"a full disk must be a clear error: {done.returncode} {done.stderr}"
                still_whole(twin, committed, committed if kept is None else kept)
                next_backup_works(twin)

            count.claim(f"{name}: {variable}={step}", survives)
            step += STRIDE
            if count.failed > 5:
                print("too many failures; stopping early")
                return
        print(f"{name}: {variable} tried up to step {step - STRIDE}", flush=True)


def next_backup_works(twin):
    snapshot = twin.backup()
    assert twin.restored_fingerprint(snapshot) == twin.fingerprint()


def main():
    count = Count()
    scratch = tempfile.mkdtemp(prefix="perdure-crash-")
    try:
        house = House(os.path.join(scratch, "house")).create()
        committed = {house.backup(): house.fingerprint()}
        house.change(1)
        every_step(count, house, committed, ["backup"])
        for turn in (2, 3):
            committed[house.backup()] = house.fingerprint()
            house.change(turn)
        newest = list(committed)[-1:]
        every_step(count, house, committed, ["backup", "cleanup", "--keep", "1"], kept=newest)
        every_step(count, house, committed, ["key", "rotate"])
        every_step(count, house, committed, ["repo", "repair"])
        house.run("backup", "cleanup", "--keep", "1")
        kept = {snapshot: committed[snapshot] for snapshot in newest}
        every_step(count, house, kept, ["repo", "compact", "--grace", "0s"])
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    count.close()


if __name__ == "__main__":
    sys.exit(main())
