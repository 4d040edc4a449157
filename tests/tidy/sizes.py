"""Sizes: files, functions, lines, folders, room READMEs."""
import collections
import pathlib

import source

FILE_LINES_MAX = 500
TEST_LINES_MAX = 800
FUNCTION_LINES_MAX = 70
LINE_COLUMNS_MAX = 100
FOLDER_FILES_SOFT = 15
FOLDER_FILES_MAX = 24
README_LINES_MAX = 15
CODE_FOLDERS = ["src", "tests", "fuzz", "bench"]


def check_file(file, text):
    lines = text.splitlines()
    in_tests = source.is_test(file) or file.parts[0] == "tests"
    limit = TEST_LINES_MAX if in_tests else FILE_LINES_MAX
    if len(lines) > limit:
        yield f"{file}: {len(lines)} lines, at most {limit}"
    for number, line in enumerate(lines, 1):
        if len(line) > LINE_COLUMNS_MAX:
            yield f"{file}:{number}: {len(line)} columns, at most {LINE_COLUMNS_MAX}"
    if file.suffix in (".h", ".cpp"):
        for name, first, count in source.functions(text):
            if count > FUNCTION_LINES_MAX:
                yield (f"{file}:{first}: function {name} has {count} lines, "
                       f"at most {FUNCTION_LINES_MAX}")


def folder_counts(root):
    counts = collections.Counter()
    for path in source.sources(root, ["src"]):
        if not source.is_test(path.relative_to(root)):
            counts[path.parent.relative_to(root)] += 1
    return counts


def notes(root):
    """Folders that deserve a second look; no failure."""
    for folder, count in sorted(folder_counts(root).items()):
        if FOLDER_FILES_SOFT < count <= FOLDER_FILES_MAX:
            yield f"{folder}: {count} sources, aim for {FOLDER_FILES_SOFT}"


def check(root):
    for path in source.sources(root, CODE_FOLDERS, (".h", ".cpp", ".py")):
        yield from check_file(path.relative_to(root), path.read_text(errors="replace"))
    for folder, count in sorted(folder_counts(root).items()):
        if count > FOLDER_FILES_MAX:
            yield f"{folder}: {count} sources, at most {FOLDER_FILES_MAX}"
    for room in sorted(pathlib.Path(root, "src").iterdir()):
        if not (room / "CMakeLists.txt").is_file():
            continue
        readme = room / "README.md"
        if not readme.is_file():
            yield f"src/{room.name}: no README.md"
        elif len(readme.read_text().splitlines()) > README_LINES_MAX:
            yield f"src/{room.name}/README.md: more than {README_LINES_MAX} lines"
