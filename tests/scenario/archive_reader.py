"""A second reader of docs/ARCHIVE.md, written from that page alone: nothing of perdure in it."""
import base64
import hashlib
import json
import math
import struct

import numpy


class Archive:
    """The folder that holds manifest.json."""

    def __init__(self, folder):
        self.folder = folder
        self.manifest = json.loads((folder / "manifest.json").read_text())
        self.vectors = {}

    def types(self):
        return {entry["type"]: entry for entry in self.manifest["types"]}

    def matrix(self, file, array):
        if file not in self.vectors:
            self.vectors[file] = numpy.load(self.folder / file, allow_pickle=False)
        return self.vectors[file][array]

    def value(self, value, file, record):
        """A tagged value as Python's sqlite3 would give it."""
        if not isinstance(value, dict):
            return value
        (tag, text), = value.items()
        if tag == "$int64":
            return int(text)
        if tag == "$bytes":
            return base64.b64decode(text, validate=True)
        if tag == "$text":
            return base64.b64decode(text, validate=True).decode("utf-8", "surrogateescape")
        if tag == "$double":
            if text.startswith("NaN:"):
                return struct.unpack("<d", struct.pack("<Q", int(text[4:], 16)))[0]
            return float(text.replace("Infinity", "inf"))
        assert tag == "$embedding", f"an unknown tag {tag}"
        array, row = text.split("/")
        npz = file.rsplit("/", 1)[0] + "/embeddings.npz"
        ids = self.matrix(npz, array.replace("vectors", "ids", 1))
        assert ids[int(row)] == record["_id"], "an embedding of somebody else"
        return self.matrix(npz, array)[int(row)].tobytes()

    def records(self, file):
        """(type, id, {column: value}) of each line, every line checked against the index."""
        data = (self.folder / file).read_bytes()
        index = (self.folder / file).with_suffix(".idx").read_text().splitlines()
        body = json.loads(data)
        assert len(index) == len(body), f"{file}: {len(index)} in the index, {len(body)} records"
        for line, record in zip(index, body):
            identity, offset, length, digest = json.loads(line)
            piece = data[offset:offset + length]
            assert hashlib.sha256(piece).hexdigest() == digest, f"{file}: {identity} moved"
            assert json.loads(piece) == record
            assert identity == record["_id"]
            fields = {}
            for name, value in record.items():
                if name.startswith("_") and not name.startswith("__"):
                    continue
                column = name[1:] if name.startswith(("__", "$$")) else name
                fields[column] = self.value(value, file, record)
            yield record["_type"], record["_id"], fields, record

    def media(self):
        return json.loads((self.folder / "media/media.json").read_text())


def same(left, right):
    """Bit-exact: 1 is not 1.0, NaN is NaN."""
    if type(left) is not type(right):
        return False
    if isinstance(left, float):
        return struct.pack("<d", left) == struct.pack("<d", right) or (
            math.isnan(left) and math.isnan(right))
    return left == right


def compare(archive, database, tables=None):
    """Every row of every mapped table against its record; returns how many were compared."""
    database.text_factory = lambda raw: raw.decode("utf-8", "surrogateescape")
    compared = 0
    expected = {}
    for name, entry in archive.types().items():
        cursor = database.execute('SELECT * FROM "%s"' % entry["table"].replace('"', '""'))
        columns = [column[0] for column in cursor.description]
        assert columns == entry["columns"], f"{name}: {columns} are not {entry['columns']}"
        key = [columns.index(column) for column in entry["key"]]
        rows = expected.setdefault(name, {})
        for row in cursor:
            rows.setdefault("/".join(str(row[at]) for at in key), []).append(row)
    for file in sorted({entry["file"] for entry in archive.types().values()}):
        for kind, identity, fields, _ in archive.records(file):
            entry = archive.types()[kind]
            rows = expected[kind]
            if not entry["key"]:
                rows, identity = rows[""], 0
                found = next((i for i, row in enumerate(rows)
                              if all(map(same, row, fields.values()))), None)
                assert found is not None, f"{kind}: no row is {fields}"
                del rows[found]
                compared += 1
                continue
            row = rows.pop(identity)[0]
            assert list(fields) == entry["columns"]
            for column, left, right in zip(entry["columns"], row, fields.values()):
                assert same(left, right), f"{kind} {identity}: {column} {left!r} became {right!r}"
            compared += 1
    left = {name: len(rows) for name, rows in expected.items() if any(rows.values())}
    assert not left, f"rows without a record: {left}"
    return compared
