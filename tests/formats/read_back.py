#!/usr/bin/python3
"""Hostile records through every format, read back by readers that share no code with perdure, and
by the validators of each format. argv[1] is the program that writes them."""
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import traceback

sys.dont_write_bytecode = True
import read_csv  # noqa: E402
import read_json  # noqa: E402
import read_markdown  # noqa: E402
import read_xlsx  # noqa: E402
import read_xml  # noqa: E402
from expected import Export  # noqa: E402

NPM = os.environ.get("PERDURE_NPM", os.path.expanduser("~/.cache/perdure-dev/npm"))
LOSSLESS = ("json", "ndjson", "xml")
CASES = []


def case(function):
    CASES.append(function)
    return function


class Place:
    """Writes each format once and keeps it."""

    def __init__(self, program, folder):
        self.program, self.folder, self.exports = program, pathlib.Path(folder), {}

    def export(self, format_, *options):
        key = (format_, *options)
        if key not in self.exports:
            folder = self.folder / f"{len(self.exports)}-{format_}"
            folder.mkdir()
            run(self.program, format_, folder, *options)
            self.exports[key] = Export(folder)
        return self.exports[key]


def run(*command, text=None, env=None):
    done = subprocess.run([str(word) for word in command], input=text, env=env,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert done.returncode == 0, (command, done.stderr[-2000:], done.stdout[-2000:])
    return done.stdout


@case
def lossless_formats_report_nothing(place):
    for format_ in LOSSLESS:
        assert not place.export(format_).omissions, place.export(format_).omissions[:3]


@case
def json_reads_back_equal(place):
    read_json.read_json(place.export("json"))


@case
def ndjson_reads_back_equal(place):
    read_json.read_ndjson(place.export("ndjson"))


@case
def jq_reads_json(place):
    export = place.export("json")
    count = run("jq", ".records | length", export.out / "records.json")
    assert int(count) == len(export.records)


@case
def ajv_accepts_json_by_the_schema_inside(place):
    export = place.export("json")
    schema = place.folder / "schema.json"
    schema.write_bytes(run("jq", ".schema", export.out / "records.json"))
    ajv(schema, export.out / "records.json")


@case
def ajv_refuses_what_the_schema_forbids(place):
    schema = place.folder / "schema.json"
    wrong = place.folder / "wrong.json"
    wrong.write_bytes(run("jq", ".records = [.records[0] | .count = true]",
                          place.export("json").out / "records.json"))
    try:
        ajv(schema, wrong)
    except AssertionError:
        return
    raise AssertionError("ajv took a boolean for a value")


def ajv(schema, document):
    run(NPM + "/node_modules/.bin/ajv", "validate", "--spec=draft2020", "-s", schema, "-d",
        document, "--all-errors=false")


@case
def csv_reads_back_but_for_what_is_reported(place):
    read_csv.read_csv(place.export("csv"))


@case
def csv_for_spreadsheets_runs_nothing(place):
    read_csv.read_spreadsheet(place.export("csv", "dialect=spreadsheet"))


@case
def csvclean_accepts_csv(place):
    for file in place.export("csv").out.glob("*.csv"):
        # The limit is csvkit's own, for cells of 128 KiB.
        told = run("csvclean", "-n", "-z", 1 << 30, file)
        assert b"No errors" in told, told


@case
def sqlite_imports_csv(place):
    export = place.export("csv")
    records = export.of_type(b"memory")
    script = f".import --csv '{export.out / 'memory.csv'}' t\nselect count(*) from t;\n" \
             "select hex(title), hex(content) from t where count = '3' limit 400;\n"
    lines = run("sqlite3", ":memory:", text=script.encode()).decode().split()
    assert int(lines[0]) == len(records)
    repaired = [tuple(dict(record.fields)[column][1].decode("utf-8", "replace").replace(
        "\0", "\ufffd").encode().hex().upper() for column in (b"title", b"content"))
        for record in records if dict(record.fields)[b"count"] == ("i", 3)
        and dict(record.fields)[b"title"][0] == "t"]
    found = [tuple(line.split("|")) for line in lines[1:]]
    missing = [pair for pair in found if pair not in set(repaired)]
    assert len(found) > 300 and len(missing) <= 1, missing[:3]  # one title is a number


@case
def xml_reads_back_equal(place):
    read_xml.read_xml(place.export("xml"))


@case
def xmllint_accepts_xml_by_the_schema_inside(place):
    export = place.export("xml")
    schema = read_xml.schema_inside(export, place.folder / "schema.xsd")
    run("xmllint", "--noout", "--huge", "--nonet", "--schema", schema, export.out / "records.xml")


@case
def markdown_reads_back_equal(place):
    read_markdown.read_markdown(place.export("markdown"))


def pandoc(path):
    return json.loads(run("pandoc", "-f", "commonmark+yaml_metadata_block", "-t", "json", path))


@case
def pandoc_reads_markdown(place):
    """The traps of YAML arrive as text, tags as a list, the body as what was written."""
    out = place.export("markdown").out
    chosen = [path for path in sorted(out.rglob("*.md")) if path.stat().st_size < 100000][:60]
    for path in chosen:
        tree = pandoc(path)
        if path.name != "README.md":
            assert "title" in tree["meta"], path
            assert tree["meta"]["columns"]["t"] == "MetaMap", path
            assert tree["blocks"], path
    told = [path for path in chosen if b"\ntags:\n" in path.read_bytes()]
    assert told
    for path in told:
        tree = pandoc(path)
        assert tree["meta"]["tags"]["t"] == "MetaList", path


@case
def openpyxl_reads_xlsx_but_for_what_is_reported(place):
    read_xlsx.read_xlsx(place.export("xlsx"))


@case
def libreoffice_opens_xlsx(place):
    export = place.export("xlsx")
    folder = place.folder / "office"
    folder.mkdir()
    rows = read_xlsx.libreoffice_reads(export, folder)
    records = export.of_type(b"memory")
    assert len(rows) == len(records) + 1 and rows[0][:2] == ["id", "title"]
    dates = {row[rows[0].index("created_at")] for row in rows[1:]}
    assert dates == {"2024-03-01 09:30:00"}, dates  # as LibreOffice spells a date, not as text
    formulas = [row[1] for row in rows[1:] if row[1].startswith("=")]
    assert "=1+1" in formulas  # a text, not a 2


def main():
    passed = failed = 0
    with tempfile.TemporaryDirectory() as folder:
        place = Place(sys.argv[1], folder)
        for one in CASES:
            if len(sys.argv) > 2 and sys.argv[2] not in one.__name__:
                continue
            try:
                one(place)
                passed += 1
            except Exception:  # noqa: BLE001
                failed += 1
                print(f"FAILED {one.__name__}", file=sys.stderr)
                print(traceback.format_exc()[-3000:], file=sys.stderr)
    print(f"{passed} passed, {failed} failed")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
