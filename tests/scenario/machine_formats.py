#!/usr/bin/python3
"""Real databases and real texts through the machine formats and markdown, by the real program."""
import csv
import json
import pathlib
import re
import shutil
import sqlite3
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "formats"))
import read_json  # noqa: E402
import read_xml  # noqa: E402
import stage  # noqa: E402
from corpora import MAPPING, load_corpora  # noqa: E402



def database(place, path):
    shutil.copy(path, place.work / "app.db")
    place.repository(app="app.db")
    return place.work / "app.db"


def texts(place, limit=1500):
    if not (stage.DATA / "text").exists():
        raise stage.Skip(f"no texts at {stage.DATA / 'text'}")
    load_corpora(place.work / "app.db", stage.DATA / "text", limit)
    place.repository(app="app.db")
    with open(place.work / "perdure.toml", "a") as file:
        file.write(MAPPING)
    return place.work / "app.db"


def rows_of(path):
    """Table → sorted rows of typed values, read by Python's sqlite3."""
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as connection:
        connection.text_factory = bytes
        tables = [name.decode() for (name,) in connection.execute(
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")]
        return {name: sorted(map(typed, connection.execute(
            'SELECT * FROM "' + name.replace('"', '""') + '"')), key=repr) for name in tables}


def typed(row):
    kinds = {type(None): "n", int: "i", float: "d", bytes: "t"}
    return [(kinds[type(value)], value) for value in row]


def as_sqlite(value):
    """What sqlite3 gives with bytes as text_factory: bytes and text look alike."""
    kind, held = value
    if kind == "d":
        return "d", read_double(held)
    return ("t" if kind == "b" else kind), held


def read_double(bits):
    import struct
    return struct.unpack(">d", struct.pack(">Q", bits))[0]


def same_rows(wanted, found):
    for table, rows in wanted.items():
        assert rows == sorted(found.get(table, []), key=repr), f"{table}: rows differ"
    assert set(found) <= set(wanted)


def export(place, format_, out, *more, code=0):
    return place.good("export", "--format", format_, "--output", out, "--json", *more,
                      code=code).summary


def json_rows(path):
    found = {}
    with open(path, "rb") as lines:
        for line in lines:
            read_json.check_hash(line.rstrip(b"\n"))
            record = json.loads(line)
            values = [as_sqlite(read_json.untag(value)) for key, value in record.items()
                      if not key.startswith("_") or key.startswith("__")]
            found.setdefault(record["_type"], []).append(values)
    return found


def xml_rows(path):
    import xml.etree.ElementTree as tree
    found = {}
    for _, element in tree.iterparse(path):
        if element.tag != read_xml.P + "record":
            continue
        values = [as_sqlite(read_xml.value_of(field))
                  for field in element.findall(read_xml.P + "field")]
        found.setdefault(element.get("type"), []).append(values)
        element.clear()
    return found


def every_row(place, source):
    wanted = rows_of(database(place, source))
    total = sum(map(len, wanted.values()))
    summary = export(place, "ndjson", "all.ndjson", "--all-tables")
    assert summary["records"] == total
    same_rows(wanted, json_rows(place.work / "all.ndjson"))
    assert export(place, "xml", "all.xml", "--all-tables")["records"] == total
    same_rows(wanted, xml_rows(place.work / "all.xml"))


def claim_chinook_leaves_with_every_value(place):
    """Every row of Chinook, as ndjson and xml, equals what Python's sqlite3 reads."""
    every_row(place, stage.real_database("chinook/Chinook_Sqlite.sqlite"))


def claim_northwind_leaves_with_every_value(place):
    """Photos as BLOBs, a table with a blank in its name."""
    every_row(place, stage.real_database("northwind/northwind.sqlite"))


def claim_a_social_network_leaves_with_every_value(place):
    """LDBC: 57,734 rows, 64-bit keys."""
    every_row(place, stage.real_database("ldbc_snb_social/ldbc_snb.sqlite"))


def claim_csv_round_trips_through_python_and_sqlite(place):
    """Chinook's tables as csv: Python's csv and sqlite3 .import both give the same cells back."""
    wanted = rows_of(database(place, stage.real_database("chinook/Chinook_Sqlite.sqlite")))
    export(place, "csv", "out", "--all-tables")
    metadata = json.loads((place.work / "out/csv-metadata.json").read_text())
    assert len(metadata["tables"]) == len(wanted)
    for name, rows in wanted.items():
        path = place.work / f"out/{name}.csv"
        cells = sorted([b"" if value is None else value if isinstance(value, bytes) else
                        str(value).encode() for _, value in row] for row in rows)
        with open(path, newline="", encoding="utf-8") as file:
            read = list(csv.reader(file, strict=True))
        found = sorted([cell.encode() for cell in row[:-6]] for row in read[1:])
        assert found == cells, name
        script = f".import --csv '{path}' t\nSELECT count(*) FROM t;\n"
        done = subprocess.run(["sqlite3", ":memory:"], input=script, capture_output=True, text=True)
        assert done.stdout.strip() == str(len(rows)), done


def claim_texts_of_the_world_leave_as_markdown(place):
    """Tang poems, emoji in twelve languages and chat: a vault whose every file names its record."""
    path = texts(place)
    with sqlite3.connect(path) as connection:
        titles = dict(connection.execute("SELECT id, title FROM memories"))
    summary = export(place, "markdown", "vault")
    assert summary["records"] == len(titles) and summary["omissions"] == 0
    files = [file for file in (place.work / "vault").rglob("*.md") if file.name != "README.md"]
    assert len(files) == len(titles)
    seen = set()
    for file in files:
        text = file.read_text()
        key = int(re.search(r"^  id: (\d+)$", text, re.M).group(1))
        assert key not in seen
        seen.add(key)
    assert (place.work / "vault/chinese-poetry").is_dir()
    first = (place.work / "vault/README.md").read_text()
    assert "chinese-poetry" in first and f"{len(titles)} records" in first


def claim_texts_of_the_world_leave_as_a_workbook(place):
    """The same as xlsx, read by openpyxl."""
    import openpyxl
    path = texts(place, 400)
    with sqlite3.connect(path) as connection:
        wanted = dict(connection.execute("SELECT id, content FROM memories"))
    assert export(place, "xlsx", "all.xlsx")["records"] == len(wanted)
    sheet = openpyxl.load_workbook(place.work / "all.xlsx", read_only=True)["memory"]
    rows = list(sheet.iter_rows(values_only=True))
    at = rows[0].index("id"), rows[0].index("content")
    assert {row[at[0]]: row[at[1]] for row in rows[1:]} == wanted


def claim_a_template_makes_an_atom_feed(place):
    """A built-in template, and one of a person's own beside the configuration."""
    path = texts(place, 200)
    with sqlite3.connect(path) as connection:
        count = connection.execute("SELECT count(*) FROM memories").fetchone()[0]
    export(place, "atom", "feed.xml")
    feed = (place.work / "feed.xml").read_text()
    assert feed.count("<entry>") == count
    subprocess.run(["xmllint", "--noout", "--nonet", place.work / "feed.xml"], check=True)
    place.write("templates/titles.txt", "{{#records}}{{title}}\n{{/records}}")
    export(place, "titles", "titles.txt")
    assert len((place.work / "titles.txt").read_text().split("\n")) == count + 1
    place.good("export", "template", "check", "titles")
    assert "titles.txt" in place.good("export", "template", "list").out


def claim_a_bad_template_is_2_and_names_the_line(place):
    """A name that nothing has; a partial; a file that is not there."""
    texts(place, 5)
    place.write("bad.txt", "one\n{{#records}}{{titel}}{{/records}}")
    ran = place.good("export", "--format", "template:bad.txt", "--output", "x.txt", code=2)
    assert "line 2" in ran.err and 'did you mean "title"' in ran.err, ran
    assert not (place.work / "x.txt").exists()
    place.write("part.txt", "{{> /etc/passwd}}{{#records}}{{/records}}")
    ran = place.good("export", "template", "check", "part.txt", code=2)
    assert "cannot load others" in ran.err, ran
    assert place.run("export", "--format", "template:gone.txt", "--output", "x.txt").code == 2


def claim_the_schemas_are_the_ones_inside(place):
    """`export schema` prints what xml carries, and a JSON Schema that json fits."""
    database(place, stage.real_database("chinook/Chinook_Sqlite.sqlite"))
    export(place, "xml", "all.xml", "--all-tables")
    printed = place.good("export", "schema", "xml").out.strip()
    assert printed in (place.work / "all.xml").read_text()
    (place.work / "export.xsd").write_text(printed)
    subprocess.run(["xmllint", "--noout", "--nonet", "--schema", place.work / "export.xsd",
                    place.work / "all.xml"], check=True, capture_output=True)
    schema = json.loads(place.good("export", "schema", "json").out)
    assert schema["$schema"].endswith("2020-12/schema")



stage.main(globals())
