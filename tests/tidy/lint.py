#!/usr/bin/env python3
"""clang-format and clang-tidy over everything that is ours, each file's clean result remembered.

usage: tests/tidy/lint.py BUILD_FOLDER [files…]
"""
import pathlib
import re
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
sys.dont_write_bytecode = True

import cache  # noqa: E402
import source  # noqa: E402

FORMAT, TIDY = "clang-format-19", "clang-tidy-19"
FOLDERS = ["src", "tests", "fuzz", "bench"]
# Tests are compiled with -Werror and run under sanitizers; clang-tidy reads what ships.
NOT_TIDIED = re.compile(r"_test\.cpp$|^tests/|^bench/")


def version(tool):
    return subprocess.run([tool, "--version"], capture_output=True, text=True).stdout


def check_format(root, files):
    """The files that clang-format would change, with the first complaint of each."""
    style = root / ".clang-format"
    tool = version(FORMAT)

    def one(path):
        key = cache.key_of(root, [style, path], "format", tool)
        if cache.was_clean("format", key):
            return None
        run = subprocess.run([FORMAT, "--dry-run", "-Werror", "--style=file", str(path)],
                             capture_output=True, text=True)
        if run.returncode == 0:
            cache.remember_clean("format", key)
            return None
        return (run.stderr.strip().splitlines() or ["failed"])[0]

    return [found for found in cache.in_parallel(one, files) if found]


def tidy_flags(commands, path):
    flags = [flag for flag in commands[path] if not flag.startswith("-std=")]
    return ["-std=c++23", *flags, "-Wno-everything"]


def check_tidy(root, build, files):
    """What clang-tidy says about each file, empty where it is content."""
    commands = cache.compile_flags(root, build)
    rules, tool, known = root / ".clang-tidy", version(TIDY), {}

    def one(path):
        flags = tidy_flags(commands, path)
        neutral = [flag.replace(str(root), ".") for flag in flags]
        key = cache.key_of(root, [rules, *source.closure(root, path, known)], "tidy", tool, neutral,
                           str(path.relative_to(root)))
        if cache.was_clean("tidy", key):
            return None
        run = subprocess.run([TIDY, "--quiet", str(path), "--", *flags], capture_output=True,
                             text=True, cwd=root)
        if run.returncode == 0 and "warning:" not in run.stdout:
            cache.remember_clean("tidy", key)
            return None
        return (run.stdout + "\n" + "\n".join(line for line in run.stderr.splitlines()
                                             if "error" in line)).strip() or "clang-tidy died"

    wanted = [path for path in files if path.suffix == ".cpp" and path in commands
              and not NOT_TIDIED.search(str(path.relative_to(root)))]
    return [found for found in cache.in_parallel(one, wanted) if found], len(wanted)


def findings(text):
    """Its findings one by one: a header's are told once, however many sources include it."""
    return [part.strip() for part in re.split(r"^(?=/\S+:\d+:\d+: (?:error|warning))", text,
                                              flags=re.M) if part.strip()]


def main(arguments):
    root = pathlib.Path(__file__).resolve().parents[2]
    build = pathlib.Path(arguments[0]).resolve()
    files = ([pathlib.Path(name).resolve() for name in arguments[1:]]
             or source.sources(root, FOLDERS))
    badly_formatted = check_format(root, files)
    for complaint in badly_formatted:
        print(complaint)
    print(f"clang-format: {len(files)} files, {len(badly_formatted)} not formatted", flush=True)
    complaints, tidied = check_tidy(root, build, files)
    for sentence in dict.fromkeys(part for text in complaints for part in findings(text)):
        print(sentence)
    print(f"clang-tidy: {tidied} files, {len(complaints)} with findings", flush=True)
    return 1 if badly_formatted or complaints else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
