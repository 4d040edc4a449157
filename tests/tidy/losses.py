"""docs/KNOWN_LOSSES.md names a test for every known loss; the tests must exist."""
import pathlib
import re

PAGE = "docs/KNOWN_LOSSES.md"


def rows(text):
    """(what happened, file, test) of each row of the table."""
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if len(cells) == 4 and cells[0] != "what happened there" and not cells[0].startswith("---"):
            yield cells[0], cells[2], cells[3]


def check(root):
    page = pathlib.Path(root, PAGE)
    if not page.is_file():
        return
    found = 0
    for what, file, test in rows(page.read_text()):
        found += 1
        path = pathlib.Path(root, file)
        text = path.read_text() if path.is_file() else ""
        if not re.search(rf"(TEST(_F|_P)?\(\s*\w+,\s*|def ){re.escape(test)}\b", text):
            yield f"{PAGE}: {file} has no test {test} ({what})"
    if not found:
        yield f"{PAGE}: no row can be read"
