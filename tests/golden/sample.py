"""A small application, the repository that the real program makes of it, and what must be in it.

What is expected is read from the files and with Python's sqlite3, never from the program.
"""
import base64
import hashlib
import os
import sqlite3
import stat
import subprocess

PLACE = """version = 1
[repository.main]
destinations = ["disk"]
key = {{ file = "{key}" }}
[destination.disk]
type = "local"
path = "{repository}"
"""
TREE = """[source.tree]
type = "files"
path = "{data}/tree"
"""
APP = """[source.app]
type = "sqlite"
path = "{data}/app.db"
media = "{data}/media"
[source.app.subjects]
table = "users"
key = "id"
label = "name"
"""
RECORDS = """[source.app.records.note]
table = "notes"
key = "id"
title = "body"
media = "photo"
"""

SCHEMA = """
CREATE TABLE users(id INTEGER PRIMARY KEY, name TEXT, email TEXT);
CREATE TABLE notes(id INTEGER PRIMARY KEY, user_id INTEGER REFERENCES users(id), body TEXT,
                   weight REAL, photo TEXT, extra BLOB);
CREATE TABLE colours(name TEXT PRIMARY KEY, code INTEGER) WITHOUT ROWID;
CREATE INDEX notes_by_user ON notes(user_id);
"""


def program():
    return os.environ.get("PERDURE_PROGRAM") or os.path.abspath("build/release/perdure")


