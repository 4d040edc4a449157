#!/usr/bin/python3
"""Real databases and texts through every format, each judged by the programs that read it.

The sample apps and two real inputs always; PERDURE_HEAVY=1 adds the others at full size.
"""
import atexit
import csv
import json
import os
import pathlib
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import unicodedata

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "scenario"))
sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "formats"))
import stage  # noqa: E402
import validators  # noqa: E402
from corpora import MAPPING, load_corpora  # noqa: E402

_shared = tempfile.TemporaryDirectory(prefix="perdure-real-")
atexit.register(_shared.cleanup)
HEAVY = bool(os.environ.get("PERDURE_HEAVY"))
TEXTS = 4000 if HEAVY else 120
REAL = {"northwind": "northwind/northwind.sqlite", "chinook": "chinook/Chinook_Sqlite.sqlite",
        "social": "ldbc_snb_social/ldbc_snb.sqlite"}
INPUTS = ["demo", "texts", "northwind"] + (["chinook", "social"] if HEAVY else [])


class Input:
    """One source, configured as a new user would have it; each format exported once."""
    made = {}

    def __init__(self, name):
        # Anew each time: an input that is not there is asked for once by every format.
        folder = pathlib.Path(tempfile.mkdtemp(prefix=f"{name}-", dir=_shared.name))
        self.name, self.exports = name, {}
        self.place = stage.Place(folder)
        self.work, self.source = self.place.work, "app"
        getattr(self, f"make_{name}", self.make_real)()

    def make_demo(self):
        self.place.good("demo", "apps", "--size", 120, "--no-input")
        self.work = self.place.work / "apps"
        self.database = self.work / "apps/memories/app.db"

    def make_texts(self):
        if not (stage.DATA / "text").exists():
            raise stage.Skip(f"no texts at {stage.DATA / 'text'}")
        self.database = self.work / "app.db"
        load_corpora(self.database, stage.DATA / "text", TEXTS)
        self.place.repository(app="app.db")
        with open(self.work / "perdure.toml", "a") as file:
            file.write(MAPPING)

    def make_real(self):
        self.database = self.place.folder / "app.db"
        shutil.copy(stage.real_database(REAL[self.name]), self.database)
        self.place.good("quickstart", self.database, "--no-input")

    def export(self, format_, output, *more):
        """(path, summary) of the export; what a format cannot hold is exit 3."""
        key = (format_, *more)
        if key not in self.exports:
            path = self.place.folder / output
            ran = self.place.run("export", "--source", self.source, "--format", format_, "--json",
                                 "-o", path, *more, cwd=self.work)
            assert ran.code in (0, 3) and path.exists(), ran
            self.exports[key] = path, ran.summary
        return self.exports[key]


def run(*command, cwd=None, text=None):
    done = subprocess.run([str(word) for word in command], cwd=cwd, input=text,
                          capture_output=True, timeout=900)
    assert done.returncode == 0, (command, done.stdout[-1500:], done.stderr[-1500:])
    return done.stdout


