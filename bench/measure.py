"""Runs a command and measures it; empties or fills the page cache before."""
import dataclasses
import os
import pathlib
import subprocess
import time


class Failed(Exception):
    """A step that a tool could not do; its text is shown in the table."""


@dataclasses.dataclass
class Cost:
    wall_s: float = 0.0
    cpu_s: float = 0.0
    rss_mb: float = 0.0      # of the largest process of the command's tree
    output: str = ""
    on_disk_s: float | None = None   # wall_s and what the kernel needs until all is on the disk

    def plus(self, other):
        return Cost(self.wall_s + other.wall_s, self.cpu_s + other.cpu_s,
                    max(self.rss_mb, other.rss_mb), other.output)


def run(command, env=None, cwd=None, accept=(0,)):
    """The cost of one command. Raises Failed with its last words."""
    environment = {**os.environ, **(env or {})}
    with subprocess.Popen([str(word) for word in command], env=environment, cwd=cwd,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT) as process:
        started = time.monotonic()
        output = process.stdout.read().decode(errors="replace")
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.monotonic() - started
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in accept:
        lines = [line.strip() for line in output.strip().splitlines() if line.strip()]
        named = [line for line in lines if line.startswith(("error", "Fatal", "fatal"))]
        last = (named or lines or ["no output"])[-1]
        raise Failed(f"exit {process.returncode}: {last[:200]}")
    return Cost(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, output)


def until_on_disk(folder):
    """Seconds until what was written below the folder would survive a power cut."""
    started = time.monotonic()
    subprocess.run(["sync", "-f", folder], check=True)
    return time.monotonic() - started


def may_drop_caches():
    return os.access("/proc/sys/vm/drop_caches", os.W_OK)


def make_cold():
    os.sync()
    pathlib.Path("/proc/sys/vm/drop_caches").write_text("3\n")


def make_warm(folder):
    """Reads everything once, names and contents."""
    os.sync()
    buffer = bytearray(1 << 20)
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink():
            with open(path, "rb", buffering=0) as file:
                while file.readinto(buffer):
                    pass


def size_of(folder):
    """Bytes of all files below the folder."""
    return sum(path.lstat().st_size for path in pathlib.Path(folder).rglob("*")
               if path.is_file() and not path.is_symlink())
