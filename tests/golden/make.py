#!/usr/bin/python3
"""Makes a golden repository, once.

usage: make.py FOLDER    such as v2, with the sample that SAMPLES names for it; never again
"""
import json
import os
import shutil
import sys
import tempfile

sys.dont_write_bytecode = True
from sample import Place  # noqa: E402
from sample_1b import SmallPlace  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
SAMPLES = {"v1": Place, "v1b": SmallPlace}


def main():
    name = sys.argv[1]
    target = os.path.join(HERE, name)
    if os.path.exists(target):
        sys.exit(f"{name} exists: a golden repository is never made again")
    with tempfile.TemporaryDirectory(prefix="perdure-golden-") as folder:
        place = SAMPLES[name](folder)
        expected = place.make_repository()
        os.mkdir(target)
        shutil.copytree(place.repository, os.path.join(target, "repository"))
        shutil.copy(place.key, os.path.join(target, "perdure.key"))
    with open(os.path.join(target, "expected.json"), "w") as file:
        json.dump(expected, file, indent=1, sort_keys=True)
        file.write("\n")
    with open(os.path.join(target, ".gitattributes"), "w") as file:
        file.write("* -text\n")


if __name__ == "__main__":
    main()
