#!/usr/bin/env python3
"""Single records come back into a running application: by plan, or not at all, and undone again."""
import json
import shutil
import sqlite3
import subprocess
import sys
import threading

import stage

MAPPED = """
[source.app.records.memory]
table = "memories"
title = "title"
body = "content"
created = "created"
updated = "updated"
category = "category"
tags = "memory_tags(memory_id, tag_id) -> tags.name"
"""
SCHEMA = """
PRAGMA journal_mode = WAL;
CREATE TABLE users(id INTEGER PRIMARY KEY, name TEXT UNIQUE NOT NULL);
CREATE TABLE memories(id INTEGER PRIMARY KEY, owner INTEGER REFERENCES users(id), title TEXT,
  content TEXT, category TEXT, created TEXT, updated TEXT);
CREATE TABLE tags(id INTEGER PRIMARY KEY, name TEXT);
CREATE TABLE memory_tags(memory_id INTEGER REFERENCES memories(id),
  tag_id INTEGER REFERENCES tags(id), PRIMARY KEY(memory_id, tag_id)) WITHOUT ROWID;
CREATE TABLE audit(at INTEGER PRIMARY KEY, what TEXT);
CREATE VIRTUAL TABLE memories_fts USING fts5(title, content, content='memories',
  content_rowid='id');
CREATE TRIGGER ai AFTER INSERT ON memories BEGIN
  INSERT INTO memories_fts(rowid, title, content) VALUES(new.id, new.title, new.content);
  INSERT INTO audit(what) VALUES('insert ' || new.id); END;
CREATE TRIGGER ad AFTER DELETE ON memories BEGIN
  INSERT INTO memories_fts(memories_fts, rowid, title, content)
    VALUES('delete', old.id, old.title, old.content);
  INSERT INTO audit(what) VALUES('delete ' || old.id); END;
CREATE TRIGGER au AFTER UPDATE ON memories BEGIN
  INSERT INTO memories_fts(memories_fts, rowid, title, content)
    VALUES('delete', old.id, old.title, old.content);
  INSERT INTO memories_fts(rowid, title, content) VALUES(new.id, new.title, new.content); END;
"""


def application(place, memories=40):
    path = place.work / "app.db"
    with sqlite3.connect(path) as db:
        db.executescript(SCHEMA)
        db.executemany("INSERT INTO users VALUES(?, ?)", [(i, f"user{i}") for i in range(1, 6)])
        db.executemany("INSERT INTO tags VALUES(?, ?)", [(1, "alps"), (2, "sea")])
        db.executemany("INSERT INTO memories VALUES(?, ?, ?, ?, ?, ?, ?)", [
            (i, i % 5 + 1, f"title {i}", f"text of {i}", "travel" if i % 2 else "home",
             f"2024-01-{i % 28 + 1:02}T00:00:00Z", f"2024-02-{i % 28 + 1:02}T00:00:00Z")
            for i in range(1, memories + 1)])
        db.executemany("INSERT INTO memory_tags VALUES(?, ?)",
                       [(i, i % 2 + 1) for i in range(1, memories + 1)])
    db.close()
    place.repository(app=path)
    config = place.work / "perdure.toml"
    config.write_text(config.read_text() + MAPPED)
    place.good("backup")
    return path


def change(path, sql):
    db = sqlite3.connect(path)
    with db:
        db.executescript("PRAGMA foreign_keys = OFF;" + sql)
    db.close()


def rows(path, table):
    db = sqlite3.connect(path)
    found = db.execute(f"SELECT * FROM {table} ORDER BY 1, 2").fetchall()
    db.close()
    return found


def sound(path):
    db = sqlite3.connect(path)
    assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert db.execute("PRAGMA foreign_key_check").fetchall() == []
    db.execute("INSERT INTO memories_fts(memories_fts, rank) VALUES('integrity-check', 1)")
    db.rollback()
    db.close()


def plan(place, *words):
    summary = place.good("restore", "plan", *words, "--json").summary
    return summary


