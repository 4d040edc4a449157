#!/usr/bin/env python3
"""SIGKILL at random moments, round after round on one repository that is never cleaned in between.

PERDURE_KILL_ROUNDS (default 40 in ./dev test; 200 for the long run) and PERDURE_SEED.
"""
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from house import PERDURE, Count, House

ROUNDS = int(os.environ.get("PERDURE_KILL_ROUNDS", "40"))
SEED = int(os.environ.get("PERDURE_SEED", "1"))


def killed(house, words, after_s):
    """Starts perdure and kills it; True when it was still running."""
    process = subprocess.Popen(
        [PERDURE, "--config", house.config, "--no-input", *words], cwd=house.folder,
        env={**os.environ, "XDG_CACHE_HOME": os.path.join(house.folder, "cache"),
             "XDG_STATE_HOME": os.path.join(house.folder, "state")},
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(after_s)
    alive = process.poll() is None
    if alive:
        process.send_signal(signal.SIGKILL)
    process.wait()
    return alive


def main():
    count = Count()
    randomness = random.Random(SEED)
    scratch = tempfile.mkdtemp(prefix="perdure-kill-")
    kills = 0
    try:
        house = House(os.path.join(scratch, "house")).create()
        committed = {house.backup(): house.fingerprint()}
        started = time.monotonic()
        house.backup()
        usual_s = time.monotonic() - started
        for turn in range(ROUNDS):
            house.change(1000 + turn)
            words = randomness.choice([["backup"], ["backup"], ["backup", "--type", "full"],
                                       ["repo", "repair"], ["key", "rotate"]])
            kills += killed(house, words, randomness.uniform(0, 1.5 * usual_s))

            def survives():
                listed = house.snapshots()
                for snapshot in committed:
                    assert snapshot in listed, f"snapshot {snapshot} is lost"
                probe = randomness.choice(list(committed))
                assert house.restored_fingerprint(probe) == committed[probe]
                if turn % 10 == 9:
                    house.check()

            count.claim(f"round {turn}: {' '.join(words)} killed", survives)
            if turn % 5 == 4:
                count.claim(f"round {turn}: the next backup",
                            lambda: committed.update({house.backup(): house.fingerprint()}))
        print(f"{kills} of {ROUNDS} runs were still running when killed")
        count.claim("some runs were killed half-way", lambda: fail_unless(kills > ROUNDS // 10))
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    count.close()


def fail_unless(condition):
    assert condition


if __name__ == "__main__":
    sys.exit(main())
