#!/usr/bin/env python3
"""perdure, restic and borg side by side: wall time, CPU, peak memory, repository size; exports
beside sqlite3, pandoc and gzip.

usage: ./dev bench [--data small,text] [--tool perdure] [--work first] [--cache warm] [--scale 0.1]
       ./dev bench --data export,export-growth
"""
import argparse
import datetime
import os
import pathlib
import platform
import shutil
import subprocess
import sys
import time

sys.dont_write_bytecode = True

import datasets  # noqa: E402
import exports  # noqa: E402
import measure  # noqa: E402
import report  # noqa: E402
import tools  # noqa: E402

CHECKOUT = pathlib.Path(__file__).resolve().parents[1]
WORKS = ("first", "unchanged", "changed", "all", "restore")
EXPORTS = ("export", "export-growth")   # no backups: what records cost to write in each format
PAIRED = ("subjects", "tiny")     # perdure with and without a domain for every person


def put_aside(scratch):
    """Makes room for the next round without deleting: ext4 is slow to make files for minutes after
    many were deleted (it avoids their inodes), which would be charged to whoever comes next."""
    trash = scratch.with_name("trash")
    if scratch.exists():
        trash.mkdir(exist_ok=True)
        scratch.rename(trash / str(time.time_ns()))
    if trash.exists() and shutil.disk_usage(scratch.parent).free < 40e9:
        shutil.rmtree(trash)


class Round:
    """One tool on one data set, once: every work in order, each result a sample."""

    def __init__(self, options, data_set, tool_class, cache):
        self.options, self.data_set, self.cache = options, data_set, cache
        scratch = options.folder / "scratch"
        put_aside(scratch)
        self.live, self.target = scratch / "live", scratch / "restored"
        (scratch / "tool/home").mkdir(parents=True)
        self.live.mkdir()
        self.tool = tool_class(scratch / "tool", self.live, data_set.is_database, CHECKOUT)
        self.samples = []

    def show_state(self, number):
        """The live folder becomes that state, as an application or a deployment would leave it."""
        subprocess.run(["rsync", "-a", "--checksum", "--delete",
                        f"{self.data_set.states[number]}/",
                        f"{self.live}/"], check=True)

    def touch_caches(self, folder):
        if self.cache == "cold":
            measure.make_cold()
        else:
            measure.make_warm(folder)

    def sample(self, work, step, before):
        """Runs step and keeps its cost. False when it failed, and says why."""
        entry = {"work": work, "cache": self.cache, "tool": self.tool.name}
        size_before = measure.size_of(self.tool.repository)
        try:
            if before:
                self.touch_caches(before)
            cost = step()
            size = measure.size_of(self.tool.repository)
            entry |= {"wall_s": cost.wall_s, "cpu_s": cost.cpu_s, "rss_mb": cost.rss_mb,
                      "size": size, "added": size - size_before}
            if cost.on_disk_s is not None:
                entry["on_disk_s"] = cost.on_disk_s
        except (measure.Failed, OSError) as failure:
            entry["failed"] = str(failure)
        self.samples.append(entry)
        wall = f"{entry['wall_s']:.2f} s" if "wall_s" in entry else "failed: " + entry["failed"]
        print(f"  {self.data_set.name} {self.cache} {self.tool.name} {work}: {wall}",
              file=sys.stderr, flush=True)
        return "failed" not in entry

    def all_states(self):
        """A backup of every state; the sum of their costs."""
        total = measure.Cost()
        for number in range(len(self.data_set.states)):
            self.show_state(number)
            self.touch_caches(self.live)
            total = total.plus(self.tool.backup())
        return total

    def restore(self):
        self.target.mkdir()
        cost = self.tool.restore(self.target)
        cost.on_disk_s = cost.wall_s + measure.until_on_disk(self.target)
        wrong = tools.differences(self.live, self.tool.restored_root(self.target))
        if wrong:
            raise measure.Failed(f"restored, but not the same: {wrong}")
        return cost

    def run(self):
        works = self.options.work
        self.show_state(0)
        try:
            self.tool.prepare()
        except (measure.Failed, OSError) as failure:
            self.samples.append({"work": "first", "cache": self.cache, "tool": self.tool.name,
                                 "failed": f"prepare: {failure}"})
            print(f"  {self.tool.name}: prepare: {failure}", file=sys.stderr)
            return self.samples
        several = len(self.data_set.states) > 1 and not self.data_set.is_database
        if several:
            done = self.sample("all", self.all_states, None)
        else:
            done = self.sample("first", self.tool.backup, self.live)
            if done and "unchanged" in works:
                self.sample("unchanged", self.tool.backup, self.live)
            if done and "changed" in works and len(self.data_set.states) > 1:
                self.show_state(1)
                self.sample("changed", self.tool.backup, self.live)
        if done and "restore" in works:
            self.sample("restore", self.restore, self.tool.repository)
        return self.samples


