#!/usr/bin/env python3
"""Databases and media that are not as in a textbook: kept, restored, proven, or named."""
import shutil
import sqlite3
import subprocess

import stage


def make(path, *statements, prepare=lambda database: None):
    path.parent.mkdir(parents=True, exist_ok=True)
    database = sqlite3.connect(path, isolation_level=None)
    prepare(database)
    for statement in statements:
        database.execute(statement)
    database.close()


def add(place, text):
    config = place.work / "perdure.toml"
    config.write_text(config.read_text() + text)


def claim_what_only_the_application_can_sort_or_compute_is_drilled_green_and_named(place):
    def as_the_application(database):
        database.create_collation("unicase",
                                  lambda a, b: (a.lower() > b.lower()) - (a.lower() < b.lower()))
        database.create_function("appfn", 1, lambda x: x * 2, deterministic=True)

    make(place.work / "app.db",
         "CREATE TABLE tags(id INTEGER PRIMARY KEY, n TEXT COLLATE unicase UNIQUE)",
         "INSERT INTO tags(n) VALUES('b'), ('A'), ('a2'), ('Z')",
         "CREATE TABLE t(id INTEGER PRIMARY KEY, v)", "CREATE INDEX f ON t(appfn(v))",
         "CREATE VIEW after AS SELECT 1", "INSERT INTO t VALUES(1, 2)",
         prepare=as_the_application)
    place.repository(app="app.db")
    place.good("backup")
    drill = place.good("restore", "drill")
    assert drill.err.count("not judged") == 2 and "appfn" in drill.err, drill
    assert place.good("restore", "drill", "--json").summary["sources"][0]["not_judged"] == 2
    # Also when only the digest taken at the backup is left to compare with.
    make(place.work / "app.db", "INSERT INTO t VALUES(2, 3)", prepare=as_the_application)
    place.good("restore", "drill")


def claim_rows_that_only_the_application_can_sort_are_compared_without_their_order(place):
    def as_the_application(database):
        database.create_collation("unicase",
                                  lambda a, b: (a.lower() > b.lower()) - (a.lower() < b.lower()))

    make(place.work / "app.db",
         "CREATE TABLE tags(n TEXT COLLATE unicase PRIMARY KEY, v) WITHOUT ROWID",
         "INSERT INTO tags VALUES('b', 1), ('A', 2), ('a2', 3), ('Z', 4)",
         prepare=as_the_application)
    place.repository(app="app.db")
    place.good("backup")
    drill = place.good("restore", "drill")
    assert "order of the rows of tags" in drill.err, drill
    told = place.good("restore", "latest", "--to", place.folder / "back", code=3).err
    assert 'REINDEX "unicase"' in told, told
    copy = sqlite3.connect(place.folder / "back/app/app.db")
    as_the_application(copy)
    copy.execute('REINDEX "unicase"')  # as it says
    assert copy.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert [row[0] for row in copy.execute("SELECT n FROM tags")] == ["A", "a2", "b", "Z"]
    copy.close()
    # Also when only the digest taken at the backup is left to compare with.
    make(place.work / "app.db", "UPDATE tags SET v = 9 WHERE n = 'A'", prepare=as_the_application)
    place.good("restore", "drill")


def claim_rows_that_refer_to_nothing_are_drilled_green_and_come_back_in_place(place):
    make(place.work / "app.db", "CREATE TABLE users(id INTEGER PRIMARY KEY, name)",
         "CREATE TABLE notes(id INTEGER PRIMARY KEY, user_id INT REFERENCES users, body)",
         "INSERT INTO users VALUES(1, 'Ann')",
         "INSERT INTO notes VALUES(1, 1, 'hers'), (2, 77, 'orphan')")
    place.repository(app="app.db")
    first = place.good("backup", "--json").summary["snapshot"]
    place.good("restore", "drill")
    # The live source has no orphan any more: the digest taken at the backup excuses the copy.
    make(place.work / "app.db", "DELETE FROM notes")
    place.good("backup")
    place.good("restore", "drill", first)
    place.good("status")
    place.good("restore", first, "app", "--to", "live", "--confirm", "app")
    database = sqlite3.connect(place.work / "app.db")
    assert database.execute("SELECT count(*) FROM notes").fetchone() == (2,)
    database.close()


