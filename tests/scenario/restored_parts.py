#!/usr/bin/env python3
"""A part of a database comes back into a folder of its own, whole in itself; media come back with
the records that name them, in place as well."""
import json
import sqlite3

import stage

SCHEMA = """
CREATE TABLE users(id INTEGER PRIMARY KEY, name TEXT);
CREATE TABLE plants(id INTEGER PRIMARY KEY AUTOINCREMENT, owner INTEGER REFERENCES users(id),
  name TEXT, place TEXT, created TEXT, updated TEXT);
CREATE TABLE photos(id INTEGER PRIMARY KEY, plant_id INTEGER REFERENCES plants(id), path TEXT);
CREATE TABLE unrelated(id INTEGER PRIMARY KEY, x);
CREATE INDEX by_place ON plants(place);
CREATE VIEW balcony AS SELECT * FROM plants WHERE place = 'balcony';
CREATE TABLE audit(what TEXT);
CREATE TRIGGER planted AFTER INSERT ON plants BEGIN INSERT INTO audit VALUES(new.name); END;
CREATE VIRTUAL TABLE plant_text USING fts5(name, content='plants', content_rowid='id');
"""
MAPPED = """
media = "{media}"
[source.app.records.plant]
table = "plants"
title = "name"
category = "place"
created = "created"
updated = "updated"
media = "photos(plant_id).path"
"""


def garden(place):
    path, media = place.work / "app.db", place.work / "media"
    (media / "2024").mkdir(parents=True)
    with sqlite3.connect(path) as db:
        db.executescript(SCHEMA)
        for user in range(1, 6):
            db.execute("INSERT INTO users VALUES(?, ?)", (user, f"user {user}"))
        for plant in range(1, 31):
            db.execute("INSERT INTO plants VALUES(?, ?, ?, ?, ?, ?)",
                       (plant, plant % 5 + 1, f"plant {plant}",
                        "balcony" if plant % 3 == 0 else "garden", "2024-03-01T00:00:00Z",
                        "2024-03-02T00:00:00Z"))
            db.execute("INSERT INTO plant_text(rowid, name) VALUES(?, ?)",
                       (plant, f"plant {plant}"))
            db.execute("INSERT INTO photos VALUES(?, ?, ?)",
                       (plant, plant, f"media/2024/{plant}.jpg"))
            (media / "2024" / f"{plant}.jpg").write_bytes(f"photo {plant} ".encode() * 500)
        db.execute("INSERT INTO unrelated VALUES(1, 'x')")
    db.close()
    place.repository(app=path)
    config = place.work / "perdure.toml"
    config.write_text(config.read_text() + MAPPED.format(media=media))
    place.good("backup")
    return path, media


def rows(path, sql):
    db = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    found = db.execute(sql).fetchall()
    db.close()
    return found


def change(path, sql):
    db = sqlite3.connect(path)
    with db:
        db.executescript(sql)
    db.close()


def sound(path):
    db = sqlite3.connect(path)
    assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert db.execute("PRAGMA foreign_key_check").fetchall() == []
    db.execute("INSERT INTO plant_text(plant_text, rank) VALUES('integrity-check', 1)")
    db.rollback()
    db.close()


def claim_a_part_comes_into_a_new_folder_with_all_it_needs(place):
    path, _ = garden(place)
    ran = place.good("restore", "latest", "app:plant", "--where", "category = 'balcony'", "--to",
                     "part", "--json")
    copy = place.work / "part" / "app" / "app.db"
    sound(copy)
    for table, wanted in {"plants": "SELECT * FROM plants WHERE place = 'balcony'",
                          "photos": "SELECT * FROM photos WHERE plant_id % 3 = 0",
                          "users": "SELECT * FROM users", "unrelated": "SELECT 1 WHERE 0",
                          "audit": "SELECT 1 WHERE 0"}.items():
        assert rows(copy, f"SELECT * FROM {table}") == rows(path, wanted), table
    schema = "SELECT type, name, sql FROM sqlite_schema ORDER BY name"
    assert rows(copy, schema) == rows(path, schema), "the schema is another one"
    assert rows(copy, "SELECT rowid FROM plant_text WHERE plant_text MATCH 'plant'") == \
        rows(path, "SELECT id FROM plants WHERE place = 'balcony' ORDER BY id")
    names = sorted(file.name for file in (place.work / "part/app/media/2024").iterdir())
    assert names == sorted(f"{n}.jpg" for n in range(3, 31, 3)), names
    source = ran.summary["sources"][0]
    assert len(source["digest"]) == 64, source
    assert {t["table"]: t["needed"] for t in source["tables"]}["users"] == 5, source
    assert not list((place.work / "part").glob(".perdure*")), "something was left behind"
    text = place.good("restore", "latest", "app:plants/4", "--to", "one").out
    assert "needed: others refer to them" in text and "equal to the snapshot's rows" in text, text
    assert rows(place.work / "one/app/app.db", "SELECT id FROM plants") == [(4,)]
    assert rows(place.work / "one/app/app.db", "SELECT seq FROM sqlite_sequence") == [(4,)]


