"""What every scenario needs: the program in a folder of its own, claims, the last line.

A claim is a function whose name starts with `claim_` and whose docstring says what holds. It gets a
fresh Place, fails by assertion, and skips by raising Skip.
"""
import hashlib
import json
import os
import pathlib
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
import traceback

CHECKOUT = pathlib.Path(os.environ.get("PERDURE_CHECKOUT", pathlib.Path(__file__).parents[2]))
PROGRAM = os.environ.get("PERDURE_PROGRAM", str(CHECKOUT / "build/release/perdure"))
# How many times as slow and as large the program may be: a sanitizer makes it so.
PATIENCE = int(os.environ.get("PERDURE_PATIENCE", 1))
DATA = pathlib.Path(os.environ.get("PERDURE_DATA", CHECKOUT / "../shared/data")).resolve()


class Skip(Exception):
    pass


def _object(pairs):
    """A JSON object; readers disagree about one that has a key twice, so no command writes it."""
    out = dict(pairs)
    assert len(out) == len(pairs), f"a key stands twice: {[key for key, _ in pairs]}"
    return out


class Ran:
    """A finished program: exit code, both streams, and with --json the parsed lines."""

    def __init__(self, code, out, err):
        self.code, self.out, self.err = code, out, err

    @property
    def events(self):
        return [json.loads(line, object_pairs_hook=_object)
                for line in self.out.splitlines()]

    @property
    def summary(self):
        last = self.events[-1]
        assert last["type"] == "summary", f"the last line is no summary: {last}"
        return last

    def __repr__(self):
        return f"exit {self.code}\n--- stdout\n{self.out[-3000:]}\n--- stderr\n{self.err[-3000:]}"