def claim_an_undo_brings_rows_without_a_key_back(place):
    make(place.work / "app.db", "CREATE TABLE log(who, what)",
         "INSERT INTO log VALUES(1, 'a'), (1, 'b'), (2, 'c')")
    place.repository(app="app.db")
    place.good("backup")
    make(place.work / "app.db", "DELETE FROM log WHERE what = 'a'",
         "INSERT INTO log VALUES(3, 'd'), (4, 'e')", "VACUUM")

    def rows():
        database = sqlite3.connect(place.work / "app.db")
        out = sorted(database.execute("SELECT who, what FROM log").fetchall())
        database.close()
        return out

    was = rows()
    done = place.good("restore", "latest", "app", "--to", "live", "--delete", "--confirm", "app",
                      "--json").summary
    assert rows() == [(1, "a"), (1, "b"), (2, "c")]
    place.good("restore", "undo", str(done["run"]), "--confirm", "app")
    assert rows() == was


def claim_sparse_media_are_drilled_by_their_bytes(place):
    make(place.work / "app.db", "CREATE TABLE t(a)")
    film = place.write("media/film.mp4", b"")
    with film.open("r+b") as out:
        out.truncate(1 << 20)
        out.seek(500_000)
        out.write(b"moov")
    place.repository(app="app.db")
    add(place, 'media = "media"\n')
    place.good("backup")
    place.good("restore", "drill")
    place.good("restore", "latest", "--to", place.folder / "back")
    assert (place.folder / "back/app/media/film.mp4").read_bytes() == film.read_bytes()


def claim_a_database_named_like_its_media_folder_comes_back_with_both(place):
    make(place.work / "db/photos", "CREATE TABLE t(a)", "INSERT INTO t VALUES(1)")
    place.write("photos/p.jpg", "p")
    place.repository()
    add(place, '[source.app]\ntype = "sqlite"\npath = "db/photos"\nmedia = "photos"\n')
    place.good("backup")
    place.good("restore", "drill")
    place.good("restore", "latest", "--to", place.folder / "back")
    assert stage.sqlite_dump(place.folder / "back/app/photos")[b"t"] == [(1,)]
    assert (place.folder / "back/app/photos-media/p.jpg").read_text() == "p"


def claim_media_outside_their_folder_are_named(place):
    make(place.work / "app.db", "CREATE TABLE m(id INTEGER PRIMARY KEY, path TEXT)",
         "INSERT INTO m(path) VALUES('../outside.jpg'), ('one.jpg'), ('in.jpg')")
    place.write("outside.jpg", "out")
    place.write("disk2/one.jpg", "one")
    place.write("media/in.jpg", "in")
    (place.work / "media/one.jpg").symlink_to("../disk2/one.jpg")
    place.repository(app="app.db")
    add(place, 'media = "media"\n[source.app.records.m]\ntable = "m"\nmedia = "path"\n')
    ran = place.good("backup", code=3)
    assert "../outside.jpg: lies outside" in ran.err, ran
    assert "one.jpg: is a link out of the media folder" in ran.err, ran
    assert "in.jpg" not in ran.err, ran