def html(one):
    """vnu finds no error on any page, axe none on one of each kind, no link leads nowhere."""
    site, summary = one.export("html", "site", *wide(one))
    pages = sorted(site.rglob("*.html"))
    assert summary["records"] > 0 and len(pages) > 5
    found = validators.vnu(site)
    assert not found, "\n".join(found[:20])
    kinds = {}
    for page in pages:
        kinds.setdefault(page.parent, []).append(page)
    chosen = [list_[len(list_) // 2] for list_ in kinds.values()] + [site / "index.html"]
    tasks = [{"url": page.as_uri(), "axe": True, "scheme": ("light", "dark")[number % 2],
              "width": (1280, 360)[number // 2 % 2]} for number, page in enumerate(chosen)]
    for task, answer in zip(tasks, validators.ask_browser(tasks)):
        # Errors are not asked for: axe itself tries to fetch the style sheet.
        assert not answer["axe"] and not answer["outside"], (task, answer)
        assert answer["overflow"] <= 0, f"{task['url']}: {answer['overflow']} too wide"


def wide(one):
    """Everything of small sources; of the large one what is mapped."""
    return () if one.name in ("social", "texts", "demo") else ("--all-tables",)


def epub(one):
    """epubcheck finds nothing, Ace nothing serious."""
    book, _ = one.export("epub", "book.epub", *wide(one))
    assert not validators.epubcheck(book)
    with tempfile.TemporaryDirectory() as report:
        found = validators.ace(book, report)
    assert not [entry for entry in found if entry[0] in ("critical", "serious")], found[:10]


def squeezed(text):
    text = unicodedata.normalize("NFKC", text)
    return "".join(c for c in text if not c.isspace() and unicodedata.category(c) != "Cf")


def titles(one):
    """Titles of mapped records, read by Python."""
    with sqlite3.connect(f"file:{one.database}?mode=ro", uri=True) as database:
        return [row[0] for row in database.execute(
            "SELECT title FROM memories WHERE title IS NOT NULL")]


def pdf(one):
    """qpdf and poppler find a whole, tagged document with embedded fonts; titles come back."""
    book, summary = one.export("pdf", "book.pdf", *wide(one))
    run("qpdf", "--check", book)
    info = run("pdfinfo", book).decode()
    assert re.search(r"Tagged:\s+yes", info), info
    fonts = run("pdffonts", book).decode().splitlines()[2:]
    assert fonts
    for row in fonts:
        assert re.search(r"\syes\s+(yes|no)\s+yes\s+\d+\s+\d+$", row), row
    text = squeezed(run("pdftotext", book, "-").decode())
    assert len(text) > 20 * min(summary["records"], 100)
    if one.name not in ("demo", "texts"):
        return
    # What no font has is reported and printed as a sign for it.
    lost = [title for title in titles(one) if squeezed(title)[:60] not in text]
    right_to_left = [title for title in lost if any(
        unicodedata.bidirectional(c) in ("R", "AL") for c in title)]
    lost = [title for title in lost if title not in right_to_left]
    assert len(lost) <= summary["omissions"] + len(titles(one)) // 200, (len(lost), lost[:10])


def markdown(one):
    """pandoc reads the files, and finds their titles and columns."""
    vault, summary = one.export("markdown", "vault", *wide(one))
    files = [path for path in sorted(vault.rglob("*.md")) if path.name != "README.md"]
    assert len(files) == summary["records"]
    step = max(1, len(files) // 25)
    for path in files[::step]:
        tree = json.loads(run("pandoc", "-f", "commonmark+yaml_metadata_block", "-t", "json", path))
        assert tree["meta"]["columns"]["t"] == "MetaMap" and "title" in tree["meta"], path


def xlsx(one):
    """LibreOffice opens it, and every sheet has its rows."""
    book, summary = one.export("xlsx", "book.xlsx", *wide(one))
    folder = one.place.folder / "sheets"
    folder.mkdir()
    run("soffice", "--headless", f"-env:UserInstallation=file://{one.place.folder}/profile",
        "--convert-to", "csv:Text - txt - csv (StarCalc):44,34,76,1,,0,false,true,false,false,"
        "false,-1", "--outdir", folder, book)
    csv.field_size_limit(1 << 30)
    rows = 0
    for path in folder.glob("book-*.csv"):
        if path.name != "book-About.csv":
            with open(path, newline="", encoding="utf-8") as file:
                rows += sum(1 for _ in csv.reader(file)) - 1
    assert rows == summary["records"], (rows, summary)


def xml(one):
    """xmllint accepts it by the XSD that the program prints."""
    document, _ = one.export("xml", "all.xml", *wide(one))
    schema = one.place.folder / "export.xsd"
    schema.write_text(one.place.good("export", "schema", "xml").out)
    run("xmllint", "--noout", "--huge", "--nonet", "--schema", schema, document)


def ajv(schema, document):
    # Dates as RFC 3339 need a package of their own; our readers check them.
    run(validators.MODULES / ".bin/ajv", "validate", "--spec=draft2020",
        "--validate-formats=false", "-s", schema, "-d", document)


def json_(one):
    """ajv accepts it by the schema inside; jq counts its records."""
    document, summary = one.export("json", "all.json", *wide(one))
    schema = one.place.folder / "schema.json"
    schema.write_bytes(run("jq", ".schema", document))
    ajv(schema, document)
    assert int(run("jq", ".records | length", document)) == summary["records"]


def archive(one):
    """sha256sum, numpy, minisign and age each accept their part; ajv the manifest."""
    import numpy
    packed, summary = one.export("archive", "archive.tar.gz", *wide(one))
    folder = one.place.folder / "unpacked"
    folder.mkdir()
    run("tar", "xzf", packed, "-C", folder)
    root = folder / "portable_backup"
    run("sha256sum", "--strict", "--quiet", "-c", "metadata/checksums.sha256", cwd=root)
    key = json.loads((root / "config/export_config.json").read_text())["public_key"]
    run("minisign", "-V", "-q", "-P", key, "-m", "metadata/checksums.sha256", cwd=root)
    for vectors in root.rglob("embeddings.npz"):
        arrays = numpy.load(vectors, allow_pickle=False)
        assert len(arrays["ids"]) == len(arrays["vectors"])
    schema = stage.CHECKOUT / "docs/archive.schema.json"
    ajv(schema, root / "manifest.json")
    of_records = one.place.folder / "records.schema.json"
    of_records.write_text(json.dumps({
        "$schema": "https://json-schema.org/draft/2020-12/schema", "type": "array",
        "items": {"$ref": "#/$defs/record"}, "$defs": json.loads(schema.read_text())["$defs"]}))
    for entry in json.loads((root / "manifest.json").read_text())["types"]:
        ajv(of_records, root / entry["file"])
    run("age-keygen", "-o", one.place.folder / "key.txt")
    recipient = run("age-keygen", "-y", one.place.folder / "key.txt").decode().strip()
    run("age", "-r", recipient, "-o", one.place.folder / "archive.age", packed)
    verified = one.place.good("export", "verify", one.place.folder / "archive.age", "--identity",
                              one.place.folder / "key.txt", "--json").summary
    assert verified["records"] == summary["records"], (verified, summary)


def judges(name):
    """A page for each of thousands of rows keeps vnu and Ace busy for minutes."""
    quick = (pdf, markdown, xlsx, xml, json_, archive)
    return quick if name == "northwind" and not HEAVY else (html, epub, *quick)


def claims():
    for name in INPUTS:
        for judge in judges(name):
            def claim(_, name=name, judge=judge):
                if name not in Input.made:
                    Input.made[name] = Input(name)
                judge(Input.made[name])
            yield f"claim_{name}_as_{judge.__name__.strip('_')}", claim


if __name__ == "__main__":
    stage.main(dict(claims()))
