"""Reads xml as its schema describes it."""
import base64
import xml.etree.ElementTree as tree

from expected import double_bits

P = "{urn:perdure:export:1}"


def content(element):
    text = element.text or ""
    if element.get("encoding") == "base64":
        return base64.b64decode(text, validate=True)
    return text.encode()


def attribute(element, name):
    if name + "-base64" in element.attrib:
        return base64.b64decode(element.get(name + "-base64"), validate=True)
    return element.get(name).encode()


def value_of(element):
    kind = element.get("type", "text")
    if kind == "null":
        return "n", None
    if kind == "integer":
        return "i", int(element.text)
    if kind == "double":
        if "bits" in element.attrib:
            return "d", int(element.get("bits"), 16)
        return "d", 0x7ff8000000000000 if element.text == "NaN" else double_bits(
            float(element.text))
    return kind[0], content(element)


def compare(record, found):
    assert attribute(found, "type") == record.type and attribute(found, "id") == record.id
    fields = [(attribute(field, "name"), value_of(field)) for field in found.findall(P + "field")]
    assert fields == record.fields, f"{record.name()}: {fields} {record.fields}"
    roles = {role.get("name"): content(role) for role in found.findall(P + "role")}
    for role in ("project", "category", "collection", "subject"):
        assert roles.get(role, b"") == record.roles[role], (record.name(), role)
    assert [content(tag) for tag in found.findall(P + "tag")] == record.tags
    media = [(content(file), file.get("missing") != "true") for file in found.findall(P + "media")]
    assert media == record.media
    if record.vector is not None:
        assert base64.b64decode(found.find(P + "embedding").text) == record.vector


def read_xml(export):
    raw = (export.out / "records.xml").read_bytes()
    assert b"<!DOCTYPE" not in raw.split(b"<records>")[0]
    root = tree.fromstring(raw)
    records = root.findall(f"{P}records/{P}record")
    assert len(records) == len(export.records)
    for record, found in zip(export.records, records):
        compare(record, found)


def schema_inside(export, into):
    """The XML Schema that the document carries, as a file."""
    raw = (export.out / "records.xml").read_bytes()
    start, end = raw.index(b"<xs:schema"), raw.index(b"</xs:schema>") + len(b"</xs:schema>")
    into.write_bytes(raw[start:end])
    return into