def claim_a_destination_below_media_or_a_git_source_is_left_out_of_it(place):
    make(place.work / "data/app.db", "CREATE TABLE t(a)")
    place.write("w/f", "1\n" * 100)
    subprocess.run(["git", "init", "-q", place.work / "w"], check=True)
    place.repository()
    config = place.work / "perdure.toml"
    config.write_text(config.read_text().replace('"backups"', '"w/backups"') +
                      '[source.app]\ntype = "sqlite"\npath = "data/app.db"\nmedia = "."\n'
                      '[source.g]\ntype = "git"\npath = "w"\n')
    shutil.rmtree(place.work / "backups")
    place.good("init", "--confirm", "main")
    place.good("backup")
    for _ in range(2):
        again = place.good("backup", "--json").summary
        assert again["bytes_new"] < 100_000, again
    listed = place.good("backup", "show", "latest", "--files").out
    assert "backups" not in listed, listed
    place.good("restore", "drill")
    place.good("restore", "latest", "--to", place.folder / "back")
    media = place.folder / "back/app" / place.work.name
    assert (media / "w/f").exists() and not (media / "w/backups").exists()
    # Into what is there, deleting: the repository is none of the source's files.
    place.good("restore", "latest", "g", "--to", "live", "--merge-strategy", "overwrite",
               "--delete", "--confirm", "g")
    place.good("repo", "check", "--read-data")


def claim_a_source_that_cannot_be_restored_keeps_no_other_from_it(place):
    images = stage.DATA / "hostile/sqlite-corrupt-images/corrupt"
    image = images / "fuzzdata3_1583096240.db"
    if not image.exists():
        raise stage.Skip(f"no damaged databases at {images}")
    place.write("x.db", image.read_bytes())
    place.write("tree/f", "f")
    place.repository(app="x.db", tree="tree")
    assert "x.db: is damaged" in place.good("backup", code=3).err
    place.good("restore", "latest", "--to", place.folder / "back")
    assert (place.folder / "back/tree/f").read_text() == "f"
    assert stage.sqlite_dump(place.folder / "back/app/x.db")[b"t2"] is not None


def claim_a_table_that_is_named_like_one_of_a_full_text_index_is_the_applications(place):
    """`notes` over the texts of `notes_content`, which is no table of the module then."""
    path = place.work / "app.db"
    make(path, "CREATE TABLE users(id INTEGER PRIMARY KEY, name TEXT, email TEXT)",
         "CREATE TABLE notes_content(id INTEGER PRIMARY KEY, user_id INTEGER REFERENCES users(id),"
         " title TEXT, body TEXT)",
         "CREATE VIRTUAL TABLE notes USING fts5(title, body, content='notes_content',"
         " content_rowid='id')",
         "CREATE TRIGGER added AFTER INSERT ON notes_content BEGIN INSERT INTO notes(rowid, title,"
         " body) VALUES(new.id, new.title, new.body); END",
         "CREATE TRIGGER gone AFTER DELETE ON notes_content BEGIN INSERT INTO notes(notes, rowid,"
         " title, body) VALUES('delete', old.id, old.title, old.body); END",
         "INSERT INTO users VALUES(1, 'Ann', 'ann@example.org'), (2, 'Bob', 'bob@example.org')",
         "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50) INSERT INTO"
         " notes_content SELECT i, 1 + i % 2, 'title ' || i, 'text number ' || i FROM n")
    place.repository(app="app.db")
    place.good("backup")
    found = place.good("source", "discover", path)
    assert 'table = "notes_content"' in found.out, found
    make(path, "DELETE FROM notes_content WHERE id <= 10")
    ran = place.good("restore", "latest", "app", "--to", "live", "--confirm", "app")
    with sqlite3.connect(path) as database:
        assert database.execute("SELECT count(*) FROM notes_content").fetchone() == (50,), ran
        assert database.execute("SELECT rowid FROM notes WHERE notes MATCH 'title NOT number 7'"
                                " ORDER BY rowid LIMIT 2").fetchall() == [(1,), (2,)]
        database.execute("INSERT INTO notes(notes, rank) VALUES('integrity-check', 1)")
    database.close()


