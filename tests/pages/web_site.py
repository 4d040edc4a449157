#!/usr/bin/env python3
"""The exported site, opened from file:// by a real Chromium, and judged by vnu and axe."""
import atexit
import pathlib
import re
import sqlite3
import sys
import tempfile
import urllib.parse

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "scenario"))
import archive_data  # noqa: E402
import stage  # noqa: E402
import validators  # noqa: E402

_shared = tempfile.TemporaryDirectory(prefix="perdure-site-")
atexit.register(_shared.cleanup)


class Site:
    """One export that most claims look at."""
    folder = None
    records = 0


def site():
    if not Site.folder:
        place = stage.Place(_shared.name)
        Site.records = archive_data.make(place.work)
        ran = place.run("export", "--format", "html", "-o", "site", "--json")
        assert ran.code == 3, ran  # broken and missing media, hostile bodies: reported
        Site.summary, Site.events = ran.summary, ran.events
        Site.folder, Site.place = place.work / "site", place
    return Site.folder


def url(path, query=""):
    return (site() / path).as_uri() + query


def pages():
    return sorted(site().rglob("*.html"))


def claim_counts_in_are_counts_out_and_losses_are_reported(_):
    """Every record is on a page and in the data; what was changed is in the list of omissions."""
    folder = site()
    assert Site.summary["records"] == Site.records, Site.summary
    lines = (folder / "data/records.ndjson").read_text().strip("\n").split("\n")
    assert len(lines) == Site.records
    articles = sum(page.read_text().count('<article class="record"') for page in pages())
    assert articles == Site.records, articles
    text = "\n".join(event["what"] for event in Site.events if event["type"] == "omission")
    for wanted in ("missing.png", "script element", "event handler", "control characters"):
        assert wanted in text, f"{wanted} is not reported:\n{text[:2000]}"
    assert "about.html" in (folder / "index.html").read_text()
    assert "garden" in (folder / "about.html").read_text()


def claim_the_pages_are_valid_html(_):
    """vnu finds no error on any page."""
    found = validators.vnu(site())
    assert not found, "\n".join(found[:20])


def claim_no_link_leads_nowhere(_):
    """Every address on every page is a file of the site, and every fragment an id in it."""
    ids = {}
    for page in pages():
        text = page.read_text()
        ids[page] = re.findall(r'\bid="([^"]*)"', text)
        assert len(ids[page]) == len(set(ids[page])), f"{page}: an id twice"
    for page in pages():
        for address in re.findall(r'\b(?:href|src)="([^"]*)"', page.read_text()):
            if re.match(r"(https?|mailto|tel):", address):
                continue
            path, _, fragment = urllib.parse.unquote(address.replace("&amp;", "&")).partition("#")
            target = (page.parent / path).resolve() if path else page
            assert target.is_file(), f"{page}: {address} does not exist"
            assert target.is_relative_to(site().resolve()), f"{page}: {address} leads out"
            assert not fragment or fragment in ids[target], f"{page}: {address} has no such id"


def claim_nothing_hostile_runs(_):
    """No script, handler, frame or request of a hostile body happens, on any page of a record."""
    hostile = [page for page in pages() if page.parent.name == "records"
               and ("Hostile" in page.read_text() or "NUL" in page.read_text())]
    assert len(hostile) > 40
    answers = validators.ask_browser([
        {"url": page.as_uri(), "ask": "window.pwned === undefined && !!document.querySelector("
         "'main#main .record') && document.styleSheets.length === 1 && document.forms.length === 1"
         " && document.querySelectorAll('main script, main iframe, main [onclick], main form, "
         "main style, main svg').length === 0"} for page in hostile])
    for page, answer in zip(hostile, answers):
        assert answer["value"] is True, f"{page}: {answer}"
        assert not answer["dialogs"] and not answer["outside"] and not answer["errors"], \
            f"{page}: {answer}"
    names = {path.name for path in (site() / "media").rglob("*")}
    assert any(name.endswith("evil.html.download") for name in names), names
    assert not any(name.endswith((".html", ".svg")) for name in names), names


STATE = "document.getElementById('search-state').textContent"


def search_task(text):
    return {"url": url("search.html", "?q=" + urllib.parse.quote(text)), "width": 360,
            "steps": [["wait", f"/found/.test({STATE})"]],
            "ask": "[...document.querySelectorAll('#results .card-title')].map(x => x.textContent)"}


def claim_search_finds_records_in_every_script(_):
    """A word, a beginning, without its marks, a pair of signs, one sign, a picture, a digit."""
    wanted = {"frühling": "Der Garten im Frühling", "fruhl": "Der Garten im Frühling",
              "straße": "Der Garten im Frühling", "老照片": "妹妹和相册", "妹": "妹妹和相册",
              "写真": "桜の季節", "حديقة": "حديقة البيت", "הגינה": "הגינה שלנו",
              "яблони": "Весенний сад", "ΜΗΛΙΈΣ": "Ο κήπος", "정원": "정원", "மழை": "தோட்டம்",
              "สวน": "บ้านสวน", "🌻": "🌻 + 🐝 = 🍯", "creme brulee": "Naïve café – façade",
              "train tickets": "A walk by the lake", "bottom of it": "Hostile"}
    answers = validators.ask_browser([search_task(text) for text in wanted])
    for (text, title), answer in zip(wanted.items(), answers):
        assert any(found.startswith(title) for found in answer["value"]), f"{text}: {answer}"
        assert not answer["errors"] and not answer["outside"], answer
    nothing, = validators.ask_browser([dict(search_task("qqqxyz"), ask=STATE)])
    assert nothing["value"] == "Nothing found.", nothing


