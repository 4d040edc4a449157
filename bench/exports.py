"""Exports side by side with what people use today: sqlite3, pandoc, gzip; memory as records grow.

Every peer reads the same SQLite file in the same run. sqlite3's JSON loses what JSON cannot hold
and proves nothing; perdure's is exact, has a hash a record, is flushed to the disk and read back.
"""
import gzip
import json
import os
import pathlib
import shutil
import sqlite3
import subprocess

import measure
import report
from words import Words

ROWS, BOOK = 200_000, 10_000
GROWTH = (1_000, 100_000, 1_000_000)
RSS_MB_MAX = 128
# Formats that people make a book or a folder of are asked for a tenth of the largest number: a
# million files or a hundred thousand pages tell no more about memory than a hundred thousand.
GROWTH_MAX = {"markdown": 100_000, "pdf": 100_000}
FORMATS = ("json", "ndjson", "csv", "xml", "xlsx", "markdown", "html", "epub", "pdf", "zip",
           "tar.gz", "archive")
EXTENSIONS = {"archive": ".tar.gz", "markdown": "", "html": "", "csv": ""}
CONFIG = """version = 1
[repository.main]
destinations = ["disk"]
key = { file = "perdure.key" }
[destination.disk]
type = "local"
path = "backups"
[source.app]
type = "sqlite"
path = "app.db"
[source.app.records.memory]
table = "memories"
title = "title"
body = "content"
body_format = "text"
created = "created_at"
updated = "updated_at"
category = "category"
collection = "collection"
"""