def machine():
    versions = {}
    for tool in ("restic", "borg"):
        run = subprocess.run([tool, "version" if tool == "restic" else "--version"],
                             capture_output=True, text=True)
        versions[tool] = run.stdout.strip().splitlines()[0] if run.stdout else "?"
    commit = subprocess.run(["git", "-C", str(CHECKOUT), "describe", "--always", "--dirty"],
                            capture_output=True, text=True).stdout.strip()
    return {"cores": os.cpu_count(), "kernel": platform.release(), "perdure": commit,
            "time": datetime.datetime.now(datetime.timezone.utc).isoformat("T", "seconds"),
            **versions}


def parse(arguments):
    def names(known):
        def split(text):
            chosen = text.split(",")
            unknown = set(chosen) - set(known)
            if unknown:
                raise argparse.ArgumentTypeError(
                    f"{', '.join(sorted(unknown))}: choose from {', '.join(known)}")
            return chosen
        return split
    parser = argparse.ArgumentParser(prog="./dev bench", description=__doc__.splitlines()[0])
    sets = [*datasets.BUILDERS, *EXPORTS]
    parser.add_argument("--data", type=names(sets), default=sets, help=", ".join(sets))
    parser.add_argument("--tool", type=names(tools.TOOLS), default=None,
                        help=", ".join(tools.TOOLS))
    parser.add_argument("--work", type=names(WORKS), default=list(WORKS), help=", ".join(WORKS)
                        + "; the first backup runs always, the others need it")
    parser.add_argument("--cache", type=names(("cold", "warm")), default=["cold", "warm"])
    parser.add_argument("--scale", type=float, default=1.0, help="shrinks every data set")
    parser.add_argument("--rounds", type=int, default=3, help="medians of so many (3)")
    parser.add_argument("--folder", type=pathlib.Path,
                        default=pathlib.Path.home() / ".cache/perdure-bench",
                        help="data sets, scratch and results; needs about 25 GB at scale 1")
    parser.add_argument("--json", type=pathlib.Path, help="results go there too")
    return parser.parse_args(arguments)


def chosen_tools(options, data_set):
    usual = ["perdure", "perdure-1-domain"] if data_set.name in PAIRED \
        else ["perdure", "restic", "borg"] + (["tar"] if data_set.name == "small" else [])
    return [tools.TOOLS[name] for name in options.tool or usual]


def main(arguments):
    options = parse(arguments)
    options.folder = options.folder.resolve()
    if "cold" in options.cache and not measure.may_drop_caches():
        print("not root: cold caches are left out", file=sys.stderr)
        options.cache = [cache for cache in options.cache if cache != "cold"] or ["warm"]
    results, verdicts = [], []
    for name in [name for name in options.data if name not in EXPORTS]:
        data_set = datasets.prepare(name, options.folder, options.scale)
        samples = []
        for _ in range(options.rounds):
            for cache in options.cache:
                for tool_class in chosen_tools(options, data_set):
                    samples += Round(options, data_set, tool_class, cache).run()
        rows, found = report.print_table(data_set, samples, data_set.facts)
        results += rows
        verdicts += found
    if wanted := [name for name in options.data if name in EXPORTS]:
        rows, found = exports.run(options, CHECKOUT, wanted)
        results += rows
        verdicts += found
    report.print_verdicts(verdicts)
    for spent in ("scratch", "trash"):
        shutil.rmtree(options.folder / spent, ignore_errors=True)
    stamp = datetime.datetime.now().strftime("%Y%m%d-%H%M%S")
    path = options.json or options.folder / "results" / f"{stamp}.json"
    report.save(path, machine(), results)
    print(f"\nresults: {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
