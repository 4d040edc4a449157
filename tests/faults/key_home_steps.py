#!/usr/bin/env python3
"""Stops the program at every change it makes while a destination ceases to be a key home, and
while others work beside one that is none: no key is lost, none lies where none may lie.

PERDURE_FAULT_STRIDE=k takes every k-th step only (of the longer commands: of every k-th dozen).
"""
import os
import shutil
import sys
import tempfile

from house import CONFIG, Count, House

STRIDE = int(os.environ.get("PERDURE_FAULT_STRIDE", "1"))


class TwoHouse(House):
    """A house with a second destination, which may be a key home."""

    def __init__(self, folder):
        super().__init__(folder)
        self.offsite = os.path.join(self.folder, "offsite")

    def create_with(self, keys):
        self.create()
        shutil.rmtree(self.repository)
        self.configure(keys)
        self.run("init")
        return self

    def configure(self, keys):
        text = CONFIG.format(repository=self.repository, data=self.data)
        text = text.replace('["disk"]', '["disk", "offsite"]')
        with open(self.config, "w") as file:
            file.write(text + f'[destination.offsite]\ntype = "local"\npath = "{self.offsite}"\n'
                       f'keys = {keys}\n')

    def twin(self, keys="false"):
        folder = os.path.join(os.path.dirname(self.folder), "twin")
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(self.folder, folder, symlinks=True)
        twin = TwoHouse(folder)
        twin.configure(keys)
        return twin

    def keys_at_offsite(self):
        return sorted(name for _, _, names in os.walk(os.path.join(self.offsite, "keyring"))
                      for name in names)


def steps(original, words, stride):
    """(step, twin, whether it was stopped there) for each step until nothing stops it."""
    step, running = 1, True
    while running:
        twin = original.twin()
        done = twin.run(*words, env={"PERDURE_CRASH_AT": str(step)}, check=False)
        running = done.returncode not in (0, 3)
        yield step, twin, done
        step += stride
    print(f"{' '.join(words)}: tried up to step {step - stride}", flush=True)


def comes_back(twin, committed):
    for destination in ("disk", "offsite"):
        target = os.path.join(twin.folder, "restored")
        shutil.rmtree(target, ignore_errors=True)
        twin.run("restore", committed, "--destination", destination, "--to", target)
    assert twin.restored_fingerprint(committed) == twin.fingerprint()


def a_home_that_ceases_to_be_one(count, house, committed):
    whole = house.keys_at_offsite()
    assert len(whole) > 1
    for step, twin, done in steps(house, ["backup", "sync"], STRIDE):
        def holds():
            assert done.returncode in (0, 137), f"{done.returncode}: {done.stderr}"
            # Homes are asked alone: what went from one place must open at the other.
            shutil.copytree(twin.offsite, twin.offsite + "-then")
            shutil.rmtree(twin.offsite)
            twin.run("backup", "list", "--destination", "disk")
            os.rename(twin.offsite + "-then", twin.offsite)
            comes_back(twin, committed)
            twin.run("backup", "sync")
            assert twin.keys_at_offsite() == [], twin.keys_at_offsite()
            twin.backup()
            comes_back(twin, "latest")
        count.claim(f"ceasing to be a key home, stopped at {step}", holds)


def a_place_that_never_was_one(count, house, words):
    for step, twin, done in steps(house, words, 12 * STRIDE):
        def holds():
            assert not os.path.exists(os.path.join(twin.offsite, "keyring")), done
            twin.run("backup", "sync")
            twin.backup()
            assert not os.path.exists(os.path.join(twin.offsite, "keyring"))
            comes_back(twin, "latest")
        count.claim(f"{' '.join(words)} beside a place without keys, stopped at {step}", holds)


def main():
    count = Count()
    scratch = tempfile.mkdtemp(prefix="perdure-homes-")
    try:
        house = TwoHouse(os.path.join(scratch, "home")).create_with("true")
        committed = house.backup()
        house.run("key", "rotate")
        a_home_that_ceases_to_be_one(count, house, committed)
        house = TwoHouse(os.path.join(scratch, "none")).create_with("false")
        house.backup()
        house.change(1)
        a_place_that_never_was_one(count, house, ["backup"])
        a_place_that_never_was_one(count, house, ["key", "rotate"])
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    count.close()


if __name__ == "__main__":
    sys.exit(main())