class Place:
    """One folder with a configuration; key and repository may lie elsewhere."""

    config_text = PLACE + TREE + APP + RECORDS

    def __init__(self, folder, key=None, repository=None):
        self.folder = os.path.abspath(folder)
        self.data = os.path.join(self.folder, "data")
        self.key = key or os.path.join(self.folder, "perdure.key")
        self.repository = repository or os.path.join(self.folder, "repository")
        self.config = os.path.join(self.folder, "perdure.toml")
        os.makedirs(self.folder, exist_ok=True)
        with open(self.config, "w") as file:
            file.write(self.config_text.format(key=self.key, repository=self.repository,
                                               data=self.data))

    def run(self, *words):
        done = subprocess.run(
            [program(), "--config", self.config, "--no-input", *words], cwd=self.folder,
            capture_output=True, text=True, timeout=300,
            env={**os.environ, "XDG_CACHE_HOME": os.path.join(self.folder, "cache"),
                 "XDG_STATE_HOME": os.path.join(self.folder, "state"), "NO_COLOR": "1"})
        if done.returncode != 0:
            raise AssertionError(f"perdure {' '.join(words)} gave {done.returncode}\n"
                                 f"{done.stdout}\n{done.stderr}")
        return done.stdout

    def write(self, name, content, mtime):
        path = os.path.join(self.data, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(content)
        os.utime(path, ns=(mtime, mtime))
        return path

    def make_data(self):
        then = 1_700_000_000_123_456_789
        self.write("tree/hello.txt", b"hello\n", then)
        self.write("tree/empty", b"", then)
        self.write("tree/inner/noise.hex", hashlib.shake_128(b"n").hexdigest(75_000).encode(),
                   then)  # 150 kB that compress to half
        lines = b"".join(b"line %d of a long file\n" % (i % 400) for i in range(220_000))
        self.write("tree/inner/long.txt", lines, then)  # 5 MB: more than the largest chunk
        odd = self.write(b"tree/na\xefve \xf0\x9f\x8c\xb1.bin".decode("utf-8", "surrogateescape"),
                         bytes(range(256)), then)
        os.chmod(odd, 0o600)
        tree = os.path.join(self.data, "tree")
        os.link(os.path.join(tree, "hello.txt"), os.path.join(tree, "inner", "twin.txt"))
        os.symlink("../hello.txt", os.path.join(tree, "inner", "pointer"))
        os.mkdir(os.path.join(tree, "bare"), 0o700)
        with open(os.path.join(tree, "sparse.img"), "wb") as file:
            file.seek(1 << 18)
            file.write(b"island one" * 500)
            file.seek(3 << 18)
            file.write(b"island two" * 500)
            file.truncate(1 << 20)
        self.write("media/2024/a.jpg", hashlib.shake_128(b"a").digest(3000), then)
        self.write("media/b.png", hashlib.shake_128(b"b").digest(2000), then)
        with sqlite3.connect(os.path.join(self.data, "app.db")) as db:
            db.executescript(SCHEMA)
            db.executemany("INSERT INTO users VALUES(?,?,?)", [
                (1, "Ada", "ada@example.org"), (2, "Bo", "bo@example.org"), (3, "Čeněk", None)])
            db.executemany("INSERT INTO notes VALUES(?,?,?,?,?,?)", [
                (i, i % 3 + 1, f"note {i} " + hashlib.sha256(b"%d" % i).hexdigest(), i / 4,
                 {5: "2024/a.jpg", 7: "b.png"}.get(i), bytes([i, 0, 255]) if i % 2 else None)
                for i in range(1, 61)])
            db.executemany("INSERT INTO colours VALUES(?,?)", [
                (hashlib.md5(b"%d" % i).hexdigest(), -i * 7 ** (i % 20)) for i in range(200)])
        db.close()

    def change_data(self):
        self.write("tree/hello.txt", b"hello again\n", 1_700_000_500_000_000_000)
        self.write("tree/new.txt", b"new\n" * 100, 1_700_000_600_000_000_001)
        os.unlink(os.path.join(self.data, "tree", "empty"))
        with sqlite3.connect(os.path.join(self.data, "app.db")) as db:
            db.execute("UPDATE notes SET body = 'changed' WHERE id IN (8, 9)")
            db.execute("DELETE FROM notes WHERE id = 11")
            db.execute("UPDATE colours SET code = 42 WHERE code = 0")
            db.execute("INSERT INTO colours VALUES('zinnober', 9223372036854775807)")
        db.close()

    def make_repository(self):
        """Two snapshots of the sample; what each must hold."""
        self.make_data()
        self.run("init")
        expected = []
        for kind, change in (("full", None), ("incremental", self.change_data)):
            if change:
                self.run("key", "rotate")  # folds additions into a shard, leaves tombstones
                change()
            self.run("backup", "--type", kind, "--tag", kind)
            expected.append({"tag": kind, **self.expected(self.data),
                             "tree": tree(os.path.join(self.data, "tree"))})
        return expected

    @staticmethod
    def expected(data, database="app.db"):
        return {"media": tree(os.path.join(data, "media")),
                "rows": rows(os.path.join(data, database)),
                "schema": schema(os.path.join(data, database))}

    def restored_expected(self, target):
        """What a restored snapshot holds, in the words of make_repository()."""
        return {**self.expected(os.path.join(target, "app")),
                "tree": tree(os.path.join(target, "tree"))}

    def restored(self, snapshot):
        """A restored snapshot, in the words of expected(); it stays in `restored`."""
        target = os.path.join(self.folder, "restored")
        self.run("restore", snapshot, "--to", target)
        return target


def tree(folder):
    """path → what everybody can see of it; times of folders and links are left to other tests."""
    found = {}
    first = {}
    for at, folders, names in os.walk(folder):
        for name in sorted(folders + names):
            path = os.path.join(at, name)
            shown = os.path.relpath(path, folder).replace(os.sep, "/")
            status = os.lstat(path)
            entry = {"mode": stat.S_IMODE(status.st_mode)}
            if stat.S_ISLNK(status.st_mode):
                entry = {"kind": "symlink", "target": os.readlink(path)}
            elif stat.S_ISDIR(status.st_mode):
                entry["kind"] = "folder"
            else:
                with open(path, "rb") as file:
                    digest = hashlib.file_digest(file, "sha256").hexdigest()
                entry.update(kind="file", size=status.st_size, mtime_ns=status.st_mtime_ns,
                             sha256=digest, links=status.st_nlink)
                first.setdefault((status.st_dev, status.st_ino), []).append(shown)
            found[shown] = entry
    for paths in first.values():
        for path in paths[1:] if len(paths) > 1 else []:
            found[path]["twin_of"] = min(paths)
    for entry in found.values():
        if entry.get("links") == 1:
            del entry["links"]
    return found


def cell(value):
    """A SQLite value as JSON that cannot confuse two types."""
    if isinstance(value, bytes):
        return {"bytes": base64.b64encode(value).decode()}
    if isinstance(value, float):
        return {"double": value.hex()}
    return value


def rows(path):
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as db:
        names = [name for (name,) in db.execute(
            "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type <> 'view' AND"
            " type <> 'shadow' AND name <> 'sqlite_schema' ORDER BY name")]
        found = {name: sorted(([cell(value) for value in row]
                               for row in db.execute(f'SELECT * FROM "{name}"')), key=repr)
                 for name in names}
    db.close()
    return found


def schema(path):
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as db:
        found = sorted(sql for (sql,) in db.execute(
            "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL"))
    db.close()
    return found
