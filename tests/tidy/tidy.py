#!/usr/bin/env python3
"""The rules of the house as a test: layers, sizes, names, types, headers that stand alone.

usage: tests/tidy/tidy.py [--root FOLDER] [--build FOLDER]
"""
import argparse
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
sys.dont_write_bytecode = True

import headers  # noqa: E402
import layers  # noqa: E402
import losses  # noqa: E402
import names  # noqa: E402
import one_type  # noqa: E402
import sizes  # noqa: E402


def run(root, build):
    """Rule → what it found."""
    return {
        "layers point downwards": list(layers.check(root)),
        "sizes stay below their caps": list(sizes.check(root)),
        "names say something, and disks change in src/system only": list(names.check(root)),
        "one name is one type": list(one_type.check(root)),
        "every known loss has its test": list(losses.check(root)),
        "headers stand alone": list(headers.check(root, build)),
    }


def main():
    parser = argparse.ArgumentParser()
    home = pathlib.Path(__file__).resolve().parents[2]
    parser.add_argument("--root", type=pathlib.Path, default=home)
    parser.add_argument("--build", type=pathlib.Path, default=home / "build/release")
    options = parser.parse_args()
    build = options.build if (options.build / "compile_commands.json").is_file() else None
    findings = run(options.root.resolve(), build)
    for note in sizes.notes(options.root.resolve()):
        print(f"note: {note}")
    for rule, found in findings.items():
        print(f"{'FAILED' if found else 'ok'}: {rule}")
        for sentence in found:
            print(f"  {sentence}")
    failed = sum(bool(found) for found in findings.values())
    print(f"{len(findings) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
