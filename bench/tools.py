"""One class a tool: how it makes a repository, backs a folder up and puts it back.

Everything a tool remembers lies in its scratch folder, so a first backup is a first one. Key
derivation, compression and threads stay at each tool's defaults.
"""
import json
import os
import pathlib
import subprocess

import measure

PASSWORD = "bench"


class Tool:
    """A fresh repository in `scratch`, for the source at `live`."""

    def __init__(self, scratch, live, is_database, checkout):
        self.scratch, self.live, self.is_database = scratch, live, is_database
        self.repository = scratch / "repository"
        self.env = {"HOME": str(scratch / "home"), "XDG_CACHE_HOME": str(scratch / "cache"),
                    "XDG_DATA_HOME": str(scratch / "share")}
        self.checkout = checkout
        self.backups = 0

    def run(self, *command, **options):
        return measure.run(command, env=self.env, **options)

    def restored_root(self, target):
        """Where below target the source's files lie after a restore."""
        return target / self.live.relative_to("/")


class Perdure(Tool):
    name = "perdure"
    subjects = True

    def program(self, *words, **options):
        program = os.environ.get("PERDURE_PROGRAM", self.checkout / "build/release/perdure")
        return self.run(program, "--config",
                        self.scratch / "perdure.toml", "--no-input", *words, **options)

    def prepare(self):
        if self.is_database:
            source = f'type = "sqlite"\npath = "{self.live}/app.db"\n'
            if self.subjects:
                source += ('[source.live.subjects]\ntable = "users"\nkey = "id"\nlabel = "name"\n'
                           'email = "email"\n[source.live.records.memory]\ntable = "memories"\n'
                           'title = "title"\nbody = "content"\n')
        else:
            source = f'type = "files"\npath = "{self.live}"\n'
        (self.scratch / "perdure.toml").write_text(
            f'version = 1\n[repository.main]\ndestinations = ["disk"]\n'
            f'key = {{ file = "{self.scratch}/perdure.key" }}\n'
            f'[destination.disk]\ntype = "local"\npath = "{self.repository}"\n'
            f'[source.live]\n{source}')
        self.program("init")

    def backup(self):
        cost = self.program("backup", "--json")
        for line in reversed(cost.output.splitlines()):
            if line.startswith("{") and '"summary"' in line:
                self.summary = json.loads(line)
                break
        return cost

    def restore(self, target):
        return self.program("restore", "latest", "--to", target)

    def restored_root(self, target):
        return target / "live"


class PerdureOneDomain(Perdure):
    """perdure without a subject mapping: what domains for every person cost beyond it."""
    name = "perdure-1-domain"
    subjects = False


class Restic(Tool):
    name = "restic"

    def prepare(self):
        self.env |= {"RESTIC_PASSWORD": PASSWORD, "RESTIC_REPOSITORY": str(self.repository)}
        self.run("restic", "init")

    def backup(self):
        return self.run("restic", "backup", self.live)

    def restore(self, target):
        return self.run("restic", "restore", "latest", "--target", target)


class Borg(Tool):
    name = "borg"

    def prepare(self):
        self.env |= {"BORG_PASSPHRASE": PASSWORD, "BORG_BASE_DIR": str(self.scratch / "home"),
                     "BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK": "yes"}
        self.run("borg", "init", "-e", "repokey-blake2", self.repository)

    def backup(self):
        self.backups += 1
        return self.run("borg", "create", f"{self.repository}::{self.backups}", self.live)

    def restore(self, target):
        return self.run("borg", "extract", f"{self.repository}::{self.backups}", cwd=target)


class Tar(Tool):
    """No backup tool: the floor that a restore of small files is measured against."""
    name = "tar"

    def prepare(self):
        self.repository.mkdir()

    def backup(self):
        return self.run("tar", "-cf", self.repository / "all.tar", "-C", "/",
                        self.live.relative_to("/"))

    def restore(self, target):
        return self.run("tar", "-xf", self.repository / "all.tar", "-C", target)


TOOLS = {tool.name: tool for tool in (Perdure, Restic, Borg, Tar, PerdureOneDomain)}


def same_output(one, other):
    """Whether two commands print the same. Never holds it: what this process once held would count
    as the peak memory of every command that it starts after."""
    with subprocess.Popen(one, stdout=subprocess.PIPE) as left, \
            subprocess.Popen(other, stdout=subprocess.PIPE) as right:
        while True:
            pair = [run.stdout.read(1 << 20) for run in (left, right)]
            if pair[0] != pair[1]:
                left.kill()
                right.kill()
                return False
            if not pair[0]:
                break
    return left.returncode == right.returncode == 0


def differences(source, restored):
    """What differs between the source and what came back; empty when nothing does."""
    if (source / "app.db").exists():
        same = same_output(*(["sqlite3", str(folder / "app.db"), ".dump"]
                             for folder in (source, pathlib.Path(restored))))
        return "" if same else "the databases' dumps differ"
    run = subprocess.run(["diff", "-rq", "--no-dereference", str(source), str(restored)],
                         capture_output=True, text=True)
    return (run.stdout + run.stderr).strip()[:200]
