"""Reads the markdown vault as docs/DATA_EXPORT.md describes it, by PyYAML and nothing of ours."""
import base64
import datetime
import re
import urllib.parse

import yaml

from read_json import untag

LINK = re.compile(r"(?<!\\)(?:\\\\)*\]\(([^) \t\n]+)\)")
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def split(raw):
    """Front matter and what follows it."""
    assert raw.startswith(b"---\n")
    end = raw.index(b"\n---\n", 3)
    return raw[4:end + 1], raw[end + 5:]


def value_of(value):
    assert not isinstance(value, (datetime.date, bool, list)), f"YAML took a value for {value!r}"
    return untag(value)


def column_of(key):
    assert isinstance(key, str), f"YAML took a column's name for {key!r}"
    if key.startswith("$text:"):
        return base64.b64decode(key[6:])
    return (key[1:] if key.startswith("$$") else key).encode()


def text_of(value):
    kind, text = untag(value)
    assert kind == "t", value
    return text


def body_of(front, rest):
    """The exact body that lies below the front matter, and its column."""
    place = front["body"]
    lines = rest.split(b"\n", place["skip"])
    return place["column"].encode(), lines[place["skip"]][:place["bytes"]]


def compare(export, record, path):
    raw = path.read_bytes()
    raw.decode("utf-8")
    head, rest = split(raw)
    front = yaml.load(head.decode(), LOADER)
    assert text_of(front["type"]) == record.type and text_of(front["id"]) == record.id
    columns = {column_of(key): value_of(value) for key, value in front["columns"].items()}
    if "body" in front:
        column, body = body_of(front, rest)
        assert column not in columns
        columns[column] = ("t", body)
    wanted = dict(record.fields)
    assert columns == wanted, (record.name(), columns, wanted)
    if record.roles["title"]:
        assert text_of(front["title"]) == record.roles["title"]
    for role in ("project", "category", "collection", "subject"):
        assert text_of(front.get(role, "")) == record.roles[role], (record.name(), role)
    assert [text_of(tag) for tag in front.get("tags", [])] == record.tags
    if "created" in front:
        assert isinstance(front["created"], datetime.datetime) and front["created"].tzinfo
    check_media(export, record, path, front)
    if record.vector is not None:
        assert untag(front["embedding"]["vector"]) == ("b", record.vector)
    return front


def check_media(export, record, path, front):
    assert len(front.get("media", [])) == len(record.media)
    for (source, present), file in zip(record.media, front.get("media", [])):
        assert text_of(file["path"]) == source
        if not present:
            assert file["missing"] and record.name() in export.reported
            continue
        copied = (path.parent / text_of(file["file"]).decode()).resolve()
        assert copied.is_relative_to((export.out / "attachments").resolve()), copied
        assert copied.read_bytes() == (export.folder / "media" / source.hex()).read_bytes()
        assert copied in {(path.parent / link).resolve() for link in links_of(path)}, path


def links_of(file):
    text = file.read_text()
    text = split(text.encode())[1].decode() if text.startswith("---\n") else text
    return [urllib.parse.unquote(link) for link in LINK.findall(text)]


def read_markdown(export):
    records = {}
    for path in sorted(export.out.rglob("*.md")):
        if path.name == "README.md" or "attachments" in path.relative_to(export.out).parts[:1]:
            continue
        front = yaml.load(split(path.read_bytes())[0].decode(), LOADER)
        records[text_of(front["type"]) + b" " + text_of(front["id"])] = path
    assert len(records) == len(export.records), (len(records), len(export.records))
    for record in export.records:
        compare(export, record, records[record.name()])
    check_names(export)
    check_contents(export, set(records.values()))


def check_names(export):
    paths = [path.relative_to(export.out) for path in export.out.rglob("*")]
    assert len({str(path).casefold() for path in paths}) == len(paths)
    for path in paths:
        assert len(path.name.encode()) <= 120 and not path.name.startswith("."), path
        assert path.stem.split(".")[0].upper() not in ("CON", "NUL", "AUX", "PRN"), path


def check_contents(export, records):
    """From README.md, by links alone, every record is reached; no link is dead."""
    reached, ahead = set(), [export.out / "README.md"]
    while ahead:
        page = ahead.pop().resolve()
        if page in reached:
            continue
        reached.add(page)
        if page.name != "README.md":
            continue
        for link in links_of(page):
            target = page.parent / link
            assert target.exists(), (page, link)
            ahead.append(target)
    missed = {record.resolve() for record in records} - reached
    assert not missed, sorted(missed)[:3]

