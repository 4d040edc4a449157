"""An application with records in many scripts, hostile ones among them, and pictures."""
import sqlite3
import struct
import zlib

HOSTILE = [
    "<script>window.pwned=1;alert(1)</script>text",
    "<img src=x onerror=\"window.pwned=1;alert(1)\">",
    "<svg onload=\"window.pwned=1;alert(1)\"><script>alert(1)</script><text>drawn</text></svg>",
    "<a href=\"javascript:window.pwned=1;alert(1)\" id=bait>click</a>",
    "<a href=\"jav&#x09;ascript:window.pwned=1\">click</a> <a href='data:text/html,x'>data</a>",
    "<iframe srcdoc=\"<script>parent.pwned=1</script>\"></iframe>",
    "<style>body{display:none!important}</style><p style=\"position:fixed;inset:0\">styled</p>",
    "<form action=\"https://evil.example/\"><input name=q autofocus onfocus=alert(1)><button>go",
    "<meta http-equiv=refresh content=\"0;url=https://evil.example/\">moved",
    "<base href=\"https://evil.example/\"><link rel=stylesheet href=//evil.example/x.css>based",
    "<img src=\"https://evil.example/pixel.gif\" alt=\"a pixel\">",
    "</article></main></body></html><script>alert(1)</script>out of the frame",
    "<details open ontoggle=alert(1)><summary>sum</summary>inside</details>",
    "<math><mi xlink:href=\"javascript:alert(1)\">m</mi></math>",
    "<p id=main>same id</p><p id=main>again</p><a name=q>q</a>",
    "<h1>top</h1><h5>deep</h5><table><tr><td colspan=9999999 rowspan=99>wide</table>",
    "<b><i><u>unclosed <li>item <td>cell <p>par",
    "<!-- comment <script>alert(1)</script> never closed",
    "\"><script>alert(1)</script>",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "<div>" * 3000 + "the bottom of it" + "</div>" * 3000,
    "<video autoplay src=\"https://evil.example/x.mp4\" onloadstart=alert(1)></video>",
]
SCRIPTS = {
    "Der Garten im Frühling": "Heute blühten die Äpfel, und Straßenmusik klang über den Zaun.",
    "妹妹和相册": "今天我们在花园里看老照片，下了一点小雨。",
    "桜の季節": "公園で写真を撮りました。とても楽しかったです。",
    "حديقة البيت": "جلسنا في الحديقة وتحدثنا عن المطر والذكريات القديمة.",
    "הגינה שלנו": "ישבנו בגינה ודיברנו על הגשם.",
    "Весенний сад": "Сегодня мы сажали яблони и слушали дождь.",
    "บ้านสวน": "วันนี้เราไปเดินเล่นในสวนและถ่ายรูป",
    "தோட்டம்": "இன்று தோட்டத்தில் மழை பெய்தது.",
    "Ο κήπος": "Σήμερα φυτέψαμε μηλιές στον κήπο της Αθηνάς.",
    "정원": "오늘은 정원에서 사진을 찍었습니다.",
    "🌻 + 🐝 = 🍯": "The bees 🐝🐝 came early. 👩‍👩‍👧‍👦 watched.",
    "Naïve café – façade": "Crème brûlée, ångström, Łódź, đồng.",
}
LONG = """## The first morning

We had **forgotten** the *train tickets*, see [the map](https://example.org/map?a=1&b=2).

| what | how much |
|:-----|---------:|
| jam  | 12       |
| bread| 3        |

- [x] pack the camera
- [ ] write to grandmother

```python
for i in range(3):
    print(f"{i} < 4 & 'done'")
```

> A quiet place by the lake.[^1]

![the lake](2024/lake.png)

[^1]: It still is.
"""


def png(width, height, colour):
    """A plain picture, so that previews have something to shrink."""
    rows = b""
    for y in range(height):
        rows += b"\0" + bytes(
            part for x in range(width)
            for part in ((colour[0] + x) % 256, (colour[1] + y) % 256, colour[2]))

    def chunk(kind, body):
        return (struct.pack(">I", len(body)) + kind + body
                + struct.pack(">I", zlib.crc32(kind + body)))
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows))
            + chunk(b"IEND", b""))


