#!/usr/bin/python3
"""An independent reader of a perdure repository, written from docs/FORMAT.md.

usage: reader.py REPOSITORY KEY_FILE    checks everything, prints what the snapshots hold as JSON
"""
import hashlib
import json
import os
import sys

from keyring import Keyring
from packs import Blobs
from pins import read_pin
from sample import cell
from snapshots import FILE, FOLDER, SYMLINK, Snapshot
from wire import Damage, In, need, preamble, sha256, three_copies

TOMBSTONE_BYTES = 156
KINDS = {FOLDER: "folder", FILE: "file", SYMLINK: "symlink"}


def read_objects(folder):
    found = {}
    for at, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(at, name)
            with open(path, "rb") as file:
                found[os.path.relpath(path, folder).replace(os.sep, "/")] = file.read()
    return found


class Repository:
    """A repository whose every object was opened and checked; Damage names what does not fit."""

    def __init__(self, folder, key_file):
        with open(key_file, "rb") as file:
            secret = file.read().rstrip(b"\r\n")
        objects = read_objects(folder)
        config = three_copies(objects["config"], "config")
        self.id = self._config(In(config, "config"))
        self.keyring = Keyring(objects, self.id, sha256(config), secret)
        self.blobs = Blobs(objects, self.keyring)
        self.blobs.read_everything()
        self.snapshots = sorted(
            (Snapshot(name, data, self.keyring) for name, data in objects.items()
             if name.startswith("snapshot/") and len(data) != TOMBSTONE_BYTES),
            key=lambda snapshot: snapshot.started)
        self._check_chain()
        self.pins = {name[4:]: read_pin(name, body, self.keyring)
                     for name, body in objects.items() if name.startswith("pin/")}

    def _config(self, source):
        preamble(source, b"PDCF")
        repository, self.destination = source.raw(16), source.raw(16)
        self.created, self.parity, self.label = source.time(), source.u8(), source.text()
        source.end()
        return repository

    def _check_chain(self):
        """Each writer's snapshots are numbered, and name the one before by its hash."""
        last = {}
        for snapshot in self.snapshots:
            sequence, digest = last.get(snapshot.writer, (snapshot.sequence - 1, None))
            need(snapshot.sequence == sequence + 1 and snapshot.previous == (digest or bytes(32)),
                 f"{snapshot.name}: another snapshot before it")
            last[snapshot.writer] = (snapshot.sequence, snapshot.hash)

    def expected(self, snapshot):
        """A snapshot of a sample, in the words of Place.make_repository."""
        app = snapshot.sources["app"]
        tables, media, _ = app.database(self.blobs)
        # The media folder itself, which the first snapshots of version 1 do not tell.
        folder, _ = media.pop("", (None, None))
        sql = [part[3] for part in app.read_schema(self.blobs)["objects"] if part[3]]
        found = {"tag": snapshot.tags[0], "media": described(media),
                 "rows": {name: sorted(([cell(value) for value in row] for row in rows), key=repr)
                          for name, rows in tables.items()},
                 "schema": sorted(sql)}
        if "tree" in snapshot.sources:
            found["tree"] = described(snapshot.sources["tree"].tree(self.blobs))
        if folder:
            need(folder["kind"] == FOLDER, f"{snapshot.name}: media that lie in no folder")
            found["media_folder"] = {"mode": folder.get("mode", 0), "mtime_ns": mtime_ns(folder)}
        if snapshot.session.hex() in self.pins:
            found["pin"] = self.pins[snapshot.session.hex()]
        return found


def mtime_ns(entry):
    return entry["mtime_s"] * 10 ** 9 + entry.get("mtime_ns", 0)


def described(found):
    shown = {}
    for path, (entry, content) in found.items():
        if "same_as" in entry:
            content = found[entry["same_as"].decode()][1]
        one = {"kind": KINDS[entry["kind"]], "mode": entry.get("mode", 0)}
        if entry["kind"] == SYMLINK:
            one = {"kind": "symlink", "target": entry["target"].decode()}
        elif entry["kind"] == FILE:
            one.update(size=entry.get("size", 0), sha256=hashlib.sha256(content).hexdigest(),
                       mtime_ns=mtime_ns(entry))
            if entry.get("links", 1) > 1:
                one["links"] = entry["links"]
            if "same_as" in entry:
                one["twin_of"] = entry["same_as"].decode()
        shown[path] = one
    return shown


def main():
    try:
        repository = Repository(sys.argv[1], sys.argv[2])
        for snapshot in repository.snapshots:
            print(json.dumps(repository.expected(snapshot), indent=1, sort_keys=True))
    except Damage as damage:
        sys.exit(f"damaged: {damage}")


if __name__ == "__main__":
    main()
