#!/usr/bin/env python3
"""Runs ctest over a build folder and adds up the test cases of all programs and scripts.

usage: tests/run.py BUILD_FOLDER [ctest options…]
The last line is `N passed, N failed[, N skipped]`; the exit code is non-zero when anything failed.
"""
import os
import re
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as xml

GTEST_END = re.compile(r"^\[==========\] \d+ tests? from .* ran\.", re.M)
GTEST_COUNT = re.compile(r"^\[  (PASSED |SKIPPED|FAILED ) \] (\d+) tests?[.,]", re.M)
GTEST_LINE = re.compile(r"^\[( {6} OK|  FAILED ) \] \S+\.\S+", re.M)
SCRIPT_END = re.compile(r"^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$")


def count_cases(output, succeeded):
    """(passed, failed, skipped) of one ctest entry, from what it printed."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    script = SCRIPT_END.match(lines[-1]) if lines else None
    if GTEST_END.search(output):
        counts = dict.fromkeys(("PASSED", "FAILED", "SKIPPED"), 0)
        for kind, number in GTEST_COUNT.findall(output):
            counts[kind.strip()] = int(number)
        passed, failed, skipped = counts["PASSED"], counts["FAILED"], counts["SKIPPED"]
    elif script:
        passed, failed, skipped = (int(number or 0) for number in script.groups())
    elif "[==========] Running" in output:  # a GoogleTest program that died half-way
        outcomes = GTEST_LINE.findall(output)
        passed = sum("OK" in outcome for outcome in outcomes)
        failed, skipped = len(outcomes) - passed + 1, 0
    else:
        passed, failed, skipped = int(succeeded), int(not succeeded), 0
    if not succeeded and not failed:
        failed = 1
    return passed, failed, skipped


def main(build, ctest_options):
    jobs = str(os.cpu_count() or 2)
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as scratch:
        report = os.path.join(scratch, "junit.xml")
        status = subprocess.run(
            ["ctest", "--test-dir", build, "-j", jobs, "--output-on-failure", "--output-junit",
             report, "--test-output-size-passed", "100000000", "--test-output-size-failed",
             "100000000", *ctest_options]).returncode
        if not os.path.exists(report):
            print("ctest wrote no report", file=sys.stderr)
            print("0 passed, 1 failed")
            return 1
        cases = list(xml.parse(report).getroot().iter("testcase"))
    total = [0, 0, 0]
    broken, skipping = [], []
    for case in cases:
        output = case.findtext("system-out") or ""
        counts = count_cases(output, case.get("status") == "run")
        total = [a + b for a, b in zip(total, counts)]
        if counts[1]:
            broken.append(case.get("name"))
        if counts[2]:
            skipping.append(f"{case.get('name')} ({counts[2]})")
    passed, failed, skipped = total
    print(f"\n{len(cases)} test programs, {time.monotonic() - started:.0f} s")
    if skipping:
        print("skipped cases in: " + ", ".join(skipping))
    if broken:
        print("failed: " + ", ".join(broken))
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    return 1 if failed or status or not passed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