def typical_pages():
    record = {name: next(page for page in pages() if page.parent.name == "records"
                         and f">{name}</h1>" in page.read_text())
              for name in ("حديقة البيت", "A walk by the lake", "x" * 300)}
    folder = site()
    return [folder / "index.html", folder / "about.html", folder / "timeline/index.html",
            next(folder.glob("timeline/20*.html")), folder / "tags/index.html",
            folder / "collections/index.html", next(folder.glob("collections/summer*.html")),
            folder / "photos/index.html", folder / "search.html", *record.values()]


def claim_axe_finds_nothing_in_light_and_dark(_):
    """axe reports no violation of any impact on a page of each kind, half of them dark."""
    tasks = [{"url": page.as_uri(), "axe": True, "scheme": ("light", "dark")[number % 2]}
             for number, page in enumerate(typical_pages())]
    tasks.append(dict(search_task("garden"), axe=True))
    for task, answer in zip(tasks, validators.ask_browser(tasks)):
        assert not answer["axe"], "\n".join([task["url"], *answer["axe"]])


def claim_no_page_is_wider_than_a_small_phone(_):
    """At 360 pixels nothing scrolls sideways."""
    tasks = [{"url": page.as_uri(), "width": 360, "height": 740} for page in typical_pages()]
    for task, answer in zip(tasks, validators.ask_browser(tasks)):
        assert answer["overflow"] <= 0, f"{task['url']}: {answer['overflow']} too wide"


def claim_skip_link_and_colours_work(_):
    """The first Tab leads to the contents; the colour switch is kept over a reload."""
    ground = "getComputedStyle(document.body).backgroundColor"
    skip, light, toggled, kept = validators.ask_browser([
        {"url": url("index.html"), "steps": [["key", "Tab"]],
         "ask": "document.activeElement.className + document.activeElement.getAttribute('href')"},
        {"url": url("index.html"), "ask": ground},
        {"url": url("index.html"), "steps": [["click", ".theme-toggle"]], "ask": ground},
        {"url": url("index.html"), "steps": [["click", ".theme-toggle"], ["reload"]],
         "ask": ground}])
    assert skip["value"] == "skip#main", skip
    assert light["value"] != toggled["value"] == kept["value"], (light, toggled, kept)


def claim_the_same_snapshot_gives_the_same_site(_):
    """Two exports of one snapshot are equal, byte for byte."""
    site()
    place = Site.place
    place.good("init")
    place.good("backup", code=3)  # a media file is missing
    for name in ("one", "two"):
        place.run("export", "--snapshot", "latest", "--format", "html", "-o", name)
    one, two = ({path.relative_to(place.work / name): path.read_bytes()
                 for path in (place.work / name).rglob("*") if path.is_file()}
                for name in ("one", "two"))
    assert one and one == two, [name for name in one if one[name] != two.get(name)][:5]


def claim_no_records_are_a_site_too(_):
    """A filter that nothing passes gives pages that say so."""
    site()
    place = Site.place
    ran = place.run("export", "--format", "html", "-o", "none", "--since", "2099-01-01")
    assert ran.code == 3, ran  # the source's missing media file is told in any case
    home = (place.work / "none/index.html").read_text()
    assert "holds no records" in home, ran
    search = dict(search_task("a"), url=(place.work / "none/search.html").as_uri() + "?q=a")
    answer, = validators.ask_browser([dict(search, ask=STATE)])
    assert answer["value"] == "Nothing found." and not answer["errors"], answer


def claim_a_site_of_twelve_thousand_records_is_searched_from_a_file(place):
    """Beyond 10,000 rows records share pages: search still finds one, and its link leads to it."""
    count, wanted = 12_000, 11_987
    with sqlite3.connect(place.work / "garden.db") as database:
        database.executescript(
            "CREATE TABLE memories (id INTEGER PRIMARY KEY, title TEXT, content TEXT, created_at, "
            "updated_at, project TEXT, category TEXT, collection TEXT);"
            "CREATE TABLE tagging (memory_id, tag TEXT); CREATE TABLE media (memory_id, path TEXT);"
            "CREATE TABLE stories (id INTEGER PRIMARY KEY, title TEXT, content TEXT, created_at);"
            "CREATE TABLE notes (a TEXT PRIMARY KEY);")
        database.executemany("INSERT INTO memories VALUES (?,?,?,?,NULL,'p','c',?)", (
            (i, f"Day {i}", f"It rained on day {i}." + (" A heron came." if i == wanted else ""),
             f"{2000 + i % 24}-{i % 12 + 1:02}-{i % 28 + 1:02}", f"Book {i % 9}")
            for i in range(1, count + 1)))
    place.write("perdure.toml", archive_data.CONFIG)
    ran = place.good("export", "--format", "html", "-o", "site", "--json")
    assert ran.summary["records"] == count, ran.summary
    site_folder = place.work / "site"
    assert sum(page.read_text().count('<article class="record"')
               for page in (site_folder / "records").glob("*.html")) == count
    search = (site_folder / "search.html").as_uri()
    found, followed, vague = validators.ask_browser([
        dict(search_task("heron"), url=search + "?q=heron"),
        {"url": search + "?q=heron", "steps": [
            ["wait", f"/found/.test({STATE})"], ["click", "#results a"],
            ["wait", "location.hash.length > 1"]],
         "ask": "document.querySelector(location.hash).textContent"},
        dict(search_task("rained"), url=search + "?q=rained", ask=STATE)])
    assert found["value"] == [f"Day {wanted}"] and not found["outside"], found
    assert "A heron came" in followed["value"] and not followed["errors"], followed
    assert re.search(r"\d", vague["value"]) and not vague["errors"], vague


if __name__ == "__main__":
    stage.main(globals())