def claim_a_deleted_record_comes_back_with_what_it_needs(place):
    path = application(place)
    wanted = stage.sqlite_dump(path)
    change(path, "DELETE FROM memory_tags WHERE memory_id = 7; DELETE FROM tags WHERE id = 2;"
                 "DELETE FROM memories WHERE id = 7; DELETE FROM users WHERE id = 3;")
    audit = rows(path, "audit")
    text = place.good("restore", "plan", "latest", "app:memory/7").out
    assert "app:users/3" in text and "memories.owner refers to it" in text, text
    assert "app:tags/2" in text and "3 created" not in text and "4 created" in text, text
    ran = place.good("restore", "latest", "app:memory/7", "--to", "live", "--confirm", "app")
    assert "restore undo" in ran.out, ran
    assert rows(path, "audit") == audit, "a trigger fired again"
    change(path, "DELETE FROM audit")
    now = stage.sqlite_dump(path)
    now[b"audit"] = wanted[b"audit"] = []
    assert {k: v for k, v in now.items() if b"fts" not in str(k).encode()} == \
        {k: v for k, v in wanted.items() if b"fts" not in str(k).encode()}
    sound(path)


def claim_a_plan_changes_nothing_and_says_what_each_strategy_would_do(place):
    path = application(place)
    change(path, "UPDATE memories SET title = 'edited', updated = '2025-01-01T00:00:00Z' "
                 "WHERE id = 1;"
                 "UPDATE memories SET title = 'damaged', updated = '2023-01-01T00:00:00Z' "
                 "WHERE id = 2;")
    before = stage.fingerprint(place.work / "backups"), rows(path, "memories")
    verdicts = {}
    for strategy in ("keep-newer", "keep-older", "keep-oldest", "keep-both", "skip", "overwrite"):
        ran = place.good("restore", "plan", "latest", "app:memory", "--merge-strategy", strategy,
                         "--json")
        verdicts[strategy] = {e["item"]["record"]: e["item"]["decision"] for e in ran.events
                              if e["type"] == "item"}
    one, two = "app:memory/1", "app:memory/2"
    assert verdicts == {
        "keep-newer": {one: "keep", two: "replace"},
        "keep-older": {one: "keep", two: "keep"},
        "keep-oldest": {one: "replace", two: "keep"},
        "keep-both": {one: "duplicate", two: "duplicate"},
        "skip": {one: "skip", two: "skip"},
        "overwrite": {one: "replace", two: "replace"}}, verdicts
    assert (stage.fingerprint(place.work / "backups"), rows(path, "memories")) == before


def claim_keep_both_brings_it_back_beside_with_its_links_and_only_once(place):
    path = application(place)
    change(path, "UPDATE memories SET content = 'edited' WHERE id = 4")
    words = ("restore", "latest", "app:memory/4", "--to", "live", "--merge-strategy", "keep-both",
             "--confirm", "app")
    place.good(*words)
    twin = [row for row in rows(path, "memories") if row[2] == "title 4 (imported)"]
    assert len(twin) == 1 and twin[0][3] == "text of 4", twin
    assert (twin[0][0], 1) in rows(path, "memory_tags"), "its tag was not linked"
    sound(path)
    again = place.good(*words, "--json").summary
    assert again["written"] == 0 and len(rows(path, "memories")) == 41, again


def claim_filters_choose_as_in_an_export(place):
    path = application(place)
    change(path, "DELETE FROM memory_tags; DELETE FROM memories;")
    summary = plan(place, "latest", "app:memory", "--category", "travel", "--since", "2024-01-10")
    expected = sum(1 for i in range(1, 41) if i % 2 and i % 28 + 1 >= 10)
    tables = {t["type"]: t for t in summary["plan_summary"]["sources"][0]["tables"]}
    assert tables["memory"]["create"] == expected, tables
    where = plan(place, "latest", "app:memory", "--where", 
                 "id in ('3', '5') and tags contains 'sea'")
    assert where["writes"] == 4, where["plan_summary"]