def make(folder, rows, words_a_row):
    """app.db and perdure.toml; built once."""
    if (folder / "complete").exists():
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    database = sqlite3.connect(folder / "app.db")
    database.executescript("""
        PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;
        CREATE TABLE memories (id INTEGER PRIMARY KEY, user_id INTEGER NOT NULL,
            title TEXT NOT NULL, content TEXT NOT NULL, category TEXT, collection TEXT,
            importance REAL, created_at TEXT, updated_at TEXT);""")
    words = Words(21)
    groups = [words.prose(2) for _ in range(40)]

    def row(number):
        day = f"{2015 + number * 10 // rows}-{number % 12 + 1:02}-{number % 28 + 1:02}"
        return (number, number % 500, words.prose(6).capitalize(),
                "\n\n".join(words.prose(words_a_row // 3) + "." for _ in range(3)),
                groups[number % 7], groups[number * 7919 % 40], (number % 1000) / 1000,
                f"{day}T{number % 24:02}:{number % 60:02}:00Z", f"{day}T23:59:59Z")
    database.executemany("INSERT INTO memories VALUES (?,?,?,?,?,?,?,?,?)",
                         map(row, range(1, rows + 1)))
    database.commit()
    database.close()
    (folder / "perdure.toml").write_text(CONFIG)
    (folder / "complete").touch()
    return folder


class Bench:
    def __init__(self, folder, checkout, rounds):
        self.data, self.rounds = folder / "data", rounds
        self.scratch = folder / "scratch"
        self.program = os.environ.get("PERDURE_PROGRAM", checkout / "build/release/perdure")
        self.rows = []      # as they are kept in the JSON of results
        self.verdicts = []

    def out(self, name):
        """A path where nothing is."""
        shutil.rmtree(self.scratch, ignore_errors=True)
        self.scratch.mkdir(parents=True)
        return self.scratch / name

    def perdure(self, place, name):
        out = self.out("out" + EXTENSIONS.get(name, "." + name))
        env = {"XDG_STATE_HOME": self.scratch / "state", "HOME": self.scratch}
        return measure.run([self.program, "export", "--config", place / "perdure.toml", "--json",
                            "--format", name, "-o", out], env=env, cwd=self.scratch), out

    def median(self, work, tool, once):
        """The median of so many rounds, field by field, printed and kept."""
        costs = [once() for _ in range(self.rounds)]
        fields = ("wall_s", "cpu_s", "rss_mb")
        row = {field: sorted(getattr(cost, field) for cost in costs)[len(costs) // 2]
               for field in fields}
        print(f"{work:<26}{tool:<18}{row['wall_s']:>9.2f}{row['cpu_s']:>9.2f}"
              f"{row['rss_mb']:>8.0f}", flush=True)
        self.rows.append({"data": "export", "work": work, "cache": "warm", "tool": tool, **row})
        return row

    def bar(self, work, what, value, unit, aim):
        self.verdicts.append(report.Verdict(work, "warm", what, value, unit, aim))

    def beside(self, work, own, peer, ratio):
        self.bar(work, "time / peer", own["wall_s"] / peer["wall_s"], "×", ratio)
        self.bar(work, "CPU / peer", own["cpu_s"] / peer["cpu_s"], "×", ratio)
        self.bar(work, "peak memory", own["rss_mb"], "MB", RSS_MB_MAX)

    def sqlite(self, place, option):
        return measure.run(["sh", "-c", f"exec sqlite3 {option} '{place}/app.db' "
                            f"'SELECT * FROM memories' > '{self.out('peer')}'"])

    def tables(self, scale):
        place = make(self.data / f"rows-{scale}", int(ROWS * scale), 96)
        measure.make_warm(place)
        for name, option in (("json", "-json"), ("csv", "-csv -header")):
            own = self.median(f"{name}, 200k rows", "perdure",
                              lambda n=name: self.perdure(place, n)[0])
            peer = self.median(f"{name}, 200k rows", f"sqlite3 {option.split()[0]}",
                               lambda o=option: self.sqlite(place, o))
            self.beside(f"{name}, 200k rows", own, peer, 1.0)
        for name in ("ndjson", "xml", "xlsx"):
            own = self.median(f"{name}, 200k rows", "perdure",
                              lambda n=name: self.perdure(place, n)[0])
            self.bar(f"{name}, 200k rows", "peak memory", own["rss_mb"], "MB", RSS_MB_MAX)

    def containers(self, scale):
        """gzip is given the very tar that perdure packed."""
        place = make(self.data / f"rows-{scale}", int(ROWS * scale), 96)
        own = self.median("tar.gz, 200k rows", "perdure",
                          lambda: self.perdure(place, "tar.gz")[0])
        _, out = self.perdure(place, "tar.gz")
        tar = self.data / "peer.tar"
        with gzip.open(out) as packed, open(tar, "wb") as file:
            shutil.copyfileobj(packed, file, 1 << 20)
        peer = self.median("tar.gz, 200k rows", "gzip", lambda: measure.run(
            ["sh", "-c", f"exec gzip -c '{tar}' > '{self.out('peer')}'"]))
        self.bar("tar.gz, 200k rows", "size / peer", out_size(self.perdure(place, "tar.gz")[1])
                 / out_size_of_gzip(tar, self.out("peer")), "×", 1.05)
        self.beside("tar.gz, 200k rows", own, peer, 1.3)
        tar.unlink()

    def books(self, scale, peers):
        place = make(self.data / f"book-{scale}", int(BOOK * scale), 96)
        measure.make_warm(place)
        for name, seconds in (("epub", 3), ("pdf", 10), ("html", None), ("markdown", None)):
            work = f"{name}, 10k records"
            own = self.median(work, "perdure", lambda n=name: self.perdure(place, n)[0])
            self.bar(work, "time", own["wall_s"], "s", seconds)
            self.bar(work, "CPU", own["cpu_s"], "s", seconds)
            self.bar(work, "peak memory", own["rss_mb"], "MB", RSS_MB_MAX)
        if peers and shutil.which("pandoc"):
            self.pandoc(place)

    def pandoc(self, place):
        source = self.data / "book.md"
        with sqlite3.connect(place / "app.db") as database, open(source, "w") as file:
            file.write("% A book\n\n")
            for title, body in database.execute("SELECT title, content FROM memories"):
                file.write(f"# {title}\n\n{body}\n\n")
        rounds, self.rounds = self.rounds, 1
        self.median("epub, 10k records", "pandoc", lambda: measure.run(
            ["pandoc", "-f", "markdown", "-t", "epub3", "-o", self.out("peer.epub"), source]))
        self.rounds = rounds

    def growth(self, names):
        """Peak memory at a thousand, a hundred thousand and a million records."""
        rounds, self.rounds = self.rounds, 1
        for name in names:
            sizes = [size for size in GROWTH if size <= GROWTH_MAX.get(name, size)]
            for size in sizes:
                place = make(self.data / f"growth-{size}", size, 24)
                try:
                    own = self.median(f"{name}, {size:,}", "perdure",
                                      lambda n=name, p=place: self.perdure(p, n)[0])
                except measure.Failed as failure:
                    print(f"{name}, {size:,}: failed: {failure}", flush=True)
                    self.rows.append({"data": "growth", "work": f"{name}, {size:,}",
                                      "failed": str(failure)})
                    continue
                self.bar(f"{name}, {size:,}", "peak memory", own["rss_mb"], "MB", RSS_MB_MAX)
        self.rounds = rounds


def out_size(path):
    return path.stat().st_size


def out_size_of_gzip(tar, into):
    with open(into, "wb") as file:
        subprocess.run(["gzip", "-c", tar], stdout=file, check=True)
    return out_size(into)


def run(options, checkout, parts):
    """Rows and verdicts of the parts that were asked for: export, export-growth."""
    bench = Bench(pathlib.Path(options.folder) / "export", checkout, options.rounds)
    print(f"\n== exports\n{'work':<26}{'tool':<18}{'wall s':>9}{'CPU s':>9}{'RSS MB':>8}")
    if "export" in parts:
        bench.tables(options.scale)
        bench.containers(options.scale)
        bench.books(options.scale, peers=options.scale >= 1)
    if "export-growth" in parts:
        bench.growth(os.environ.get("PERDURE_BENCH_FORMATS", ",".join(FORMATS)).split(","))
    shutil.rmtree(bench.scratch, ignore_errors=True)
    return bench.rows, bench.verdicts
