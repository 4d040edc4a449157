#!/usr/bin/env python3
"""Backups of an older application come back into a newer one: planned, applied and undone between
every two neighbouring generations of two real applications, and from the first to the last.

The oracle is Python's sqlite3 on both files: what was carried over equals the old values, what is
new stays as it was, nothing else moves, and an undo gives back the newer database, value by value.
"""
import re
import shutil
import sqlite3

import stage


def generations(name):
    folder = stage.DATA / "versions" / name
    if not folder.exists():
        raise stage.Skip(f"no real data at {folder}")

    def order(path):
        return [int(part) for part in re.findall(r"\d+", path.name)]
    found = sorted((path for path in folder.iterdir() if path.is_dir()), key=order)
    files = [next(path for path in folder.iterdir()
                  if path.suffix in (".db", ".sqlite")) for folder in found]
    assert len(files) > 5, files
    return files


def unique_columns(db, quoted, info):
    """Without a primary key, rows are known by a unique index over columns that are never empty."""
    never_empty = {row[1] for row in info if row[3]}
    for index in db.execute(f"PRAGMA index_list({quoted})").fetchall():
        names = [row[2] for row in db.execute('PRAGMA index_info("' + index[1].decode() + '")')]
        if index[2] and set(names) <= never_empty:
            return [name.decode() for name in names]
    return []


def content(path, like=None):
    """Table → (columns, key columns, {key: row}); columns that are computed are left out. With
    `like`, the keys are those of another generation."""
    db = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    db.text_factory = bytes
    out = {}
    for (table,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table' AND "
                               "name NOT LIKE 'sqlite_%'").fetchall():
        quoted = '"' + table.decode().replace('"', '""') + '"'
        info = [row for row in db.execute(f"PRAGMA table_xinfo({quoted})") if row[6] == 0]
        columns = [row[1].decode() for row in info]
        keys = [row[1].decode() for row in sorted(info, key=lambda row: row[5]) if row[5]]
        keys = keys or unique_columns(db, quoted, info)
        if like and table.decode() in like and set(like[table.decode()][1]) <= set(columns):
            keys = like[table.decode()][1]
        names = ", ".join('"' + column + '"' for column in columns)
        rows = db.execute(f"SELECT rowid, {names} FROM {quoted}").fetchall()
        out[table.decode()] = columns, keys, {
            tuple(row[1 + columns.index(key)] for key in keys) if keys else row[0]:
                dict(zip(columns, row[1:])) for row in rows}
    faults = len(db.execute("PRAGMA foreign_key_check").fetchall())
    assert db.execute("PRAGMA integrity_check").fetchall() == [(b"ok",)]
    db.close()
    return out, faults


def carried(summary):
    """Tables that the plan refuses altogether, those that take no new rows, renamed columns."""
    refused, no_new, renamed = set(), set(), {}
    for source in summary["plan_summary"]["sources"]:
        for one in source["schema_differences"]:
            if one["refused"]:
                only_new = "rows that are there can be" in one["consequence"]
                (no_new if only_new else refused).add(one["table"])
            found = re.fullmatch(r"column (\S+) is now (\S+)", one["what"])
            if found:
                renamed[one["table"], found[1]] = found[2]
    return refused, no_new, renamed


def check_step(place, older, newer):
    """Backup of `older`, restored over `newer` with overwrite, then undone."""
    live = place.work / "app.db"
    shutil.copyfile(older, live)
    place.good("backup", "--quiet")
    shutil.copyfile(newer, live)
    before, faults = content(live)
    then, _ = content(older, like=before)
    ran = place.run("restore", "plan", "latest", "app", "--merge-strategy", "overwrite", "-o",
                    "plan.json", "--json")
    plan = ran.summary
    stays = any(table["blocked"] for source in plan["plan_summary"]["sources"]
                for table in source.get("tables", []))
    assert ran.code == (3 if stays else 0), ran
    blocked = {event["item"]["record"] for event in ran.events
               if event["type"] == "item" and event["item"]["finding"] == "blocked"}

    def stopped(table, key):
        """The plan named the row and the reason why it cannot be written."""
        text = "/".join(str(part.decode() if isinstance(part, bytes) else part)
                        for part in (key if isinstance(key, tuple) else (key,)))
        return f"app:{table}/{text}" in blocked
    assert content(live)[0] == before, "a plan wrote"
    refused, no_new, renamed = carried(plan)
    ran = place.run("restore", "apply", "plan.json", "--confirm", "app", "--json")
    if ran.code == 15:  # only where references would break, and then nothing happened
        assert "point to nothing" in ran.err, ran
        assert content(live)[0] == before
        return "refused"
    assert ran.code == (3 if stays else 0), ran
    now, faults_now = content(live)
    assert faults_now <= faults, f"{faults_now} references dangle, {faults} did before"
    for table, (columns, keys, rows) in before.items():
        old_columns, _, old_rows = then.get(table, ([], [], {}))
        for key, row in now[table][2].items():
            want = dict(rows.get(key) or row)
            if table not in refused and key in old_rows and not stopped(table, key):
                for column in old_columns:
                    there = renamed.get((table, column), column)
                    if there in columns:
                        want[there] = old_rows[key][column]
            assert row == want, f"{table} {key}: {row} instead of {want}"
        assert set(rows) <= set(now[table][2]), f"{table} lost rows"
        if table not in refused and table not in no_new:
            lost = [key for key in set(old_rows) - set(now[table][2]) if not stopped(table, key)]
            assert not lost, f"{table}: {lost} did not come back, and no plan said so"
    written = ran.summary["written"]
    if written:
        place.good("restore", "undo", ran.summary["run"], "--confirm", "app")
        assert content(live)[0] == before, "the undo did not give back the newer database"
    return f"{written} written, {len(blocked)} blocked, {len(refused)} tables refused"


def every_step(place, name):
    files = generations(name)
    shutil.copyfile(files[0], place.work / "app.db")
    place.repository(app=place.work / "app.db")
    pairs = list(zip(files, files[1:])) + [(files[0], files[-1])]
    outcomes = []
    for older, newer in pairs:
        try:
            outcomes.append(check_step(place, older, newer))
        except AssertionError as error:
            raise AssertionError(f"{older.parent.name} → {newer.parent.name}: {error}") from error
        print(f"       {older.parent.name} → {newer.parent.name}: {outcomes[-1]}", flush=True)
    assert sum("written" in outcome and not outcome.startswith("0") for outcome in outcomes) >= 5, \
        outcomes


def claim_every_generation_of_memos_takes_the_one_before(place):
    every_step(place, "memos-sqlite")


def claim_every_generation_of_chinook_takes_the_one_before(place):
    every_step(place, "chinook-sqlite")


stage.main(globals())