def claim_a_plan_is_refused_when_a_chosen_record_changed_and_only_then(place):
    path = application(place)
    change(path, "UPDATE memories SET title = 'x' WHERE id IN (1, 2)")
    overwrite = ("--merge-strategy", "overwrite")
    plan(place, "latest", "app:memory/1", *overwrite, "-o", "plan.json")
    change(path, "UPDATE memories SET title = 'y' WHERE id = 2; INSERT INTO tags VALUES(9, 'n')")
    assert place.run("restore", "apply", "plan.json").code == 17
    place.good("restore", "apply", "plan.json", "--confirm", "app")
    plan(place, "latest", "app:memory/2", *overwrite, "-o", "plan.json")
    change(path, "UPDATE memories SET content = 'z' WHERE id = 2")
    before = rows(path, "memories")
    ran = place.run("restore", "apply", "plan.json", "--confirm", "app")
    assert ran.code == 15 and "stale" in ran.err and rows(path, "memories") == before, ran
    ran = place.run("restore", "undo", "1", "--confirm", "app")
    assert ran.code == 2, ran


def claim_only_the_overrides_of_a_plan_may_be_edited(place):
    path = application(place)
    change(path, "UPDATE memories SET title = 'x' WHERE id IN (1, 2, 3)")
    plan(place, "latest", "app:memory", "--merge-strategy", "overwrite", "-o", "plan.json")
    file = place.work / "plan.json"
    text = file.read_text()
    assert json.loads(text)["perdure_plan"] == 1, "a plan is JSON"
    file.write_text(text.replace('"title 2"', '"title Z"', 1))
    ran = place.run("restore", "apply", file, "--confirm", "app")
    assert ran.code == 15 and "overrides" in ran.err, ran
    edited = text.replace('"overrides": {}', '"overrides": {\n  "app:memory/2": "keep",\n'
                          '  "app:memory/3": "skip"\n}')
    file.write_text(edited.replace('"keep"', '"kep"'))
    ran = place.run("restore", "apply", file, "--confirm", "app")
    assert ran.code == 2 and "keep" in ran.err, ran
    file.write_text(edited)
    place.good("restore", "apply", file, "--confirm", "app")
    titles = dict((row[0], row[2]) for row in rows(path, "memories"))
    assert (titles[1], titles[2], titles[3]) == ("title 1", "x", "x"), titles
    sound(path)


def claim_undo_gives_back_what_was_there_and_keeps_later_work(place):
    path = application(place)
    change(path, "UPDATE memories SET title = 'mine', content = 'mine' WHERE id = 1;"
                 "DELETE FROM memory_tags WHERE memory_id = 2; DELETE FROM memories WHERE id = 2;")
    before = rows(path, "memories"), rows(path, "memory_tags")
    run = place.good("restore", "latest", "app:memory/1", "app:memory/2", "--to", "live",
                     "--merge-strategy", "overwrite", "--confirm", "app", "--json").summary["run"]
    restored = rows(path, "memories")
    change(path, "UPDATE memories SET category = 'later' WHERE id = 1;"
                 "INSERT INTO memories(id, title) VALUES(99, 'later');")
    preview = place.good("restore", "undo", run, "--dry-run", "--json").summary
    assert (preview["back"], preview["merged"], preview["kept"]) == (2, 1, 0), preview
    undone = place.good("restore", "undo", run, "--confirm", "app", "--json").summary
    now = {row[0]: row for row in rows(path, "memories")}
    assert now.pop(99)[2] == "later" and now[1][4] == "later", now
    now[1] = now[1][:4] + (before[0][0][4],) + now[1][5:]
    assert sorted(now.values()) == before[0] and rows(path, "memory_tags") == before[1]
    sound(path)
    change(path, "UPDATE memories SET category = 'home' WHERE id = 1;")
    assert place.run("restore", "undo", run, "--confirm", "app").code == 15, "undone twice"
    place.good("restore", "undo", undone["run"], "--confirm", "app")
    titles = [row[2:4] for row in rows(path, "memories") if row[0] in (1, 2)]
    assert titles == [row[2:4] for row in restored if row[0] in (1, 2)], "undo of the undo"
    sound(path)


