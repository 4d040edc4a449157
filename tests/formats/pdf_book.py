#!/usr/bin/python3
"""The PDF as its readers see it: qpdf, poppler, and reference pictures. argv[1] is write_book."""
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import traceback
import unicodedata

sys.dont_write_bytecode = True
import pdf_text  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent
PROGRAM = os.path.abspath(sys.argv[1])
CHECKOUT = pathlib.Path(os.environ.get("PERDURE_CHECKOUT", HERE.parents[1]))
PATIENCE = int(os.environ.get("PERDURE_PATIENCE", 1))  # see tests/scenario/stage.py
DATA = pathlib.Path(os.environ.get("PERDURE_DATA", CHECKOUT / "../shared/data"))
PICTURES = HERE / "pictures"
CASES = []


def case(function):
    CASES.append(function)
    return function


class Skip(Exception):
    pass


def run(*command, text=None, cwd=None):
    done = subprocess.run([str(word) for word in command], input=text, cwd=cwd,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert done.returncode == 0, (command, done.stderr[-2000:], done.stdout[-500:])
    return done.stdout


class Book:
    def __init__(self, folder, records, *options, title="A book"):
        self.file = folder / "book.pdf"
        lines = "\n".join(json.dumps(record) for record in records)
        told = run(PROGRAM, "pdf", self.file, title, *options, text=lines.encode(), cwd=folder)
        self.summary = json.loads(told)
        run("qpdf", "--check", self.file)
        self.info = dict(line.split(":", 1) for line in
                         run("pdfinfo", self.file).decode().splitlines() if ":" in line)

    def text(self, *options):
        return run("pdftotext", *options, self.file, "-").decode()

    def json(self):
        return json.loads(run("qpdf", "--json=2", self.file))["qpdf"][1]


def record(number, **more):
    return {"type": "memory", "id": str(number), "title": f"Memory {number}",
            "body_format": "markdown", "body": "A short text.", "collection": "One",
            "created": "2026-03-01T09:30:00Z", **more}


def squeezed(text):
    """Without blanks, hyphens at line ends and presentation: what must survive extraction."""
    text = unicodedata.normalize("NFKC", text)
    return "".join(c for c in text if not c.isspace() and unicodedata.category(c) != "Cf")


def sample_of_everything(folder):
    run("ffmpeg", "-loglevel", "error", "-f", "lavfi", "-i", "testsrc=size=640x426:rate=1",
        "-frames:v", "1", folder / "pond.jpg")
    photo = {"path": "pond.jpg", "type": "image/jpeg", "width": 640, "height": 426,
             "caption": "The pond at dawn"}
    long = " ".join("In late autumn we walked along the river and said nothing at all."
                    for _ in range(12))
    return [
        record(1, title="The pond", media=[photo], tags=["garden", "first light"],
               body=long + "\n\n> A quote of somebody else.\n\n- one\n- two\n  - three\n\n"
               "1. first\n2. second\n\n- [x] done\n- [ ] open\n"),
        record(2, title="Tables and code", body="| what | when |\n|---|---|\n| rain | March |\n\n"
               "```cpp\nint main() {\n    return 0;  // fine\n}\n```\n\nA [link](https://example"
               ".org/a?b=c) and `code`, **bold**, *italic*, ~~gone~~, H~2~O.\n\n### A heading\n\n"
               + long),
        record(3, title="Two pictures", media=[photo, photo], collection="Two"),
        record(4, title="יום הולדת שמח", collection="Two", tags=["שבת"],
               body="היום הלכנו לאורך הנהר 12 קילומטר.\n\nصباح الخير يا أصدقاء، هذا نص عربي."),
        record(5, title="家の庭 🌱 und 👩‍👩‍👧", collection="Two",
               body="日本語の文章です。\n\n한국어 문장입니다.\n\nमेरा नाम अनन्या है।\n\n"
               "தமிழ் எழுத்து\n\nสวัสดีครับ วันนี้อากาศดี\n\n中文句子。 🙂 1️⃣ 🇩🇪"),
    ]


@case
def it_is_whole_tagged_and_in_a_language(folder):
    book = Book(folder, sample_of_everything(folder), "lang=de")
    assert book.info["Tagged"].strip() == "yes", book.info
    assert book.info["Title"].strip() == "A book"
    catalog = [o["value"] for o in book.json().values()
               if isinstance(o.get("value"), dict) and o["value"].get("/Type") == "/Catalog"][0]
    assert catalog["/Lang"] == "u:de" and catalog["/MarkInfo"]["/Marked"] is True
    tree = run("pdfinfo", "-struct-text", book.file).decode()
    for tag in ("Document", "Sect", "H1", "H2", "P", "L", "LI", "Table", "TH", "TD", "Figure",
                "BlockQuote", "TOC", "TOCI"):
        assert re.search(rf"^\s*{tag}\b", tree, re.M), tag
    xmp = run("pdfinfo", "-meta", book.file).decode()
    assert "<rdf:li xml:lang=\"x-default\">A book</rdf:li>" in xmp
    assert book.summary == {"records": 5, "omissions": 0, "told": []}, book.summary


@case
def every_font_is_embedded(folder):
    book = Book(folder, sample_of_everything(folder))
    rows = run("pdffonts", book.file).decode().splitlines()[2:]
    assert len(rows) >= 8
    for row in rows:
        embedded = re.search(r"\s(yes|no)\s+(yes|no)\s+(yes|no)\s+\d+\s+\d+$", row)
        assert embedded and embedded[1] == "yes" and embedded[3] == "yes", row
    assert not any("DejaVu" in row for row in rows)


@case
def all_text_comes_back_in_every_script(folder):
    records = sample_of_everything(folder)
    text = squeezed(Book(folder, records).text())
    # Right-to-left text is compared by its words: extraction orders lines by position.
    for wanted in ("家の庭🌱und👩👩👧", "日本語の文章です。", "한국어문장입니다.", "中文句子。🙂",
                   "1️⃣", "🇩🇪", "मेरानामअनन्याहै", "தமிழ்எழுத்து", "สวัสดีครับ", "Thepondatdawn",
                   "#firstlight", "intmain(){", "rain"):
        assert squeezed(wanted) in text, wanted
    for word in "יום הולדת שמח היום הלכנו לאורך הנהר صباح الخير يا أصدقاء هذا نص عربي".split():
        assert word in text, word


@case
def corpora_come_back(folder):
    cldr = DATA / "text/cldr-emoji-annotations"
    if not cldr.exists():
        raise Skip(f"{cldr} is not here")
    for file in sorted(cldr.rglob("annotations.json")):
        name = file.parent.name
        found = re.findall(r'"tts"\s*:\s*\[\s*"([^"\\]+)"', file.read_text())[:220]
        records = [record(1, title=name, body_format="text", body="\n\n".join(found))]
        book = Book(folder, records)
        assert book.summary["omissions"] == 0, (name, book.summary)
        lines = list(pdf_text.Document(book.file).lines())
        left, right = (squeezed("".join(line[side] for line in lines)) for side in (0, 1))
        lost = [one for one in found if squeezed(one) not in left and squeezed(one) not in right]
        assert not lost, f"{name}: the file itself does not say {lost[:5]}"
        if name in ("ar", "fa", "he"):
            continue  # poppler guesses the order of such lines, and turns marks round
        text = squeezed(book.text())
        lost = [label for label in found if squeezed(label) not in text]
        assert len(lost) <= len(found) // 100, (name, len(lost), lost[:5])


@case
def poems_come_back_whole(folder):
    tang = DATA / "text/chinese-poetry-tang"
    if not tang.exists():
        raise Skip(f"{tang} is not here")
    file = next(f for f in sorted(tang.rglob("poet.tang.*.json")))
    poems = json.loads(file.read_text())[:60]
    records = [record(i, title=poem["title"], collection=poem["author"], body_format="text",
                      body="\n".join(poem["paragraphs"])) for i, poem in enumerate(poems)]
    records.sort(key=lambda r: r["collection"])
    book = Book(folder, records)
    text = squeezed(book.text())
    missing = "".join(book.summary["told"])
    for one in records:
        for line in one["body"].splitlines():
            assert squeezed(line) in text or missing, line


def objects_of(book, key, value):
    return {name: o for name, o in book.json().items()
            if isinstance(o.get("value"), dict) and o["value"].get(key) == value}


@case
def outline_and_links_lead_to_pages(folder):
    book = Book(folder, sample_of_everything(folder))
    all_objects = book.json()
    pages = {name.removeprefix("obj:") for name in objects_of(book, "/Type", "/Page")}
    titles, wrong = [], []
    for o in all_objects.values():
        value = o.get("value")
        if isinstance(value, dict) and "/Title" in value and "/Dest" in value:
            titles.append(value["/Title"].removeprefix("u:"))
            if value["/Dest"][0] not in pages:
                wrong.append(value)
    assert not wrong
    assert set(titles) == {"Contents", "One", "Two", "The pond", "Tables and code",
                           "Two pictures", "יום הולדת שמח", "家の庭 🌱 und 👩‍👩‍👧"}, titles
    links = [a for page in objects_of(book, "/Type", "/Page").values()
             for a in page["value"].get("/Annots", [])]
    inside = [a for a in links if "/Dest" in a]
    outside = [a["/A"]["/URI"] for a in links if "/A" in a]
    assert len(inside) == 7 and all(a["/Dest"][0] in pages for a in inside), len(inside)
    assert set(outside) == {"u:https://example.org/a?b=c"}, outside
    # The number printed in the contents is the number printed on that page.
    labels = [o["value"]["/PageLabels"]["/Nums"] for o in all_objects.values()
              if isinstance(o.get("value"), dict) and "/PageLabels" in o["value"]][0]
    assert labels[0] == 0 and labels[2] == 2 and labels[3]["/S"] == "/D", labels
    contents = book.text("-f", "2", "-l", "2", "-layout")
    number = int(re.search(r"Two pictures\s+(\d+)", contents)[1])
    page = book.text("-f", str(number + 2), "-l", str(number + 2))
    assert "Two pictures" in page


@case
def the_data_are_attached(folder):
    records = sample_of_everything(folder)
    book = Book(folder, records)
    run("pdfdetach", "-saveall", "-o", folder, book.file)
    attached = json.loads((folder / "memory.json").read_text())
    assert [r["title"] for r in attached] == [r["title"] for r in records]
    assert [r["body"] for r in attached] == [r["body"] for r in records]
    without = Book(folder, records, "attach=no")
    assert "memory.json" not in run("pdfdetach", "-list", without.file).decode()


@case
def the_same_records_give_the_same_bytes(folder):
    records = sample_of_everything(folder)
    first = Book(folder, records).file.read_bytes()
    assert Book(folder, records).file.read_bytes() == first


@case
def nothing_is_a_book_too(folder):
    book = Book(folder, [])
    assert "no records" in book.text() and int(book.info["Pages"]) == 2


@case
def signs_that_no_font_has_are_reported(folder):
    book = Book(folder, [record(1, body="Klingon \uf8d0 and \U000e0fff.")])
    assert book.summary["omissions"] == 1 and "U+F8D0" in book.summary["told"][0], book.summary
    assert "\uf8d0" in book.text(), "what stood there can no longer be found"


@case
def missing_and_broken_media_are_reported(folder):
    (folder / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nnothing")
    media = [{"path": "gone.jpg", "type": "image/jpeg"},
             {"path": "broken.png", "type": "image/png", "width": 10, "height": 10}]
    book = Book(folder, [record(1, media=media)])
    assert book.summary["omissions"] == 2, book.summary
    assert "gone.jpg" in book.text() and "broken.png" in book.text()


@case
def large_records_are_set_in_bounded_memory(folder):
    words = " ".join(f"word{i % 977}" for i in range(1_300_000))[:10_000_000]
    import resource
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    book = Book(folder, [record(1, body=words, body_format="text",
                                tags=[f"tag {i}" for i in range(1000)])], "attach=no")
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    text = book.text()
    assert text.count("word976") >= 1250 and "tag999" in squeezed(text)
    assert max(peak, before) < 700 * 1024 * PATIENCE, f"{peak} KiB"


@case
def papers_have_their_sizes(folder):
    for paper, size in (("a4", "595.28 x 841.89"), ("a5", "419.53 x 595.28"),
                        ("letter", "612 x 792")):
        book = Book(folder, [record(1)], f"paper={paper}", "theme=modern")
        assert size in book.info["Page size"], book.info["Page size"]
    for wrong in ("paper=a3", "theme=loud"):
        done = subprocess.run([PROGRAM, "pdf", folder / "no.pdf", "t", wrong], input=b"",
                              capture_output=True)
        assert done.returncode == 1 and not (folder / "no.pdf").exists()


def pixels(file, page, folder):
    """A page as grey pixels, 36 an inch."""
    run("pdftoppm", "-r", "36", "-gray", "-f", page, "-l", page, file, folder / "page")
    image = next(folder.glob("page*.pgm"))
    data = image.read_bytes()
    image.unlink()
    kind, size, depth, rest = data.split(b"\n", 3)
    width, height = map(int, size.split())
    assert kind == b"P5" and depth == b"255" and len(rest) == width * height
    return width, height, rest


@case
def pages_look_as_they_did(folder):
    """Blocks of 6 x 6 pixels must be about as dark as in the kept picture: moved lines fail, other
    versions of a rasteriser do not. UPDATE_PICTURES=1 keeps new ones."""
    book = Book(folder, sample_of_everything(folder))
    for page in range(1, int(book.info["Pages"]) + 1):
        width, height, now = pixels(book.file, page, folder)
        kept = PICTURES / f"book-{page}.pgm"
        if os.environ.get("UPDATE_PICTURES"):
            PICTURES.mkdir(exist_ok=True)
            kept.write_bytes(b"P5\n%d %d\n255\n" % (width, height) + now)
        then = kept.read_bytes().split(b"\n", 3)[3]
        assert len(now) == len(then), f"page {page} has another size"
        wrong = 0
        for top in range(0, height - 5, 6):
            for left in range(0, width - 5, 6):
                total = sum(now[y * width + x] - then[y * width + x]
                            for y in range(top, top + 6) for x in range(left, left + 6))
                wrong += abs(total) > 36 * 28
        assert wrong <= 6, f"page {page}: {wrong} places look different"


def main():
    passed = failed = skipped = 0
    wanted = os.environ.get("CASE", "")
    for check in [one for one in CASES if wanted in one.__name__]:
        with tempfile.TemporaryDirectory() as folder:
            try:
                check(pathlib.Path(folder))
                passed += 1
                print(f"ok: {check.__name__}")
            except Skip as why:
                skipped += 1
                print(f"skipped: {check.__name__}: {why}")
            except Exception:
                failed += 1
                print(f"FAILED: {check.__name__}\n{traceback.format_exc()}")
        sys.stdout.flush()
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
