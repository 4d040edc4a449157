"""Remembers that a check of given bytes found nothing, so that a second run costs nothing."""
import concurrent.futures
import hashlib
import json
import os
import pathlib
import shlex

FOLDER = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache",
                      "perdure-dev")


def key_of(root, files, *words):
    """A digest of the words and of the files' names and contents, wherever the checkout lies."""
    digest = hashlib.sha256(json.dumps(words).encode())
    for file in files:
        digest.update(str(pathlib.Path(file).relative_to(root)).encode() + b"\0")
        digest.update(hashlib.sha256(pathlib.Path(file).read_bytes()).digest())
    return digest.hexdigest()


def was_clean(kind, key):
    return (FOLDER / kind / key[:2] / key).exists()


def remember_clean(kind, key):
    place = FOLDER / kind / key[:2] / key
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        place.touch()
    except OSError:
        pass  # a cache that cannot be written costs time, not correctness


def compile_flags(root, build):
    """Source → its include folders and definitions, from the build's compile_commands.json."""
    commands = {}
    for entry in json.loads(pathlib.Path(build, "compile_commands.json").read_text()):
        words = shlex.split(entry["command"])
        flags = []
        for index, word in enumerate(words):
            if word.startswith(("-I", "-D", "-std=")) and word not in ("-I", "-D"):
                flags.append(word)
            elif word in ("-isystem", "-I", "-D"):
                flags += [word, words[index + 1]]
        commands[pathlib.Path(entry["file"])] = flags
    return commands


def all_include_flags(commands):
    """One flag list that can compile any header: the union of all include folders."""
    seen = []
    for flags in commands.values():
        pairs = iter(flags)
        for flag in pairs:
            item = (flag, next(pairs)) if flag == "-isystem" else (flag,)
            if (flag.startswith(("-I", "-isystem", "-std=")) and item not in seen):
                seen.append(item)
    return [word for item in seen for word in item]


def in_parallel(work, items):
    """work(item) for every item, as many at once as there are cores, results in order."""
    jobs = int(os.environ.get("PERDURE_JOBS") or os.cpu_count() or 2)
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        return list(pool.map(work, items))