def claim_undo_says_what_has_to_stay_before_it_acts(place):
    path = application(place)
    change(path, "UPDATE memories SET title = 'mine' WHERE id IN (1, 2)")
    run = place.good("restore", "latest", "app:memory/1", "app:memory/2", "--to", "live",
                     "--merge-strategy", "overwrite", "--confirm", "app", "--json").summary["run"]
    change(path, "UPDATE memories SET title = 'later' WHERE id = 1")
    before = rows(path, "memories")
    ran = place.run("restore", "undo", run, "--confirm", "app")
    assert ran.code == 15 and "app:memory/1" in ran.err and "title was changed" in ran.err, ran
    assert rows(path, "memories") == before
    ran = place.good("restore", "undo", run, "--partly", "--confirm", "app", code=3)
    titles = dict((row[0], row[2]) for row in rows(path, "memories"))
    assert (titles[1], titles[2]) == ("later", "mine"), titles


def claim_delete_removes_only_when_asked_and_never_on_a_part_of_the_truth(place):
    path = application(place)
    change(path, "INSERT INTO memories(id, title) VALUES(50, 'new')")
    text = place.good("restore", "plan", "latest", "app").out
    assert "--delete would remove" in text, text
    place.good("restore", "latest", "app:memory", "--to", "live", "--delete", "--confirm", "app")
    assert len(rows(path, "memories")) == 40
    sound(path)


def claim_a_taken_name_blocks_one_record_and_says_whose_it_is(place):
    path = application(place)
    change(path, "UPDATE users SET name = 'gone' WHERE id = 1; DELETE FROM users WHERE id = 2;"
                 "UPDATE users SET name = 'user2' WHERE id = 3;")
    ran = place.good("restore", "plan", "latest", "app:users/2", code=3)
    assert 'name "user2" belongs to app:users/3' in ran.out, ran


def claim_writers_go_on_while_records_come_back(place):
    path = application(place, memories=3000)
    change(path, "DELETE FROM memory_tags; DELETE FROM memories;")
    stop, failures, written = threading.Event(), [], []

    def write(number):
        db = sqlite3.connect(path, timeout=60, isolation_level=None)
        try:
            while not stop.is_set():
                db.execute("INSERT INTO audit(what) VALUES(?)", (f"writer {number}",))
                written.append(number)
        except sqlite3.Error as error:
            failures.append(error)
        db.close()

    writers = [threading.Thread(target=write, args=(number,)) for number in range(3)]
    for writer in writers:
        writer.start()
    try:
        place.good("restore", "latest", "app:memory", "--to", "live", "--confirm", "app")
    finally:
        stop.set()
        for writer in writers:
            writer.join()
    assert not failures, failures
    assert len(rows(path, "memories")) == 3000
    assert sum(1 for row in rows(path, "audit") if row[1].startswith("writer")) == len(written)
    sound(path)


def claim_hostile_names_are_only_names(place):
    path = place.work / "odd.db"
    name = 'x"; DROP TABLE keep; --'
    quoted = name.replace('"', '""')
    with sqlite3.connect(path) as db:
        db.executescript(f'''CREATE TABLE keep(id INTEGER PRIMARY KEY);
            INSERT INTO keep VALUES(1);
            CREATE TABLE "{quoted}"("a'); DROP TABLE keep; --" TEXT PRIMARY KEY, "select" BLOB);
            INSERT INTO "{quoted}" VALUES('k/1; --', x'00'), ('{{}}', NULL);''')
    db.close()
    place.repository(odd=path)
    place.good("backup")
    wanted = stage.sqlite_dump(path)
    change(path, f'DELETE FROM "{quoted}"')
    place.good("restore", "latest", f'odd:"{quoted}"/k/1; --', "--to", "live", "--confirm", "odd")
    place.good("restore", "latest", f'odd:"{quoted}"', "--to", "live", "--confirm", "odd")
    assert stage.sqlite_dump(path) == wanted


def claim_wrong_words_are_answered_with_the_nearest(place):
    application(place)
    for words, hint in ((["app:memori"], "memory"), (["ap"], '"app"'),
                        (["app:memory/4711"], "no such record"),
                        (["app:memory", "--merge-strategy", "keep-newest"], "keep-newer"),
                        (["app:memory", "--map-column", "memories.nix=title"], "no such column")):
        ran = place.run("restore", "plan", "latest", *words)
        assert ran.code == 2 and hint in ran.err, ran


