#!/usr/bin/env python3
"""Proves that tests/run.py counts honestly: what died or lied is a failure."""
import pathlib
import sys
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

import run  # noqa: E402

GTEST = """[==========] Running 4 tests from 2 test suites.
[ RUN      ] A.Works
[       OK ] A.Works (0 ms)
%s[==========] 4 tests from 2 test suites ran. (5 ms total)
"""


class Counting(unittest.TestCase):
    def test_a_googletest_program_that_passed_counts_its_cases(self):
        output = GTEST % "" + "[  PASSED  ] 4 tests.\n"
        self.assertEqual(run.count_cases(output, True), (4, 0, 0))

    def test_skipped_cases_are_told_apart(self):
        output = GTEST % "" + "[  PASSED  ] 3 tests.\n[  SKIPPED ] 1 test, listed below:\n"
        self.assertEqual(run.count_cases(output, True), (3, 0, 1))

    def test_failed_cases_are_counted(self):
        output = GTEST % "" + "[  PASSED  ] 2 tests.\n[  FAILED  ] 2 tests, listed below:\n"
        self.assertEqual(run.count_cases(output, False), (2, 2, 0))

    def test_a_program_that_died_keeps_what_passed_and_counts_one_failure(self):
        output = "[==========] Running 3 tests from 1 test suite.\n[ RUN      ] A.B\n" \
                 "[       OK ] A.B (0 ms)\n[ RUN      ] A.C\nSegmentation fault\n"
        self.assertEqual(run.count_cases(output, False), (1, 1, 0))

    def test_a_program_that_exits_badly_after_passing_is_a_failure(self):
        output = GTEST % "" + "[  PASSED  ] 4 tests.\n"
        self.assertEqual(run.count_cases(output, False)[1], 1)

    def test_a_script_says_its_own_numbers(self):
        self.assertEqual(run.count_cases("words\n7 passed, 0 failed, 2 skipped\n", True), (7, 0, 2))

    def test_a_script_that_reports_failures_but_exits_well_still_failed(self):
        self.assertEqual(run.count_cases("7 passed, 1 failed\n", True), (7, 1, 0))

    def test_a_silent_script_counts_as_one(self):
        self.assertEqual(run.count_cases("", True), (1, 0, 0))
        self.assertEqual(run.count_cases("", False), (0, 1, 0))


if __name__ == "__main__":
    result = unittest.main(exit=False, verbosity=0).result
    bad = len(result.failures) + len(result.errors)
    print(f"{result.testsRun - bad} passed, {bad} failed")
    sys.exit(1 if bad else 0)