CONFIG = """version = 1
[repository.main]
destinations = ["disk"]
key = { file = "perdure.key" }
[destination.disk]
type = "local"
path = "backups"
[source.garden]
type = "sqlite"
path = "garden.db"
media = "media"
[source.garden.records.memory]
table = "memories"
title = "title"
body = "content"
body_format = "markdown"
created = "created_at"
updated = "updated_at"
project = "project"
category = "category"
collection = "collection"
tags = "tagging(memory_id).tag"
media = "media(memory_id).path"
[source.garden.records.story]
table = "stories"
title = "title"
body = "content"
body_format = "html"
created = "created_at"
[source.garden.records.note]
table = "notes"
"""


def make(folder):
    """garden.db, media/ and perdure.toml in `folder`; returns how many records there are."""
    database = sqlite3.connect(folder / "garden.db")
    database.executescript("""
        CREATE TABLE memories (id INTEGER PRIMARY KEY, title TEXT, content, created_at TEXT,
          updated_at TEXT, project TEXT, category TEXT, collection TEXT, rating REAL, photo BLOB);
        CREATE TABLE stories (id INTEGER PRIMARY KEY, title TEXT, content, created_at TEXT);
        CREATE TABLE tagging (memory_id INTEGER REFERENCES memories(id), tag TEXT);
        CREATE TABLE media (id INTEGER PRIMARY KEY, memory_id INTEGER REFERENCES memories(id),
          path TEXT);
        CREATE TABLE notes (a TEXT, b TEXT, "odd ""name" TEXT, PRIMARY KEY (a, b));""")
    rows = []
    for title, body in SCRIPTS.items():
        rows.append((title, body, "text"))
    rows.append(("A walk by the lake", LONG, "markdown"))
    for body in HOSTILE:
        rows.append((f"Hostile <b>{len(rows)}</b> \" ' &", body, "html"))
        rows.append((f"Hostile in Markdown {len(rows)}", body, "markdown"))
    rows.append(("x" * 300, "long title", "text"))
    rows.append((None, None, None))
    rows.append(("NUL and more", "a\0b\x1b[31m\ufffe\u2028end", "text"))
    for number, (title, body, form) in enumerate(rows, 1):
        if form == "html":
            database.execute("INSERT INTO stories VALUES (?,?,?,?)",
                             (number, title, body, f"2020-02-{number % 28 + 1:02}"))
            continue
        day = f"{2019 + number % 6}-{number % 12 + 1:02}-{number % 27 + 1:02}"
        day += f"T08:{number % 60:02}:00Z"
        database.execute("INSERT INTO memories VALUES (?,?,?,?,?,?,?,?,?,?)", (
            number, title, body, day if number % 9 else None, day,
            f"project {number % 3}", ["home", "Ärger & <Glück>", "旅行"][number % 3],
            ["Summer", "index", "../../etc", None, "con"][number % 5],
            number / 7, bytes(range(40)) if number % 11 == 0 else None))
        for tag in {"garden", f"tag {number % 4}", "<script>", "index", "Über", "über"}:
            database.execute("INSERT INTO tagging VALUES (?,?)", (number, tag))
    database.execute("INSERT INTO notes VALUES ('a/b', 'c', 'one'), ('a', 'b/c', 'two'), "
                     "('A', 'x', NULL)")
    database.execute("INSERT INTO memories (id, title, content) VALUES "
                     "(900, 'Bad bytes', CAST(X'62616420FF20656E64' AS TEXT))")
    media = folder / "media" / "2024"
    media.mkdir(parents=True)
    (media / "lake.png").write_bytes(png(900, 600, (40, 110, 160)))
    (media / "garten größe.png").write_bytes(png(500, 700, (90, 140, 60)))
    (media / "evil.svg").write_text(
        "<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>")
    (media / "evil.html").write_text("<script>alert(1)</script>")
    (media / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nnothing")
    for number, path in enumerate(["2024/lake.png", "2024/garten größe.png", "2024/evil.svg",
                                   "2024/evil.html", "2024/broken.png", "2024/missing.png"]):
        database.execute("INSERT INTO media VALUES (?,?,?)", (number + 1, 13, path))
    database.execute("INSERT INTO media VALUES (10, 1, '2024/lake.png')")
    database.commit()
    database.close()
    (folder / "perdure.toml").write_text(CONFIG)
    return len(rows) + 4
