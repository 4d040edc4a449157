"""Reading C++ sources: blanked text, includes, functions. Good enough for this house's style."""
import pathlib
import re

INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.M)
TOKEN = re.compile(
    r'//[^\n]*|/\*.*?\*/|R"(?P<tag>[^()\s\\]{0,16})\(.*?\)(?P=tag)"|"(?:\\.|[^"\\\n])*"'
    r"|(?<![0-9a-zA-Z_])(?:u8|[uUL])?'(?:\\.|[^'\\\n])+'", re.S)
DIRECTIVE = re.compile(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", re.M)
CONTAINER = re.compile(
    r"^\s*(?:template\s*<.*>\s*)?(?:inline\s+)?(?:typedef\s+)?"
    r"(?:namespace|class|struct|union|enum|extern)\b", re.S)

AFTER_PARAMETERS = re.compile(r"\)\s*(const|noexcept|override|->.*)*\s*$")


def sources(root, folders, suffixes=(".h", ".cpp")):
    """All sources below the folders, sorted."""
    found = []
    for folder in folders:
        found += [p for p in pathlib.Path(root, folder).rglob("*") if p.suffix in suffixes]
    return sorted(found)


def is_test(file):
    """Tests, and what only tests include: x_test.cpp, x_test_world.h, testing.h, testing/…"""
    return "_test" in file.stem or "testing" in (*file.parts[:-1], file.stem)


def blank(text):
    """The text with comments, literals and directives turned into blanks; lines stay lines."""
    def hide(match):
        return re.sub(r"[^\n]", " ", match.group())
    return DIRECTIVE.sub(hide, TOKEN.sub(hide, text))


def closing_brace(text, start):
    """The position of the brace that closes the one at start, or the end of the text."""
    depth = 0
    for match in re.compile(r"[{}]").finditer(text, start):
        depth += 1 if match.group() == "{" else -1
        if depth == 0:
            return match.start()
    return len(text)


def is_initialiser(head):
    """True when the brace after head opens a value, not a body: an = outside all parentheses."""
    depth = 0
    for match in re.finditer(r"[()<>]|operator\s*[^\s\w(]+|[=!<>]=|=", head):
        token = match.group()
        depth += (token == "(") - (token == ")")
        if token == "=" and depth == 0:
            return True
    return False


def functions(text):
    """Yields (name, first line, line count) of each function body outside other bodies."""
    code = blank(text)
    position, head_start = 0, 0
    for_each = re.compile(r"[{};]")
    while match := for_each.search(code, position):
        at = match.start()
        position = at + 1
        if match.group() != "{":
            head_start = position
            continue
        head = code[head_start:at]
        if CONTAINER.match(head) and not AFTER_PARAMETERS.search(head):
            head_start = position
            continue
        end = closing_brace(code, at)
        position = end + 1
        if is_initialiser(head) or "(" not in head:
            head_start = position
            continue
        following = re.compile(r"\s*([,{])").match(code, position)
        if following:  # a braced member initialiser: the body is still to come
            continue
        first = code.count("\n", 0, head_start + len(head) - len(head.lstrip())) + 1
        last = code.count("\n", 0, end) + 1
        name = re.search(r"([~\w:]+|operator[^(]+)\s*\(", head)
        yield (name.group(1) if name else "?", first, last - first + 1)
        head_start = position


def includes(text):
    """The quoted includes, in order."""
    return INCLUDE.findall(text)


def closure(root, path, cache=None):
    """Every file of ours that path includes, directly or not, itself among them."""
    cache = {} if cache is None else cache
    seen, stack = set(), [pathlib.Path(path)]
    while stack:
        file = stack.pop()
        if file in seen:
            continue
        seen.add(file)
        if file not in cache:
            names = includes(file.read_text(errors="replace"))
            places = (pathlib.Path(root, "src"), file.parent, pathlib.Path(root))
            cache[file] = [place / name for name in names for place in places
                           if (place / name).is_file()]
        stack += [pathlib.Path(p) for p in cache[file]]
    return sorted(seen)