def claim_a_table_that_no_full_text_index_made_is_in_the_backup_where_people_are_mapped(place):
    make(place.work / "app.db", "CREATE TABLE users(id INTEGER PRIMARY KEY, name TEXT)",
         "CREATE VIRTUAL TABLE posts USING fts3(body)",
         "CREATE TABLE posts_stat(day TEXT, hits INT)",
         "CREATE TABLE posts_docsize(day TEXT, bytes INT)",
         "INSERT INTO users VALUES(1, 'Ann')", "INSERT INTO posts(body) VALUES('hello')",
         "INSERT INTO posts_stat VALUES('mon', 5)", "INSERT INTO posts_docsize VALUES('tue', 7)")
    place.repository(app="app.db")
    add(place, '[source.app.subjects]\ntable = "users"\nkey = "id"\n'
               'owners = { posts = "rowid -> users" }\n')
    place.run("backup")
    place.run("restore", "latest", "--to", place.folder / "back")
    copy = sqlite3.connect(place.folder / "back/app/app.db")
    assert copy.execute("SELECT * FROM posts_stat").fetchall() == [("mon", 5)]
    assert copy.execute("SELECT * FROM posts_docsize").fetchall() == [("tue", 7)]
    copy.close()


def claim_a_database_with_the_longest_name_comes_back(place):
    name = "n" * 240 + ".db"
    make(place.work / name, "CREATE TABLE t(x)", "INSERT INTO t VALUES(1)")
    place.repository(app=name)
    place.good("backup")
    place.good("restore", "latest", "--to", place.folder / "back")
    copy = sqlite3.connect(place.folder / "back/app" / name)
    assert copy.execute("SELECT x FROM t").fetchall() == [(1,)]
    copy.close()


def claim_a_foreign_key_that_names_no_key_hides_no_other_and_is_no_dead_end(place):
    path = place.work / "app.db"
    make(path, "CREATE TABLE parent(k PRIMARY KEY)", "CREATE TABLE child(k REFERENCES parent)",
         "CREATE TABLE bad(k REFERENCES parent(none))", "INSERT INTO child VALUES('nobody')",
         "INSERT INTO bad VALUES(1), (2)")
    place.repository(app="app.db")
    place.good("backup")
    drill = place.good("restore", "drill")
    assert "2 faults that the source has as well" in drill.err, drill
    make(path, "DELETE FROM bad WHERE k = 1")
    place.good("restore", "latest", "app", "--to", "live", "--confirm", "app")
    with sqlite3.connect(path) as database:
        assert database.execute("SELECT k FROM bad ORDER BY k").fetchall() == [(1,), (2,)]
    database.close()


def claim_the_widest_tables_come_back_with_their_numbers_and_people(place):
    """SQLite takes as many columns in a table as in a result, and a row has a number besides."""
    names = [f"c{number}" for number in range(1999)]
    marks = ",".join("?" * 2001)
    path = place.work / "app.db"
    make(path, "CREATE TABLE users(id INTEGER PRIMARY KEY, name TEXT)",
         f"CREATE TABLE wide(user_id INTEGER REFERENCES users(id), {','.join(names)})",
         "INSERT INTO users VALUES(1, 'Ann'), (2, 'Bob')")
    rows = [(number, 1 + number % 2, *(f"{number} {name}" for name in names))
            for number in (-5, 7, 8, 1 << 40)]
    with sqlite3.connect(path) as database:
        database.executemany(f"INSERT INTO wide(rowid, user_id, {','.join(names)})"
                             f" VALUES({marks})", rows)
    database.close()
    place.repository(app="app.db")
    add(place, '[source.app.subjects]\ntable = "users"\nkey = "id"\n')
    ran = place.good("backup", "--json").summary
    assert ran["sources"][0]["subjects"] == 2, ran
    place.good("restore", "drill")
    place.good("restore", "latest", "--to", place.folder / "back")
    copy = sqlite3.connect(place.folder / "back/app/app.db")
    assert copy.execute("SELECT rowid, user_id FROM wide").fetchall() == [r[:2] for r in rows]
    assert copy.execute("SELECT * FROM wide").fetchall() == [row[1:] for row in rows]
    copy.close()


stage.main(globals())
