"""A small application, its repository, and what must hold of them whatever happens.

Everything goes through the real program. The oracle lies outside it: the files themselves, and the
rows of the database as Python's sqlite3 reads them.
"""
import hashlib
import json
import os
import shutil
import sqlite3
import subprocess
import sys

PATIENCE = int(os.environ.get("PERDURE_PATIENCE", 1))  # see tests/scenario/stage.py
PERDURE = os.environ.get("PERDURE_PROGRAM") or os.path.abspath("build/release/perdure")

CONFIG = """version = 1
[repository.main]
destinations = ["disk"]
key = {{ file = "perdure.key" }}
[destination.disk]
type = "local"
path = "{repository}"
[source.tree]
type = "files"
path = "{data}/tree"
[source.app]
type = "sqlite"
path = "{data}/app.db"
[source.app.subjects]
table = "users"
key = "id"
"""


class House:
    """A folder with data/, a configuration and a repository of its own."""

    def __init__(self, folder):
        self.folder = os.path.abspath(folder)
        self.data = os.path.join(self.folder, "data")
        self.repository = os.path.join(self.folder, "repository")
        self.config = os.path.join(self.folder, "perdure.toml")

    def create(self):
        os.makedirs(os.path.join(self.data, "tree", "inner"))
        with open(self.config, "w") as file:
            file.write(CONFIG.format(repository=self.repository, data=self.data))
        for i in range(6):
            self.write(f"inner/file{i}.txt", f"file {i}\n" * (i * 40 + 1))
        self.write("big.bin", hashlib.shake_128(b"big").digest(600_000))
        with sqlite3.connect(os.path.join(self.data, "app.db")) as db:
            db.executescript(
                "CREATE TABLE users(id INTEGER PRIMARY KEY, name TEXT);"
                "CREATE TABLE notes(id INTEGER PRIMARY KEY, user_id REFERENCES users(id), body);")
            db.executemany("INSERT INTO users VALUES(?,?)", [(i, f"user {i}") for i in range(5)])
            db.executemany("INSERT INTO notes(user_id, body) VALUES(?,?)",
                           [(i % 5, f"note {i} " * 20) for i in range(200)])
        db.close()
        self.run("init")
        return self

    def write(self, name, content):
        path = os.path.join(self.data, "tree", name)
        with open(path, "wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)

    def change(self, turn):
        """A day in the life of the application."""
        self.write(f"inner/new{turn}.txt", f"turn {turn}\n" * 100)
        self.write("inner/file1.txt", f"changed in turn {turn}\n" * 50)
        with sqlite3.connect(os.path.join(self.data, "app.db")) as db:
            db.execute("UPDATE notes SET body = body || ? WHERE id % 7 = 0", (f" turn {turn}",))
            db.execute("INSERT INTO users VALUES(?,?)", (100 + turn, f"newcomer {turn}"))
            db.execute("INSERT INTO notes(user_id, body) VALUES(?,?)", (100 + turn, "hello"))
        db.close()

    def run(self, *words, env=None, check=True):
        """Runs perdure; the completed process."""
        done = subprocess.run(
            [PERDURE, "--config", self.config, "--no-input", *words],
            capture_output=True, text=True, timeout=120 * PATIENCE, cwd=self.folder,
            env={**os.environ, "XDG_CACHE_HOME": os.path.join(self.folder, "cache"),
                 "XDG_STATE_HOME": os.path.join(self.folder, "state"), **(env or {})})
        if check and done.returncode != 0:
            raise AssertionError(f"perdure {' '.join(words)} → {done.returncode}\n"
                                 f"{done.stdout}\n{done.stderr}")
        return done

    def backup(self, **options):
        return summary(self.run("backup", "--json", **options))["snapshot"]

    def snapshots(self):
        lines = self.run("backup", "list", "--json").stdout.splitlines()
        events = [read_json(line) for line in lines]
        return [event["id"] for event in events if event.get("type") == "snapshot"]

    def fingerprint(self, where=None):
        """The application as it is: every file's bytes, every row."""
        where = where or self.data
        return tree_fingerprint(os.path.join(where, "tree")), rows(os.path.join(where, "app.db"))

    def restored_fingerprint(self, snapshot):
        target = os.path.join(self.folder, "restored")
        shutil.rmtree(target, ignore_errors=True)
        self.run("restore", snapshot, "--to", target)
        print_ = (tree_fingerprint(os.path.join(target, "tree")),
                  rows(os.path.join(target, "app", "app.db")))
        shutil.rmtree(target)
        return print_

    def check(self, *words):
        self.run("repo", "check", "--read-data", *words)

    def copy(self, folder):
        """The same application, configuration and repository, in another place."""
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(self.folder, folder, symlinks=True)
        twin = House(folder)
        with open(twin.config, "w") as file:
            file.write(CONFIG.format(repository=twin.repository, data=twin.data))
        return twin


def read_json(line):
    """A JSON value none of whose objects names a field twice."""
    def once(pairs):
        assert len(pairs) == len(dict(pairs)), f"a field stands twice in {line}"
        return dict(pairs)
    return json.loads(line, object_pairs_hook=once)


def summary(done):
    return read_json(done.stdout.splitlines()[-1])


def tree_fingerprint(folder):
    found = {}
    for at, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(at, name)
            with open(path, "rb") as file:
                found[os.path.relpath(path, folder)] = hashlib.sha256(file.read()).hexdigest()
    return found


def rows(path):
    db = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        names = [name for (name,) in db.execute(
            "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")]
        return {name: db.execute(f'SELECT rowid, * FROM "{name}" ORDER BY rowid').fetchall()
                for name in names}
    finally:
        db.close()


class Count:
    """Counts claims; prints the closing line that tests/run.py reads."""

    def __init__(self):
        self.passed = self.failed = self.skipped = 0

    def claim(self, name, test):
        try:
            test()
            self.passed += 1
        except (AssertionError, subprocess.TimeoutExpired, sqlite3.Error, OSError, KeyError,
                ValueError) as error:
            self.failed += 1
            print(f"FAILED {name}\n  {type(error).__name__}: {error}", flush=True)

    def close(self):
        print(f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped")
        sys.exit(1 if self.failed else 0)
