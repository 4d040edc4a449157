"""Reads json and ndjson as docs/DATA_EXPORT.md describes them."""
import base64
import hashlib
import json

from expected import double_bits


def untag(value):
    """A JSON value as (kind, python value), like expected.value_of."""
    if value is None:
        return "n", None
    if isinstance(value, str):
        return "t", value.encode()
    if isinstance(value, bool):
        raise AssertionError("no value is a boolean")
    if isinstance(value, int):
        return "i", value
    if isinstance(value, float):
        return "d", double_bits(value)
    (tag, text), = value.items()
    if tag == "$int64":
        return "i", int(text)
    if tag == "$bytes":
        return "b", base64.b64decode(text, validate=True)
    if tag == "$text":
        return "t", base64.b64decode(text, validate=True)
    assert tag == "$double", tag
    if text.startswith("NaN:"):
        return "d", int(text[4:], 16)
    return "d", 0x7ff8000000000000 if text == "NaN" else double_bits(float(text))


def text_of(value):
    kind, text = untag(value)
    assert kind == "t", value
    return text


def column_of(key):
    if key.startswith("$text:"):
        return base64.b64decode(key[6:])
    if key.startswith("$$"):
        key = key[1:]
    return (key[1:] if key.startswith("__") else key).encode()


def check_hash(line):
    start, _, digest = line.rpartition(b',"_sha256":"')
    assert digest.endswith(b'"}') and len(digest) == 66, line[-100:]
    assert hashlib.sha256(start + b"}").hexdigest().encode() == digest[:64], "hash of a record"


def no_duplicates(pairs):
    keys = [key for key, _ in pairs]
    assert len(keys) == len(set(keys)), f"a key twice: {keys}"
    return dict(pairs)


def compare(record, line):
    check_hash(line)
    found = json.loads(line, object_pairs_hook=no_duplicates)
    assert text_of(found["_type"]) == record.type and text_of(found["_id"]) == record.id
    fields = [(column_of(key), untag(value)) for key, value in found.items()
              if not key.startswith("_") or key.startswith("__")]
    assert fields == record.fields, f"{record.name()}: {fields} {record.fields}"
    for role in ("project", "category", "collection", "subject"):
        assert text_of(found.get("_" + role, "")) == record.roles[role], (record.name(), role)
    for role in ("title", "body"):
        held = [value for kind, value in dict(record.fields).values() if kind == "t"]
        assert text_of(found.get("_" + role, "")) == record.roles[role] or (
            record.roles[role] in held), (record.name(), role)
    assert [text_of(tag) for tag in found.get("_tags", [])] == record.tags
    media = [(text_of(file["path"]), "missing" not in file) for file in found.get("_media", [])]
    assert media == record.media
    if record.vector is not None:
        assert untag(found["_embedding"]["vector"]) == ("b", record.vector)


def read_ndjson(export):
    lines = (export.out / "records.ndjson").read_bytes().split(b"\n")
    assert lines.pop() == b"" and len(lines) == len(export.records)
    for record, line in zip(export.records, lines):
        compare(record, line)


def read_json(export):
    raw = (export.out / "records.json").read_bytes()
    document = json.loads(raw, object_pairs_hook=no_duplicates)
    assert document["perdure_export"]["types"][0]["columns"][0] == "id"
    assert len(document["records"]) == len(export.records)
    start = raw.index(b'\n"records":[\n') + len(b'\n"records":[\n')
    lines = raw[start:].split(b"\n")
    assert lines[-3:] == [lines[-3], b"]}", b""]
    for record, line in zip(export.records, lines):  # one a line: a broken file can be salvaged
        compare(record, line.removesuffix(b","))
