#!/usr/bin/env python3
"""What people see of a site, a book and a workbook, beside pictures that somebody looked at."""
import atexit
import pathlib
import re
import subprocess
import sys
import tempfile
import zipfile

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "scenario"))
import kept_pictures  # noqa: E402
import stage  # noqa: E402
import validators  # noqa: E402

_shared = tempfile.TemporaryDirectory(prefix="perdure-look-")
atexit.register(_shared.cleanup)
EPOCH = "1767225600"


class Demo:
    """The sample album, exported once in each format that is looked at."""
    place = None
    exports = {}


def exported(format_, output, *more):
    if not Demo.place:
        Demo.place = stage.Place(_shared.name)
        Demo.place.environment["SOURCE_DATE_EPOCH"] = EPOCH
        Demo.place.good("demo", "apps", "--size", 90, "--no-input")
    if format_ not in Demo.exports:
        path = Demo.place.work / output
        ran = Demo.place.run("export", "--source", "app", "--format", format_, "-o", path, *more,
                             cwd=Demo.place.work / "apps")
        assert ran.code in (0, 3) and path.exists(), ran
        Demo.exports[format_] = path
    return Demo.exports[format_]


def shots(tasks):
    """Takes a picture for each (name, task) and compares it."""
    pictures = [Demo.place.folder / f"{name}.png" for name, _ in tasks]
    validators.ask_browser([dict(task, shot=str(picture))
                            for (_, task), picture in zip(tasks, pictures)])
    wrong = []
    for (name, _), picture in zip(tasks, pictures):
        try:
            kept_pictures.look_alike(picture, name)
        except (AssertionError, FileNotFoundError) as difference:
            wrong.append(str(difference))
    assert not wrong, "\n".join(wrong)


LOADED = "[...document.images].every(i => i.complete || i.loading === 'lazy')"


def claim_the_site_looks_as_it_did(_):
    """Home in light and dark, a record and the timeline on a phone, photos, one photo, a search."""
    site = exported("html", "site")
    record = max((page for page in (site / "records").glob("memory_*.html")
                  if 'class="photo"' in page.read_text()), key=lambda page: len(page.read_bytes()))
    def page(name, **more):
        return {"url": (site / name).as_uri(), "steps": [["wait", LOADED]], **more}
    shots([
        ("site-home-light", page("index.html")),
        ("site-home-dark", page("index.html", scheme="dark")),
        ("site-record", page(record.relative_to(site))),
        ("site-record-phone", page(record.relative_to(site), width=360, height=740)),
        ("site-timeline-phone-dark", page("timeline/index.html", width=360, height=740,
                                          scheme="dark")),
        ("site-photos", page("photos/index.html")),
        ("site-photo-view", dict(page("photos/index.html"), steps=[
            ["wait", LOADED], ["click", ".gallery li:nth-child(2) a.photo"],
            ["wait", "document.querySelector('dialog[open] img')?.complete"]])),
        ("site-search", dict(page("search.html"), url=(site / "search.html").as_uri()
                             + "?q=garden", steps=[
            ["wait", "/found/.test(document.getElementById('search-state').textContent)"]])),
    ])


def claim_the_book_looks_as_it_did(_):
    """Cover, contents, and a chapter with pictures, as a screen 600 pixels wide shows it."""
    book = exported("epub", "album.epub")
    folder = Demo.place.folder / "book"
    with zipfile.ZipFile(book) as archive:
        archive.extractall(folder)
    texts = sorted((folder / "EPUB/text").glob("*.xhtml"))
    chapter = next(text for text in texts if text.read_text().count("<img") > 1)
    anchor = re.findall(r'<h2 id="([^"]+)"', chapter.read_text().split("<img", 1)[0])[-1]
    def page(path, **more):
        return {"url": path.as_uri(), "width": 600, "height": 840, "steps": [["wait", LOADED]],
                **more}
    front = next(path for path in (folder / "EPUB").rglob("cover*.xhtml"))
    shots([("book-cover", page(front)), ("book-contents", page(folder / "EPUB/nav.xhtml")),
           ("book-chapter", page(chapter)),
           ("book-picture", dict(page(chapter), url=f"{chapter.as_uri()}#{anchor}"))])


def claim_the_workbook_looks_as_it_did(_):
    """The first page that LibreOffice prints of it."""
    book = exported("xlsx", "album.xlsx", "--type", "memory", "--fields",
                    "title,content,created_at,latitude,category,tags")
    folder = Demo.place.folder
    subprocess.run(["soffice", "--headless", f"-env:UserInstallation=file://{folder}/profile",
                    "--convert-to", "pdf", "--outdir", folder, book], check=True,
                   capture_output=True, timeout=280)
    subprocess.run(["pdftoppm", "-r", "60", "-png", "-singlefile", "-f", "1", "-l", "1",
                    folder / "album.pdf", folder / "sheet"], check=True)
    kept_pictures.look_alike(folder / "sheet.png", "workbook")


if __name__ == "__main__":
    stage.main(globals())
