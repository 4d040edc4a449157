"""What went into a hostile export, and what was reported as not held exactly."""
import json
import math
import struct


def unhex(text):
    return bytes.fromhex(text)


class Record:
    """One record as it went in: values are (kind, python value), texts are bytes."""

    def __init__(self, line):
        raw = json.loads(line)
        self.type, self.id = unhex(raw["type"]), unhex(raw["id"])
        self.fields = [(unhex(name), value_of(*value)) for name, value in raw["fields"]]
        self.roles = {name: unhex(raw[name]) for name in (
            "title", "body", "body_format", "project", "category", "collection", "subject")}
        self.tags = [unhex(tag) for tag in raw["tags"]]
        self.media = [(unhex(path), present == 1) for path, present in raw["media"]]
        self.vector = unhex(raw["vector"]) if "vector" in raw else None

    def name(self):
        return self.type + b" " + self.id


def value_of(kind, text):
    if kind in "tb":
        return kind, unhex(text)
    if kind == "i":
        return kind, int(text)
    if kind == "d":
        return kind, int(text, 16)
    return "n", None


def double_bits(number):
    return struct.unpack(">Q", struct.pack(">d", number))[0]


def double_of(bits):
    return struct.unpack(">d", struct.pack(">Q", bits))[0]


def is_nan(bits):
    return math.isnan(double_of(bits))


class Export:
    def __init__(self, folder):
        self.folder, self.out = folder, folder / "out"
        with open(folder / "records", "rb") as lines:
            self.records = [Record(line) for line in lines]
        lines = (folder / "summary").read_text().splitlines()
        self.summary = json.loads(lines[0])
        self.omissions = [tuple(unhex(part) for part in json.loads(line)) for line in lines[1:]]
        assert self.summary["records"] == len(self.records), self.summary
        assert self.summary["total"] == len(self.omissions), "more omissions than are kept"
        self.reported = {}
        for record, what in self.omissions:
            self.reported.setdefault(record, []).append(what)

    def of_type(self, type_):
        return [record for record in self.records if record.type == type_]

    def is_reported(self, record, column):
        """Whether anything was reported about this column of this record."""
        return any(what.startswith(column + b": ") for what in self.reported.get(record.name(), []))
