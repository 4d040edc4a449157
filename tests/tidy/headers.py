"""Every header compiles alone. A header that its own .cpp includes first is proven by the build."""
import pathlib
import subprocess

import cache
import source

COMPILER = "g++"


def proven_by_build(path):
    own = path.with_suffix(".cpp")
    if not own.is_file():
        return False
    lines = [line.strip() for line in own.read_text(errors="replace").splitlines()]
    first = next((line for line in lines if line.startswith("#include")), "")
    return first.endswith(f'/{path.name}"') and str(path.parent.name) + "/" in first


def compile_alone(root, path, flags):
    # Through an includer, or "#pragma once in main file" would be a warning of the test's own.
    name = path.relative_to(pathlib.Path(root, "src"))
    run = subprocess.run(
        [COMPILER, "-fsyntax-only", "-x", "c++", *flags, "-I", str(pathlib.Path(root, "src")), "-"],
        input=f'#include "{name}"\n', capture_output=True, text=True)
    return None if run.returncode == 0 else (run.stderr.strip().splitlines() or ["failed"])[0]


def check(root, build=None):
    commands = cache.compile_flags(root, build) if build else {}
    flags = cache.all_include_flags(commands) or ["-std=c++23"]
    neutral = [flag.replace(str(root), ".") for flag in flags]
    version = subprocess.run([COMPILER, "-dumpfullversion"], capture_output=True, text=True).stdout
    known = {}

    def one(path):
        key = cache.key_of(root, source.closure(root, path, known), "header", version, neutral,
                           str(path.relative_to(root)))
        if cache.was_clean("header", key):
            return None
        problem = compile_alone(root, path, flags)
        if problem is None:
            cache.remember_clean("header", key)
            return None
        return f"{path.relative_to(root)}: does not compile alone: {problem}"

    headers = [path for path in source.sources(root, ["src"], (".h",)) if not proven_by_build(path)]
    yield from filter(None, cache.in_parallel(one, headers))