class Place:
    """A scratch folder with state and cache folders of its own."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.work = self.folder / "work"
        self.work.mkdir()
        self.environment = dict(os.environ, HOME=str(folder), NO_COLOR="1", TZ="UTC",
                                XDG_STATE_HOME=str(self.folder / "state"),
                                XDG_CACHE_HOME=str(self.folder / "cache"))
        self.environment.pop("PERDURE_CONFIG", None)

    def start(self, *words, cwd=None, **more):
        return subprocess.Popen([PROGRAM, *map(str, words)], cwd=cwd or self.work,
                                env=self.environment, stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, **more)

    def run(self, *words, cwd=None):
        process = self.start(*words, cwd=cwd)
        out, err = process.communicate(timeout=300 * PATIENCE)
        return Ran(process.returncode, out.decode(errors="replace"), err.decode(errors="replace"))

    def good(self, *words, code=0, cwd=None):
        ran = self.run(*words, cwd=cwd)
        assert ran.code == code, f"perdure {' '.join(map(str, words))}: wanted exit {code}\n{ran}"
        return ran

    def settle(self):
        """Waits until what was just written counts as still: files stamped less than 50 ms before a
        backup began are read again by the next one (repository/tree/racy.cpp)."""
        time.sleep(0.1)

    def write(self, name, text):
        path = self.work / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    def repository(self, **sources):
        """A configuration with these sources (name → path), its key and its repository."""
        text = 'version = 1\n[repository.main]\ndestinations = ["disk"]\n' \
               'key = { file = "perdure.key" }\n[destination.disk]\ntype = "local"\n' \
               'path = "backups"\n'
        for name, path in sources.items():
            kind = "sqlite" if str(path).endswith((".db", ".sqlite")) else "files"
            text += f'[source.{name}]\ntype = "{kind}"\npath = "{path}"\n'
        self.write("perdure.toml", text)
        self.good("init", "--confirm", "main")  # also in place of one that a claim took away


_SPAWN = """import os, resource, sys
pid = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ)
_, status, usage = os.wait4(pid, 0)
print(f"\\n{usage.ru_maxrss // 1024}", file=sys.stderr)
sys.exit(os.waitstatus_to_exitcode(status) % 256)
"""


def measured(command, **more):
    """(exit code, stdout, stderr, MiB at its peak) of a command. A process begins with the memory
    of whoever started it as its peak: a small one in between keeps ours out of the number."""
    done = subprocess.run([sys.executable, "-S", "-c", _SPAWN, *map(str, command)],
                          stdin=subprocess.DEVNULL, capture_output=True,
                          timeout=600 * PATIENCE, **more)
    told, _, peak = done.stderr.decode(errors="replace").rstrip("\n").rpartition("\n")
    return done.returncode, done.stdout.decode(errors="replace"), told, int(peak)


def fingerprint(folder):
    """Names, kinds, sizes, times and bytes of everything below: equal means untouched."""
    out = {}
    for path in sorted(pathlib.Path(folder).rglob("*")):
        status = path.lstat()
        body = path.read_bytes() if path.is_file() and not path.is_symlink() else b""
        out[str(path)] = (status.st_mode, status.st_size, status.st_mtime_ns, body)
    return out


def newer_format(config):
    """The object `config` as a program of the future would write it: version 2, checksums right.

    Three times: "PD3C", u32 length, SHA-256 of the body, the body (docs/FORMAT.md).
    """
    length = int.from_bytes(config[4:8], "little")
    body = bytearray(config[40:40 + length])
    assert config[:4] == b"PD3C" and body[:4] == b"PDCF", "docs/FORMAT.md and config disagree"
    assert hashlib.sha256(body).digest() == config[8:40], "the checksum is another one"
    body[4:6] = (2).to_bytes(2, "little")
    return (config[:8] + hashlib.sha256(body).digest() + bytes(body)) * 3


def rsync_differences(source, copy):
    if not shutil.which("rsync"):
        raise Skip("rsync is not installed")
    done = subprocess.run(["rsync", "-aHAX", "--numeric-ids", "--checksum", "--dry-run",
                           "--itemize-changes", "--delete", f"{source}/", f"{copy}/"],
                          capture_output=True, text=True, check=True)
    return done.stdout


def sqlite_dump(path):
    import contextlib
    import sqlite3
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        connection.text_factory = bytes
        tables = [row[0] for row in connection.execute(
            "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")]
        dump = {"schema": connection.execute(
            "SELECT type, name, sql FROM sqlite_schema ORDER BY type, name").fetchall()}
        for table in tables:
            name = table.decode().replace('"', '""')
            dump[table] = sorted(connection.execute(f'SELECT * FROM "{name}"').fetchall(),
                                 key=repr)
    return dump


def people(place, first, last):
    """Users with the numbers first … last - 1, in a database of the place."""
    with sqlite3.connect(place.work / "app.db") as database:
        database.execute("CREATE TABLE IF NOT EXISTS users(id INTEGER PRIMARY KEY, name TEXT)")
        database.executemany("INSERT INTO users VALUES(?,?)",
                             [(i, f"person {i}") for i in range(first, last)])
    database.close()


def real_database(name):
    path = DATA / "sqlite" / name
    if not path.exists():
        raise Skip(f"no real data at {path}")
    return path


def main(claims):
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    for name, claim in sorted(claims.items()):
        if not name.startswith("claim_"):
            continue
        began = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="perdure-scenario-") as folder:
            try:
                claim(Place(folder))
                verdict = "passed"
            except Skip as reason:
                verdict = "skipped"
                print(f"       {reason}")
            except Exception:  # a broken claim must not hide the others
                verdict = "failed"
                traceback.print_exc(file=sys.stdout)
        counts[verdict] += 1
        print(f"{verdict:8} {name[6:].replace('_', ' ')} ({time.monotonic() - began:.1f} s)",
              flush=True)
    print(f"{counts['passed']} passed, {counts['failed']} failed, {counts['skipped']} skipped")
    sys.exit(1 if counts["failed"] else 0)
