"""One name, one type: two types of one name in one namespace are one to the linker, which keeps one
destructor for both. No compiler says so; it was found when memory was overwritten.
"""
import collections
import re

import source

NAMESPACE = re.compile(r"\bnamespace\b\s*([\w:]*)\s*$")
TYPE = re.compile(r"\b(?:struct|class|union|enum(?:\s+class)?)\s+(?:\[\[\w+\]\]\s*)?"
                  r"(\w+)(?:\s+final)?(?:\s*:[^:].*)?\s*$", re.S)
UNNAMED = "(unnamed)"


def defined(code):
    """The qualified names of the types that a source defines for the whole program."""
    scopes = []  # of namespaces: their names; of everything else: None
    begin = 0
    for match in re.finditer(r"[{};]", code):
        head, begin = code[begin:match.start()], match.end()
        if match.group() == "}":
            if scopes:
                scopes.pop()
        elif match.group() == "{":
            namespace = NAMESPACE.search(head)
            found = None if namespace else TYPE.search(head)
            if found and None not in scopes and UNNAMED not in scopes:
                yield "::".join([*scopes, found.group(1)])
            scopes.append((namespace.group(1) or UNNAMED) if namespace else None)


def check(root):
    places = collections.defaultdict(set)
    for path in source.sources(root, ["src"]):
        for name in defined(source.blank(path.read_text(errors="replace"))):
            places[name].add(str(path.relative_to(root)))
    for name, files in sorted(places.items()):
        if len(files) > 1:
            yield f"{name} is another type in each of {', '.join(sorted(files))}"