def claim_generations_of_a_real_application_meet(place):
    folder = stage.DATA / "versions" / "memos-sqlite"
    if not folder.exists():
        raise stage.Skip(f"no real data at {folder}")
    path = place.work / "memos.db"

    def generation(version):
        shutil.copy(folder / version / "memos_demo.db", path)
        path.chmod(0o644)
        return dict((row[0], row) for row in rows(path, "memo"))

    old = generation("v0.10.0")
    place.repository(memos=path)
    place.good("backup")
    now = generation("v0.18.0")
    overwrite = ("--merge-strategy", "overwrite")
    ran = place.good("restore", "plan", "latest", "memos", *overwrite, code=3)
    assert "user: column open_id is gone" in ran.out and "nowhere to go" in ran.out, ran
    assert "--map-column user.open_id=" in ran.out, ran
    assert "user: column avatar_url is new" in ran.out, ran
    place.good("restore", "latest", "memos:memo", *overwrite, "--to", "live", "--confirm", "memos")
    assert dict((row[0], row) for row in rows(path, "memo")) == {**old, **now}

    old = generation("v0.18.0")
    place.good("backup")
    now = generation("v0.22.0")
    change(path, "DELETE FROM memo WHERE id = 2; UPDATE memo SET content = 'x' WHERE id = 1")
    ran = place.good("restore", "plan", "latest", "memos:memo", *overwrite, code=3)
    assert "column uid is new" in ran.out and "no default" in ran.out, ran
    place.good("restore", "latest", "memos:memo/1", *overwrite, "--to", "live", "--confirm",
               "memos")
    back = dict((row[0], row) for row in rows(path, "memo"))
    assert back[1] == now[1][:6] + (old[1][5],) + now[1][7:], "content came, uid stayed"


def claim_a_renamed_column_is_found_by_its_values(place):
    path = place.work / "plants.db"
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE plant(id INTEGER PRIMARY KEY, latin TEXT, note TEXT)")
        db.executemany("INSERT INTO plant VALUES(?, ?, ?)",
                       [(i, f"species {i}", f"note {i}") for i in range(20)])
    db.close()
    place.repository(plants=path)
    place.good("backup")
    change(path, "ALTER TABLE plant RENAME COLUMN latin TO scientific_name; "
                 "DELETE FROM plant WHERE id < 3")
    ran = place.good("restore", "plan", "latest", "plants")
    assert "column latin is now scientific_name" in ran.out, ran
    place.good("restore", "latest", "plants", "--to", "live", "--confirm", "plants")
    assert rows(path, "plant")[:3] == [(i, f"species {i}", f"note {i}") for i in range(3)]


def claim_real_databases_come_back_record_by_record(place):
    names = {"chinook": "chinook/Chinook_Sqlite.sqlite", "northwind": "northwind/northwind.sqlite"}
    sources = {}
    for name, file in names.items():
        sources[name] = place.work / f"{name}.db"
        shutil.copy(stage.real_database(file), sources[name])
        sources[name].chmod(0o644)
    place.repository(**sources)
    place.good("backup")
    wanted = {name: stage.sqlite_dump(path) for name, path in sources.items()}
    change(sources["chinook"], "DELETE FROM InvoiceLine WHERE InvoiceId < 30;"
                               "DELETE FROM Invoice WHERE InvoiceId < 30;"
                               "UPDATE Track SET Name = upper(Name), UnitPrice = 9 "
                               "WHERE TrackId % 7 = 0; DELETE FROM PlaylistTrack;")
    change(sources["northwind"], "UPDATE Customers SET CompanyName = 'x';")
    ran = place.good("restore", "latest", "--to", "live", "--merge-strategy", "overwrite",
                     "--confirm", "chinook,northwind", "--json")
    for name, path in sources.items():
        assert stage.sqlite_dump(path) == wanted[name], f"{name} differs"
    report = ran.summary["report"]
    checked = place.good("verify-report", report)
    assert "restore" in checked.out, checked


stage.main(globals())
