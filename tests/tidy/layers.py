"""The layers of the house: who may include whom. docs/ARCHITECTURE.md says the same in prose."""
import pathlib
import re

import source

LAYERS = [
    {"base"},
    {"system", "crypto", "data"},
    {"store", "content", "catalog"},
    {"repository", "origin", "format", "policy", "audit", "notify", "media", "demo"},
    {"job"},
    {"service"},
    {"face"},
]
LEVEL = {room: level for level, rooms in enumerate(LAYERS) for room in rooms}

# (including room, included header) → reason. Every one is also in docs/ARCHITECTURE.md.
EXCEPTIONS = {
    ("data", "crypto/hash.h"): "a LogicalDigest is a digest; data would else carry bare bytes",
    ("crypto", "system/random.h"): "keys come from the one replaceable source of randomness",
}
# Folders that are kinds of their room: one kind does not know another. Other folders are parts.
KINDS = {
    "store": {"local", "memory", "s3", "gcs", "azure", "webdav", "sftp", "dropbox", "drive"},
    "origin": {"sqlite", "postgres", "mariadb", "files", "git", "qdrant", "command"},
}
# (from, to) → reason
KIND_EXCEPTIONS = {
    ("origin/git", "origin/files"): "a git repository is kept as its files, with its refs pinned",
    ("origin/sqlite", "origin/files"): "the media beside a database are files",
}


def may_include(room, header):
    other = header.split("/")[0]
    if other == room or (room, header) in EXCEPTIONS:
        return True
    return LEVEL[other] < LEVEL[room]


def declared(root):
    """Room → the DEPS its CMakeLists.txt names."""
    deps = {}
    for file in sorted(pathlib.Path(root, "src").glob("*/CMakeLists.txt")):
        for match in re.finditer(r"pd_room\(\s*(\w+)([^)]*)\)", file.read_text()):
            section, named = None, {}
            for word in match.group(2).split():
                if word in ("DEPS", "LIBS", "TEST_DEPS"):
                    section = word
                else:
                    named.setdefault(section, set()).add(word)
            deps[match.group(1)] = (named.get("DEPS", set()), named.get("TEST_DEPS", set()))
    return deps


def check_include(room, file, header, deps, is_test):
    other = header.split("/")[0]
    if other not in LEVEL:
        return f"{file}: includes \"{header}\", which is in no room"
    own, of_tests = deps.get(room, (set(), set()))
    if is_test and other in of_tests and LEVEL[other] <= LEVEL[room]:
        return None
    if not may_include(room, header):
        arrow = "sideways" if LEVEL[other] == LEVEL[room] else "upwards"
        return f"{file}: {room} includes \"{header}\", {arrow}"
    if other != room and other not in own | (of_tests if is_test else set()):
        return f"{file}: includes \"{header}\", but pd_room({room}) does not name {other} in DEPS"
    return None


def check_kinds(file, parts, header):
    """Two kinds of one room (store/local, store/s3) do not see each other."""
    named = header.split("/")
    kinds = KINDS.get(parts[0], set())
    if named[0] != parts[0] or parts[1] not in kinds or named[1] not in kinds - {parts[1]}:
        return None
    if ("/".join(parts[:2]), "/".join(named[:2])) in KIND_EXCEPTIONS:
        return None
    return f"{file}: kind {parts[1]} includes \"{header}\" of kind {named[1]}"


def check(root):
    """Yields a sentence for each wrong arrow."""
    deps = declared(root)
    for room, (own, _) in deps.items():
        if room not in LEVEL:
            yield f"src/{room}: a room without a layer; add it to tests/tidy/layers.py"
            continue
        sideways = {header.split("/")[0] for owner, header in EXCEPTIONS if owner == room}
        for other in sorted(own):
            if other not in LEVEL or (LEVEL[other] >= LEVEL[room] and other not in sideways):
                yield f"src/{room}/CMakeLists.txt: DEPS names {other}, which is not below {room}"
    for path in source.sources(root, ["src"]):
        file = path.relative_to(root)
        parts = file.parts[1:]
        if len(parts) == 1:  # main.cpp joins everything
            continue
        if parts[0] not in LEVEL:
            yield f"{file}: {parts[0]} is no room of this house"
            continue
        for header in source.includes(path.read_text(errors="replace")):
            if not pathlib.Path(root, "src", header).is_file():
                yield f"{file}: include \"{header}\" is not written from src"
                continue
            problem = (check_include(parts[0], file, header, deps, source.is_test(file))
                       or check_kinds(file, parts, header))
            if problem:
                yield problem
