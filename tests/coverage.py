#!/usr/bin/env python3
"""Line coverage of each room against its bar, from a build folder whose tests have run.

usage: tests/coverage.py BUILD_FOLDER
Tests and what only they use (testing/, *_world.h) do not count.
Lines that no test can reach carry GCOVR_EXCL_LINE (or _START/_STOP) and the reason beside it.
"""
import collections
import json
import pathlib
import subprocess
import sys

BAR = 90.0
HIGH_BAR = 97.0
HIGH_ROOMS = {"crypto", "content", "repository"}


def measure(build):
    report = pathlib.Path(build, "coverage.json")
    subprocess.run(
        ["gcovr", "--root", ".", "--filter", "src/", "--exclude", r".*_test\.cpp",
         "--exclude", r".*/testing/.*", "--exclude", r".*_world\.h",
         "--gcov-ignore-parse-errors", "-j", "2", "--json-summary", str(report),
         "--html-details", str(pathlib.Path(build, "coverage.html")), str(build)],
        check=True, stdout=subprocess.DEVNULL)
    return json.loads(report.read_text())["files"]


def main(build):
    files = measure(build)
    rooms = collections.defaultdict(lambda: [0, 0])
    for file in files:
        room = pathlib.Path(file["filename"]).parts[1]
        rooms[room][0] += file["line_covered"]
        rooms[room][1] += file["line_total"]
    below = 0
    print(f"{'room':<14}{'lines':>8}{'covered':>10}{'bar':>8}")
    for room, (covered, lines) in sorted(rooms.items()):
        bar = HIGH_BAR if room in HIGH_ROOMS else BAR
        percent = 100 * covered / lines if lines else 100.0
        below += percent < bar
        verdict = "" if percent >= bar else "  below its bar"
        print(f"{room:<14}{lines:>8}{percent:>9.1f}%{bar:>7.0f}%{verdict}")
    covered, lines = (sum(column) for column in zip(*rooms.values()))
    print(f"{'all':<14}{lines:>8}{100 * covered / lines:>9.1f}%")
    print("the files furthest below:")
    furthest = sorted(files, key=lambda file: file["line_covered"] - file["line_total"])
    for file in furthest[:10]:
        missing = file["line_total"] - file["line_covered"]
        print(f"  {file['filename']}: {missing} of {file['line_total']} lines not covered")
    print(f"details: {build}/coverage.html")
    return 1 if below else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
