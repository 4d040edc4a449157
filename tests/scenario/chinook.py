"""Real generations of one database, and what sqlite3 alone says of their rows."""
import shutil
import sqlite3

import stage


def versions():
    folder = stage.DATA / "versions" / "chinook-sqlite"
    found = sorted(folder.glob("*/*.sqlite"))
    if not found:
        raise stage.Skip(f"no real data at {folder}")
    return found


def backed_up(place):
    """The generations, each backed up in turn from one live file: snapshot v0, v1, …"""
    found = versions()
    live = place.work / "chinook.sqlite"
    place.repository(app=live)
    for number, version in enumerate(found):
        shutil.copy(version, live)
        place.good("backup", "--tag", f"v{number}")
    return found


def read(path):
    """table → (primary key columns, {key: {column: value}}), by sqlite3 alone."""
    out = {}
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as connection:
        connection.text_factory = lambda raw: raw.decode(errors="surrogateescape")
        names = [row[0] for row in connection.execute(
            "SELECT name FROM sqlite_schema WHERE type = 'table'")]
        for name in names:
            quoted = '"' + name.replace('"', '""') + '"'
            columns = connection.execute(f"PRAGMA table_info({quoted})").fetchall()
            keys = [c[1] for c in sorted((c for c in columns if c[5]), key=lambda c: c[5])]
            cursor = connection.execute(f"SELECT rowid, * FROM {quoted}")
            fields = [c[0] for c in cursor.description][1:]
            rows = {}
            for rowid, *values in cursor:
                row = dict(zip(fields, values))
                rows[tuple(row[k] for k in keys) if keys else rowid] = row
            out[name] = (keys, rows)
    return out
