"""Reads csv of the dialect for data: quoted is text, bare is a number, empty is NULL."""
import base64
import csv
import io
import json

from expected import double_bits, double_of, is_nan

ROLES = [b"_project", b"_category", b"_collection", b"_subject", b"_tags", b"_media"]


def parse(raw):
    """RFC 4180, strictly; a field is (quoted, bytes)."""
    rows, row, at = [], [], 0
    while at < len(raw):
        if raw[at:at + 1] == b'"':
            field, at = bytearray(), at + 1
            while True:
                end = raw.index(b'"', at)
                field += raw[at:end]
                at = end + 1
                if raw[at:at + 1] != b'"':
                    break
                field += b'"'
                at += 1
            row.append((True, bytes(field)))
        else:
            end = min(raw.index(b"\r\n", at), raw.find(b",", at) % (len(raw) + 1))
            field = raw[at:end]
            assert b'"' not in field and b"\n" not in field and b"\r" not in field, field
            row.append((False, field))
            at = end
        if raw[at:at + 2] == b"\r\n":
            rows.append(row)
            row, at = [], at + 2
        else:
            assert raw[at:at + 1] == b",", raw[at:at + 20]
            at += 1
    assert not row, "the last line is not ended"
    return rows


def typed(quoted, field):
    if quoted:
        return "t", field
    if field == b"":
        return "n", None
    if field in (b"NaN", b"INF", b"-INF"):
        return "d", 0x7ff8000000000000 if field == b"NaN" else double_bits(float(field))
    if any(sign in field for sign in b".e"):
        return "d", double_bits(float(field))
    return "i", int(field)


def check_value(export, record, column, value, found, binary):
    if found == value and not (binary and value[0] == "t"):
        return
    if binary and value[0] == "b":
        assert found == ("t", base64.b64encode(value[1])), (record.name(), column, found)
        return
    assert export.is_reported(record, column), (record.name(), column, value, found)
    if value[0] == "b":
        assert base64.b64decode(found[1]) == value[1]
    elif value[0] == "d":
        assert is_nan(value[1]) and is_nan(found[1])
    else:
        repaired = value[1].decode("utf-8", "replace").replace("\0", "\ufffd").encode()
        assert found in (value, ("t", repaired)), (record.name(), column, value, found)


def check_python_reads_the_same(raw, rows):
    text = io.StringIO(raw.decode("utf-8"), newline="")
    csv.field_size_limit(1 << 30)
    assert [[cell.encode() for cell in row] for row in csv.reader(text, strict=True)] == [
        [cell for _, cell in row] for row in rows]


def read_csv(export):
    metadata = json.loads((export.out / "csv-metadata.json").read_text())
    types = [b"memory", b"Memory", b"a/b:c", b"nothing"]
    assert len(metadata["tables"]) == len(types)
    assert len({table["url"].lower() for table in metadata["tables"]}) == len(types)
    for type_, table in zip(types, metadata["tables"]):
        raw = (export.out / table["url"]).read_bytes()
        rows = parse(raw)
        check_python_reads_the_same(raw, rows)
        columns = table["tableSchema"]["columns"]
        header = [column["titles"].encode() for column in columns]
        assert [name for _, name in rows[0]] == header and header[-6:] == ROLES
        binary = [column.get("datatype") == "base64Binary" for column in columns]
        records = export.of_type(type_)
        assert len(rows) == len(records) + 1
        for record, row in zip(records, rows[1:]):
            assert len(row) == len(header)
            for i, (column, value) in enumerate(record.fields):
                check_value(export, record, column, value, typed(*row[i]), binary[i])
            check_roles(export, record, dict(zip(ROLES, row[-6:])))


def check_roles(export, record, row):
    for role in ("project", "category", "collection", "subject"):
        column = b"_" + role.encode()
        value = ("t", record.roles[role]) if record.roles[role] else ("n", None)
        check_value(export, record, column, value, typed(*row[column]), False)
    paths = [path for path, _ in record.media]
    for column, values in ((b"_tags", record.tags), (b"_media", paths)):
        value = ("t", b"\n".join(values)) if values else ("n", None)
        check_value(export, record, column, value, typed(*row[column]), False)
        assert not any(b"\n" in each for each in values) or export.is_reported(record, column)
    if record.vector is not None:
        assert export.is_reported(record, b"embedding")


def read_spreadsheet(export):
    """Nothing in it starts like a formula, and every cell that was changed is reported."""
    raw = (export.out / "memory.csv").read_bytes()
    assert raw.startswith(b"\xef\xbb\xbf")
    rows = parse(raw[3:])
    records = export.of_type(b"memory")
    assert len(rows) == len(records) + 1
    for record, row in zip(records, rows[1:]):
        for (column, value), (_, cell) in zip(record.fields, row):
            assert value[0] != "t" or cell[:1] not in b"=+-@\r" or cell == b"", cell
            if value[0] == "t" and value[1][:1] in b"=+-@\t\r" and value[1]:
                assert cell.startswith(b"\t") and export.is_reported(record, column)
            if value[0] == "i" and abs(value[1]) > 10**15:
                assert cell == b"\t%d" % value[1] and export.is_reported(record, column)
            if value[0] == "d" and not is_nan(value[1]):
                assert double_bits(float(cell)) == double_bits(double_of(value[1]))
