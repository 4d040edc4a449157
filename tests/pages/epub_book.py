#!/usr/bin/env python3
"""The exported book, judged by epubcheck and Ace, and read as a reader would."""
import atexit
import pathlib
import re
import sys
import tempfile
import xml.etree.ElementTree as xml
import zipfile

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "scenario"))
import archive_data  # noqa: E402
import stage  # noqa: E402
import validators  # noqa: E402

_shared = tempfile.TemporaryDirectory(prefix="perdure-book-")
atexit.register(_shared.cleanup)


class Book:
    """One export that most claims look at."""
    path = None
    records = 0


def book():
    if not Book.path:
        place = stage.Place(_shared.name)
        Book.records = archive_data.make(place.work)
        ran = place.run("export", "--format", "epub", "-o", "garden.epub", "--json")
        assert ran.code == 3, ran  # media that is no picture, hostile bodies: reported
        Book.summary, Book.events = ran.summary, ran.events
        Book.path, Book.place = place.work / "garden.epub", place
    return Book.path


def files():
    with zipfile.ZipFile(book()) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def claim_epubcheck_finds_nothing(_):
    """No error and no warning in a book of hostile records, nor in one without any."""
    assert not validators.epubcheck(book())
    place = Book.place
    place.run("export", "--format", "epub", "-o", "none.epub", "--since", "2099-01-01")
    assert not validators.epubcheck(place.work / "none.epub")


def claim_ace_finds_nothing_serious(_):
    """Ace by DAISY reports neither a critical nor a serious violation."""
    with tempfile.TemporaryDirectory() as report:
        found = validators.ace(book(), report)
    bad = [one for one in found if one[0] in ("critical", "serious")]
    assert not bad, bad[:20]


def claim_mimetype_comes_first_stored_and_bare(_):
    """Bytes 30 … 58 of the file are the name and the content, without an extra field."""
    start = book().read_bytes()[:58]
    assert start[:4] == b"PK\3\4" and start[8:10] == b"\0\0" and start[28:30] == b"\0\0", start
    assert start[30:] == b"mimetypeapplication/epub+zip", start


def claim_counts_in_are_counts_out(_):
    """Every record has its heading; no file of text is larger than 300 KB."""
    texts = {name: body.decode() for name, body in files().items() if "/text/" in name}
    assert Book.summary["records"] == Book.records, Book.summary
    headings = sum(text.count('<h2 id="r-') for text in texts.values())
    assert headings == Book.records, headings
    for name, body in files().items():
        assert not name.endswith(".xhtml") or len(body) <= 300_000, f"{name}: {len(body)}"
    told = "\n".join(event["what"] for event in Book.events if event["type"] == "omission")
    for wanted in ("missing.png", "script element", "control characters"):
        assert wanted in told, f"{wanted} is not reported:\n{told[:2000]}"


def claim_the_contents_lead_to_parts_and_chapters(_):
    """nav.xhtml has the contents by type and collection, with landmarks."""
    nav = xml.fromstring(files()["EPUB/nav.xhtml"])
    space = {"h": "http://www.w3.org/1999/xhtml"}
    contents, landmarks = nav.findall(".//h:nav", space)
    assert contents.get("role") == "doc-toc"
    titles = ["".join(link.itertext()) for link in contents.findall(".//h:a", space)]
    for wanted in ("memory", "story", "note", "Summer", "../../etc", "A walk by the lake", "Index"):
        assert wanted in titles, titles[:40]
    kinds = {link.get("{http://www.idpf.org/2007/ops}type")
             for link in landmarks.findall(".//h:a", space)}
    assert {"cover", "toc", "bodymatter", "index"} <= kinds, kinds


def claim_languages_and_directions_are_marked(_):
    """Arabic and Hebrew run from the right; scripts of one language name it."""
    text = "".join(body.decode() for name, body in files().items() if "/text/" in name)
    wanted = {"حديقة البيت": 'lang="ar" dir="rtl"', "הגינה שלנו": 'lang="he" dir="rtl"',
              "桜の季節": 'lang="ja" dir="ltr"', "妹妹和相册": 'lang="zh" dir="ltr"'}
    for title, marks in wanted.items():
        assert re.search(rf'<h2 [^>]*{marks}[^>]*>{title}</h2>', text), title
    package = files()["EPUB/package.opf"].decode()
    assert "<dc:language>ar</dc:language>" in package and "dcterms:modified" in package
    assert "schema:accessMode" in package


def claim_the_same_snapshot_gives_the_same_book(_):
    """Two exports of one snapshot are equal, byte for byte."""
    book()
    place = Book.place
    place.good("init")
    place.good("backup", code=3)
    for name in ("one", "two"):
        place.run("export", "--snapshot", "latest", "--format", "epub", "-o", f"{name}.epub")
    one, two = ((place.work / f"{name}.epub").read_bytes() for name in ("one", "two"))
    assert one == two and len(one) > 10_000


if __name__ == "__main__":
    stage.main(globals())
