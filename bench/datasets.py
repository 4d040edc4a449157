"""The data sets, built once into a cache folder outside the checkout and kept.

Each builder writes a folder `states/0`, `states/1`, …: what the source looks like at each backup.
Run as a program (`datasets.py NAME FOLDER SCALE`), so that the memory it needs is not counted as
the measured tools'.
"""
import json
import pathlib
import shutil
import sqlite3
import subprocess
import sys

from words import Words

RELEASES = [f"0.{minor}.0" for minor in range(150, 170)]   # of npm's `three`
MIB = 1 << 20


def write_text(folder, bytes_wanted, seed=11):
    """NDJSON like the export of a memories app, in files of at most 256 MiB."""
    words, written, number, out = Words(seed), 0, 0, None
    tags = list(words.draw(40))
    while written < bytes_wanted:
        if number % 150_000 == 0:
            if out:
                out.close()
            out = open(folder / f"memories-{number // 150_000:03}.ndjson", "w")
        length = 30 + words.rng.getrandbits(8)
        record = {"id": f"{words.rng.getrandbits(64):016x}", "user": words.rng.randrange(5000),
                  "title": words.prose(5), "content": words.prose(length),
                  "tags": [tags[words.rng.randrange(40)] for _ in range(3)],
                  "created_at": 1_600_000_000_000 + number * 1371, "pinned": number % 17 == 0,
                  "score": round(words.rng.random(), 4)}
        line = json.dumps(record) + "\n"
        out.write(line)
        written += len(line)
        number += 1
    out.close()


def text(states, scale):
    (states / "0").mkdir(parents=True)
    write_text(states / "0", int(1.5e9 * scale))


def random(states, scale):
    (states / "0").mkdir(parents=True)
    source = Words(12).rng
    left, number = int(1.5e9 * scale), 0
    while left > 0:
        with open(states / "0" / f"blob-{number}.bin", "wb") as out:
            for _ in range(256):
                out.write(source.randbytes(min(left, MIB)))
                left -= MIB
                if left <= 0:
                    break
        number += 1


def small(states, scale):
    """200,000 files of 200 B to 20 KB, log-uniform: code, notes and JSON, 80 a folder."""
    words = Words(13)
    for number in range(int(200_000 * scale)):
        folder = states / "0" / f"p{number // 4000:02}" / f"m{number // 80 % 50:02}"
        if number % 80 == 0:
            folder.mkdir(parents=True)
        size = int(200 * 100 ** words.rng.random())
        if number % 2:
            name, body = "py", words.code(size // 25 + 1)
        elif number % 4:
            name, body = "md", words.prose(size // 5 + 1)
        else:
            rows = [{"key": words.prose(1), "value": words.prose(6)} for _ in range(size // 65 + 1)]
            name, body = "json", json.dumps(rows, indent=1)
        (folder / f"{words.table[number % 9973]}-{number}.{name}").write_text(body[:size])


def headers(states, scale):
    """/usr/include of this machine: small files that real people wrote. No scale."""
    del scale
    states.mkdir(parents=True, exist_ok=True)
    shutil.copytree("/usr/include", states / "0", symlinks=True)


def releases(states, scale):
    """Consecutive releases of one package, by npm's own client; the scale takes fewer of them."""
    with_npm = states.parent / "npm"
    with_npm.mkdir(exist_ok=True)
    for number, version in enumerate(RELEASES[:max(2, int(20 * min(scale, 1)))]):
        archive = with_npm / f"three-{version}.tgz"
        if not archive.exists():
            subprocess.run(["npm", "pack", "--silent", f"three@{version}"], cwd=with_npm,
                           check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        (states / str(number)).mkdir(parents=True)
        subprocess.run(["tar", "-xzf", archive, "-C", states / str(number), "--no-same-owner"],
                       check=True)


def fill_database(path, rows, row_words, subjects):
    database = sqlite3.connect(path)
    database.executescript("""
        PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;
        CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL, email TEXT NOT NULL);
        CREATE TABLE memories (id INTEGER PRIMARY KEY, user_id INTEGER NOT NULL REFERENCES users,
            title TEXT NOT NULL, content TEXT NOT NULL, created_at INTEGER, updated_at INTEGER);""")
    words = Words(14)
    database.executemany("INSERT INTO users VALUES (?, ?, ?)",
                         ((n, words.prose(2), f"u{n}@example.org") for n in range(1, subjects + 1)))
    database.executemany(
        "INSERT INTO memories VALUES (?, ?, ?, ?, ?, ?)",
        ((n, n % subjects + 1, words.prose(6), words.prose(row_words), 1_600_000_000 + n,
          1_600_000_000 + n) for n in range(1, rows + 1)))
    database.commit()
    database.close()


def sqlite(states, scale):
    """1 GB of rows of about 1 KB; in state 1 a scattered 1 % of them has a new content."""
    rows = int(1_000_000 * scale)
    for state in ("0", "1"):
        (states / state).mkdir(parents=True)
    fill_database(states / "0/app.db", rows, 165, 1000)
    shutil.copy(states / "0/app.db", states / "1/app.db")
    words, changed_bytes = Words(15), 0
    database = sqlite3.connect(states / "1/app.db")
    for number in words.rng.sample(range(1, rows + 1), rows // 100):
        content = words.prose(165)
        changed_bytes += len(content) + 60
        database.execute("UPDATE memories SET content = ?, updated_at = ? WHERE id = ?",
                         (content, 1_700_000_000, number))
    database.commit()
    database.close()
    (states.parent / "facts.json").write_text(json.dumps({"changed_bytes": changed_bytes}))


def subjects(states, scale):
    """100,000 people with 20 KB of rows each."""
    (states / "0").mkdir(parents=True)
    people = int(100_000 * scale)
    fill_database(states / "0/app.db", people * 5, 700, people)


def tiny(states, scale):
    """100,000 people with one short row each."""
    (states / "0").mkdir(parents=True)
    people = int(100_000 * scale)
    fill_database(states / "0/app.db", people, 40, people)


BUILDERS = {builder.__name__: builder
            for builder in (releases, text, random, small, headers, sqlite, subjects, tiny)}


class DataSet:
    """A built data set: its states in order, and facts that a verdict needs."""

    def __init__(self, name, folder):
        self.name, self.folder = name, folder
        self.states = sorted((folder / "states").iterdir(), key=lambda path: int(path.name))
        facts = folder / "facts.json"
        self.facts = json.loads(facts.read_text()) if facts.exists() else {}
        self.is_database = (self.states[0] / "app.db").exists()
        if self.is_database:
            database = sqlite3.connect(self.states[0] / "app.db")
            self.facts["people"] = database.execute("SELECT count(*) FROM users").fetchone()[0]
            database.close()
        self.bytes = sum(path.stat().st_size for path in self.states[0].rglob("*")
                         if path.is_file())


def prepare(name, cache, scale):
    """The data set, built first when it is not in the cache."""
    folder = cache / "data" / f"{name}-{scale:g}"
    if not (folder / "complete").exists():
        print(f"building data set {name} (scale {scale:g}) in {folder}", file=sys.stderr,
              flush=True)
        subprocess.run([sys.executable, __file__, name, str(folder), str(scale)], check=True)
    return DataSet(name, folder)


def build(name, folder, scale):
    shutil.rmtree(folder / "states", ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    BUILDERS[name](folder / "states", scale)
    (folder / "complete").touch()


if __name__ == "__main__":
    build(sys.argv[1], pathlib.Path(sys.argv[2]), float(sys.argv[3]))