def claim_one_table_and_single_files_come_into_a_new_folder(place):
    path, media = garden(place)
    place.good("restore", "latest", "app:users", "app/2024/7.jpg", "--to", "part")
    copy = place.work / "part" / "app" / "app.db"
    assert rows(copy, "SELECT * FROM users") == rows(path, "SELECT * FROM users")
    assert rows(copy, "SELECT count(*) FROM plants") == [(0,)]
    taken = [p for p in (place.work / "part/app/media").rglob("*") if p.is_file()]
    assert [p.name for p in taken] == ["7.jpg"], taken
    assert taken[0].read_bytes() == (media / "2024/7.jpg").read_bytes()


def claim_a_second_part_does_not_write_over_the_first(place):
    garden(place)
    place.good("restore", "latest", "app:plants/4", "--to", "part")
    before = stage.fingerprint(place.work / "part")
    ran = place.run("restore", "latest", "app:plants/5", "--to", "part")
    assert ran.code == 17, ran
    assert stage.fingerprint(place.work / "part") == before
    place.good("restore", "latest", "app:plants/5", "--to", "part", "--confirm", "part")
    assert rows(place.work / "part/app/app.db", "SELECT id FROM plants") == [(4,), (5,)]


def claim_a_record_that_is_not_there_leaves_no_folder(place):
    garden(place)
    ran = place.run("restore", "latest", "app:plants/4711", "--to", "part")
    assert ran.code == 2 and "no such record" in ran.err, ran
    ran = place.run("restore", "latest", "app:plant", "--where", "name = 'nobody'", "--to", "part")
    assert ran.code == 2 and "meets the conditions" in ran.err, ran
    left = list((place.work / "part").iterdir()) if (place.work / "part").exists() else []
    assert not left, left


def claim_media_come_back_in_place_with_their_records_and_only_these(place):
    path, media = garden(place)
    photos = {n: media / "2024" / f"{n}.jpg" for n in range(1, 31)}
    wanted = {n: photos[n].read_bytes() for n in photos}
    for n in (3, 4, 5):
        photos[n].unlink()
    photos[6].write_bytes(b"spoilt")
    change(path, "DELETE FROM photos WHERE id = 3; DELETE FROM plants WHERE id = 3;")
    before = stage.fingerprint(media)
    ran = place.good("restore", "plan", "latest", "app:plant/3", "app:plant/4", "-o", "plan.json",
                     "--json")
    files = {e["item"]["file"]: e["item"]["decision"] for e in ran.events
             if e["type"] == "item" and "file" in e["item"]}
    assert files == {"app/2024/3.jpg": "insert", "app/2024/4.jpg": "insert"}, files
    assert stage.fingerprint(media) == before, "a plan wrote"
    run = place.good("restore", "apply", "plan.json", "--confirm", "app", "--json").summary["run"]
    assert photos[3].read_bytes() == wanted[3] and photos[4].read_bytes() == wanted[4]
    assert not photos[5].exists() and photos[6].read_bytes() == b"spoilt", "nobody asked for it"
    assert not list(media.glob(".perdure*"))
    place.good("restore", "undo", run, "--confirm", "app")
    assert not photos[3].exists() and not photos[4].exists()
    assert rows(path, "SELECT count(*) FROM plants") == [(29,)]
    place.good("restore", "latest", "app", "--to", "live", "--merge-strategy", "overwrite",
               "--confirm", "app")
    assert {n: photos[n].read_bytes() for n in photos} == wanted


def claim_a_plan_with_media_is_stale_when_one_of_them_changed(place):
    _, media = garden(place)
    (media / "2024" / "3.jpg").write_bytes(b"spoilt")
    words = ("restore", "plan", "latest", "app:plant/3", "--merge-strategy", "overwrite", "-o",
             "plan.json")
    place.good(*words)
    (media / "2024" / "9.jpg").write_bytes(b"of somebody else")
    (media / "2024" / "3.jpg").write_bytes(b"spoilt again")
    ran = place.run("restore", "apply", "plan.json", "--confirm", "app")
    assert ran.code == 15 and "stale" in ran.err, ran
    place.good(*words)
    (media / "2024" / "9.jpg").write_bytes(b"of somebody else, again")
    place.good("restore", "apply", "plan.json", "--confirm", "app")
    assert (media / "2024" / "9.jpg").read_bytes() == b"of somebody else, again"
    assert (media / "2024" / "3.jpg").read_bytes().startswith(b"photo 3")


def claim_a_plan_holds_peoples_data_so_only_its_owner_reads_it(place):
    path, _ = garden(place)
    change(path, "UPDATE plants SET name = 'secret' WHERE id = 3")
    ran = place.good("restore", "plan", "latest", "app:plant", "-o", "plan.json")
    assert "mode 0600" in ran.out, ran
    file = place.work / "plan.json"
    assert file.stat().st_mode & 0o777 == 0o600 and "secret" in file.read_text()
    json.loads(file.read_text())
    place.good("restore", "plan", "latest", "app:plant")
    kept = [p for p in place.folder.joinpath("state").rglob("plans/*.json")]
    assert kept and all(p.stat().st_mode & 0o777 == 0o600 for p in kept), kept
    assert all(p.parent.stat().st_mode & 0o777 == 0o700 for p in kept), "the folder is open"


stage.main(globals())
