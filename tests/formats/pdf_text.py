"""What a PDF of ours says of its text: glyphs by their ToUnicode maps, ActualText above them, line
by line; nothing is guessed from positions, as poppler must do for files of any kind.

A line comes as its clusters from left to right; `lines` gives each in both orders that it can have
been written in, mostly from the left or mostly from the right (the inverse of the bidirectional
algorithm for lines that do not nest deeper).
"""
import base64
import json
import re
import subprocess
import unicodedata

TOKEN = re.compile(rb"<</ActualText<([0-9A-F]*)>>>BDC|(BDC|BMC)\b|(EMC)\b|/(F[0-9x]+) [-0-9.]+ Tf|"
                   rb"\[((?:<[0-9A-F]*>|[-0-9. ])*)\]TJ|(ET)\b")


class Document:
    def __init__(self, path):
        done = subprocess.run(["qpdf", "--json=2", "--json-stream-data=inline",
                               "--decode-level=generalized", path], capture_output=True, check=True)
        self.objects = json.loads(done.stdout)["qpdf"][1]
        self.maps = {}

    def value(self, thing):
        """What a reference leads to; anything else is itself."""
        if isinstance(thing, str) and re.fullmatch(r"\d+ \d+ R", thing):
            found = self.objects["obj:" + thing]
            return found.get("value", found.get("stream"))
        return thing

    def stream(self, reference):
        return base64.b64decode(self.value(reference)["data"])

    def pages(self):
        root = next(o["value"] for o in self.objects.values() if isinstance(o.get("value"), dict)
                    and o["value"].get("/Type") == "/Catalog")

        def walk(node):
            node = self.value(node)
            if node["/Type"] == "/Page":
                yield node
            for kid in node.get("/Kids", []):
                yield from walk(kid)
        yield from walk(root["/Pages"])

    def texts_of(self, font):
        """Code → text, and how many digits a code has."""
        if font not in self.maps:
            cmap = self.stream(self.value(font)["/ToUnicode"])
            pairs = re.findall(rb"^<([0-9A-F]+)><([0-9A-F]+)>$", cmap, re.M)
            self.maps[font] = {int(code, 16): bytes.fromhex(text.decode()).decode("utf-16-be")
                               for code, text in pairs if len(code) in (2, 4)}
        return self.maps[font], 2 if "x" in font else 4

    def clusters(self, page):
        """Each line of a page as its pieces of text, from left to right."""
        fonts = self.value(self.value(page["/Resources"])["/Font"])
        line, spans, texts, digits = [], [], {}, 4
        for match in TOKEN.finditer(self.stream(page["/Contents"])):
            actual, begin, end, font, shown, over = match.groups()
            if actual is not None:
                line.append(bytes.fromhex(actual.decode())[2:].decode("utf-16-be"))
                spans.append(True)
            elif begin:
                spans.append(False)
            elif end:
                spans.pop()
            elif font:
                name = font.decode()
                reference = fonts["/" + name]
                texts, _ = self.texts_of(reference)
                digits = 2 if "x" in name else 4
            elif shown is not None and True not in spans:
                codes = b"".join(re.findall(rb"<([0-9A-F]*)>", shown)).decode()
                line += [texts.get(int(codes[at:at + digits], 16), "")
                         for at in range(0, len(codes), digits)]
            elif over:
                yield line
                line = []

    def lines(self):
        """(mostly from the left, mostly from the right) of each line of the document."""
        for page in self.pages():
            for clusters in self.clusters(page):
                yield from_left(clusters), from_right(clusters)


def direction(cluster):
    kinds = {unicodedata.bidirectional(c) for c in cluster}
    return "R" if kinds & {"R", "AL"} else "L" if kinds & {"L", "EN", "AN"} else "N"


def runs_reversed(clusters, kind):
    """Turns round each run that begins and ends with `kind` and holds no other direction."""
    out, run = [], []
    other = {"L": "R", "R": "L"}[kind]
    for cluster in [*clusters, None]:
        one = other if cluster is None else direction(cluster)
        if one == kind or (run and one == "N"):
            run.append(cluster)
            continue
        tail = []
        while run and direction(run[-1]) == "N":
            tail.append(run.pop())
        out += run[::-1] + tail[::-1]
        run = []
        if cluster is not None:
            out.append(cluster)
    return out


def from_left(clusters):
    return "".join(runs_reversed(clusters, "R"))


def from_right(clusters):
    return "".join(runs_reversed(clusters[::-1], "L"))
