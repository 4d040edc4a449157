#!/usr/bin/env python3
"""What somebody meets who has never read the documents: plain words, and a way on from each."""
import fcntl
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import time

import stage


def add_users(database, numbers, name):
    database.executemany("INSERT INTO users VALUES(?, ?, '')", [(i, name) for i in numbers])
    database.commit()


def in_use(place, name="data/app.db"):
    """A database with a write-ahead log, which stays open as long as what is returned."""
    path = place.work / name
    path.parent.mkdir(exist_ok=True)
    database = sqlite3.connect(path)
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("CREATE TABLE users(id INTEGER PRIMARY KEY, name, phone)")
    database.execute("INSERT INTO users VALUES(1, 'Ada Lovelace', 'unmistakable 555')")
    database.commit()
    return database


def everything_below(folder):
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def claim_a_database_in_use_among_files_is_named_once_with_the_way_out(place):
    database = in_use(place)
    place.write("data/app.db!", "a name between the two\n")
    place.write("data/app.db!folder/one.txt", "one\n")
    place.write("data/travel-wal", "no log of anything\n")
    place.write("data/travel", "no database\n")
    place.repository(data="data")
    ran = place.good("backup", code=3)
    assert ran.err.count("SQLite") == 1 and "data: app.db:" in ran.err, ran
    assert "app.db" in place.good("doctor").out and "app.db" in place.good("runs", "show", "1").out
    place.good("backup", code=3)  # also where no file was read again
    command = re.search(r"perdure (source add) NAME (.*) keeps", ran.err)
    place.good(*command[1].split(), "app", *command[2].split())
    ran = place.good("backup")
    assert "SQLite" not in ran.err, ran
    place.good("restore", "drill")
    place.good("restore", "latest", "--to", place.folder / "back")
    names = sorted(path.name for path in (place.folder / "back/data").iterdir())
    assert names == ["app.db!", "app.db!folder", "travel", "travel-wal"], names
    assert b"Ada Lovelace" in (place.folder / "back/app/app.db").read_bytes()
    database.close()


def claim_half_a_commit_among_files_is_named(place):
    database = in_use(place)
    database.execute("PRAGMA journal_mode = PERSIST")  # a journal that stays is no commit
    database.execute("INSERT INTO users VALUES(2, 'Bob', '')")
    database.commit()
    place.repository(data="data")
    place.good("backup")
    database.execute("PRAGMA cache_size = 1")
    database.executemany("INSERT INTO users VALUES(?, 'Cyd', '')", [(i,) for i in range(3, 4000)])
    assert "data: app.db:" in place.good("backup", code=3).err
    database.rollback()
    database.close()


def claim_a_restore_in_place_tells_what_it_could_not_keep(place):
    if os.geteuid() != 0:
        raise stage.Skip("needs somebody else's files")
    nobody = 65534
    place.write("data/ours", "ours\n")
    place.write("data/tool", "tool\n")
    os.chown(place.work / "data/ours", nobody, nobody)
    (place.work / "data/tool").chmod(0o4755)
    os.mknod(place.work / "data/null", 0o20644, os.makedev(1, 3))
    place.repository(data="data")
    place.good("backup")
    for name in ("ours", "tool", "null"):
        (place.work / "data" / name).unlink()
    for path in [place.folder, *place.folder.rglob("*")]:
        os.chown(path, nobody, nobody, follow_symlinks=False)
    process = place.start("restore", "latest", "data", "--to", "live", "--confirm", "data",
                          user=nobody, group=nobody, extra_groups=[])
    out, err = process.communicate(timeout=300 * stage.PATIENCE)
    told = (out + err).decode()
    assert process.returncode == 3, told
    assert "data/tool" in told and "mode, owner" in told and "data/null" in told, told
    assert "data/ours" not in told and (place.work / "data/ours").read_text() == "ours\n", told


def claim_what_rows_cover_lies_nowhere_as_plain_bytes(place):
    """Beside its rows, each under its person's key, no second copy that no erasure reaches."""
    database = in_use(place)
    place.write("data/one.txt", "one\n")
    place.repository(data="data", app="data/app.db")
    config = place.work / "perdure.toml"
    config.write_text(config.read_text() + 'mask = { "users.phone" = "drop" }\n'
                      '[source.app.subjects]\ntable = "users"\nkey = "id"\n')
    place.good("backup")
    place.good("restore", "latest", "--to", place.folder / "back")
    there = everything_below(place.folder / "back")
    assert b"Ada Lovelace" in there and b"unmistakable" not in there
    assert not list((place.folder / "back/data").glob("app.db*"))
    database.close()


def claim_media_of_people_lie_nowhere_as_files_of_nobody(place):
    in_use(place).close()
    place.write("data/media/ada.jpg", "unmistakable picture")
    place.write("data/media/thumbs/ada.jpg", "small picture")
    place.write("data/one.txt", "one\n")
    place.repository(data="data", app="data/app.db")
    config = place.work / "perdure.toml"
    plain = config.read_text() + 'media = "data/media"\n'
    people = '[source.app.subjects]\ntable = "users"\nkey = "id"\n'

    def back(text, folder):
        config.write_text(text)
        place.good("backup")
        place.good("restore", "latest", "--to", place.folder / folder)
        assert (place.folder / folder / "app/media/ada.jpg").exists()
        return (place.folder / folder / "data/media").exists()

    assert back(plain, "nobody's")  # holes and links of what belongs to nobody are kept there
    assert not back(plain + people, "people's")
    assert (place.folder / "people's/app/media/thumbs/ada.jpg").exists()
    assert (place.folder / "people's/data/one.txt").exists()
    place.good("restore", "drill")
    # What the source of rows is to leave out would be in no backup at all.
    assert back(plain + 'exclude = ["thumbs/"]\n' + people, "in part")
    assert (place.folder / "in part/data/media/thumbs/ada.jpg").exists()


def claim_other_names_of_what_rows_cover_lie_nowhere_as_plain_bytes(place):
    """A hard link has another path, and holds the same people."""
    database = in_use(place)
    place.write("data/media/ada.jpg", "unmistakable picture")
    place.write("data/one.txt", "one\n")
    place.repository(data="data", app="data/app.db")
    config = place.work / "perdure.toml"
    config.write_text(config.read_text() + 'media = "data/media"\n'
                      'mask = { "users.phone" = "drop" }\n'
                      '[source.app.subjects]\ntable = "users"\nkey = "id"\n')
    others = place.work / "data/others"
    others.mkdir()
    for name, of in (("copy.db", "app.db"), ("copy.db-wal", "app.db-wal"),
                     ("one.txt", "one.txt"), ("ada.jpg", "media/ada.jpg")):
        os.link(place.work / "data" / of, others / name)
    ran = place.good("backup", code=3)
    assert "others/copy.db:" in ran.err and "others/copy.db-wal:" in ran.err, ran
    assert "hard links" in ran.err and "media of people" in ran.err, ran
    assert "ada.jpg" not in ran.err + place.good("backup", "show", "latest").out, ran
    place.good("restore", "latest", "--to", place.folder / "back", "--json")
    there = everything_below(place.folder / "back/data")
    assert b"unmistakable" not in there and b"Ada" not in there and b"one" in there
    assert not list((place.folder / "back/data/others").glob("copy*"))
    assert (place.folder / "back/app/media/ada.jpg").read_text() == "unmistakable picture"
    place.good("restore", "drill")
    # No restore takes them away, and whoever leaves them out is told no more.
    place.good("restore", "latest", "data", "--to", "live", "--delete", "--confirm", "data")
    assert len(list(others.iterdir())) == 4
    config.write_text(config.read_text().replace(
        '[source.data]', '[source.data]\nexclude = ["others/copy.db*", "others/ada.jpg"]'))
    place.good("backup")
    database.close()


def claim_media_of_people_that_a_source_of_files_is_are_warned_about(place):
    in_use(place).close()
    place.write("data/media/ada.jpg", "a picture")
    place.repository(data="data/media", app="data/app.db")
    config = place.work / "perdure.toml"
    config.write_text(config.read_text() + 'media = "data/media"\n'
                      '[source.app.subjects]\ntable = "users"\nkey = "id"\n')
    for words in (["config", "check", "--offline"], ["doctor"]):
        ran = place.run(*words)
        assert "media of people" in ran.out + ran.err, ran
        assert "drop [source.data]" in ran.out + ran.err, ran
    config.write_text(config.read_text().replace('path = "data/media"', 'path = "data"'))
    assert "media of people" not in place.good("config", "check").err


def claim_status_says_what_the_last_backup_skipped(place):
    database = in_use(place)
    place.write("notes/one.txt", "one\n")
    place.repository(data="data", notes="notes")
    place.good("backup", code=3)
    place.good("backup", "verify")
    place.good("restore", "drill")
    ran = place.good("status", "--exit-code", "--json", code=3)
    sources = {source["name"]: source["lights"]["backup"] for source in ran.summary["sources"]}
    assert sources["data"]["light"] == ran.summary["worst"] == "partial", ran
    assert sources["notes"] == {"light": "green", "detail": "just now"}, sources
    sentence = place.good("status").out.splitlines()[0]
    assert sentence.startswith("Protected but for"), sentence
    assert "1 thing of data" in sentence and "notes" not in sentence, sentence
    place.good(*re.search(r"perdure (runs show \d+)", sentence)[1].split())
    database.close()
    place.good("backup")
    place.good("backup", "verify")
    assert place.good("status", "--exit-code").out.startswith("Protected: all")


def claim_output_that_cannot_be_written_is_no_success(place):
    place.write("data/one.txt", "one\n")
    place.repository(data="data")
    place.good("backup")
    for words in (["key", "recovery-kit"], ["backup", "list"], ["report", "runbook"], ["help"],
                  ["config", "schema", "--json"]):
        with open("/dev/full", "wb") as full:
            done = subprocess.run([stage.PROGRAM, *words], cwd=place.work, env=place.environment,
                                  stdout=full, stderr=subprocess.PIPE, text=True)
        assert done.returncode == 1 and "no space is left" in done.stderr, (words, done)
    # Nobody who listens is no loss: head, and a stdout that the caller closed.
    for line in ('"$0" report runbook | head -1; exit ${PIPESTATUS[0]}', '"$0" backup list >&-'):
        done = subprocess.run(["bash", "-c", line, stage.PROGRAM], cwd=place.work,
                              env=place.environment, capture_output=True)
        assert done.returncode == 0 and done.stderr == b"", (line, done)


def claim_a_schedule_is_told_as_a_line_for_cron(place):
    place.write("data/one.txt", "one\n")
    place.repository(data="data")
    config = place.work / "it's 5% of all.toml"
    text = (place.work / "perdure.toml").read_text()
    for job in ("backup", "verify", "drill", "retention"):
        text += f'[schedule.{job}]\njob = "{job}"\ncron = "0 2 * * mon"\n'
    text += '[schedule.off]\njob = "sync"\ncron = "0 2 * * mon"\nenabled = false\n' \
            '[retention.default]\nlast = 3\n'
    config.write_text(text)
    ran = place.good("config", "check", "--offline", "--json", "--config", config)
    fixes = [event["fix"] for event in ran.events if event["type"] == "warning"]
    lines = [fix for fix in fixes if fix.startswith("give this line to crontab -e: 0 2 * * mon ")]
    assert len(lines) == 4 and "UTC" in lines[0] and len(fixes) == 5, fixes
    for line in lines:
        command = line.split("mon ", 1)[1].rsplit(" (cron", 1)[0]
        assert not re.search(r"(?<!\\)%", command), command  # a line break, to cron
        done = subprocess.run(["sh", "-c", command.replace("\\%", "%")], cwd="/",
                              env=place.environment, capture_output=True, text=True)
        assert done.returncode == 0 and done.stdout + done.stderr == "", (command, done)
    listed = place.good("runs", "list", "--json", "--config", config).events
    verbs = {event["verb"] for event in listed if event["type"] == "run"}
    assert verbs == {"backup", "verify", "drill", "retention"}, verbs


def claim_no_line_for_cron_guesses_an_export(place):
    place.write("data/one.txt", "one\n")
    place.repository(data="data")
    config = place.work / "perdure.toml"
    plain = config.read_text() + '[schedule.x]\njob = "export"\ncron = "0 2 * * *"\n'
    for exports, known in (('[export.a]\nformat = "csv"\n', False),
                           ('[export.a]\noutput = "a.json"\n', True),
                           ('[export.a]\noutput = "a.json"\n[export.b]\noutput = "b.json"\n',
                            False)):
        config.write_text(plain + exports)
        assert ("--profile a" in place.good("config", "check", "--offline").err) == known, exports


def claim_the_crontab_of_the_guide_works_as_it_stands(place):
    guide = (stage.CHECKOUT / "docs" / "BACKUP_SYSTEM.md").read_text()
    lines = re.findall(r"^\d+ +\d+ .*perdure.*$", guide, re.M)
    assert len(lines) >= 3, lines
    for line in lines:
        assert not re.search(r"(?<!\\)%", line), f"cron breaks the line there: {line}"


def claim_all_output_arrives_though_its_reader_is_slow(place):
    """Some programs give us a pipe that refuses what does not fit at once."""
    command = [stage.PROGRAM, "help", "--markdown"]
    wanted = subprocess.run(command, cwd=place.work, env=place.environment, capture_output=True)
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
    process = subprocess.Popen(command, cwd=place.work, env=place.environment, stdout=writer,
                               stderr=subprocess.PIPE)
    os.close(writer)
    time.sleep(0.3)
    got = b""
    while piece := os.read(reader, 1000):
        got += piece
    os.close(reader)
    told = process.communicate()[1]
    assert process.returncode == 0 and not told and got == wanted.stdout, (len(got), told)


def claim_a_destination_joins_its_array_however_that_is_written(place):
    place.write("data/one.txt", "one\n")
    for array in ('[\n  "disk",  # [the first], "or so"\n]', '["disk",]', "['disk']",
                  '[ "disk" # one\n, # two ]\n]'):
        place.repository(data="data")
        config = place.work / "perdure.toml"
        config.write_text(config.read_text().replace('["disk"]', array))
        place.good("destination", "add", "usb", "--path", "usb")
        assert '"usb"' in place.good("config", "show").out.split("destinations", 1)[1][:60], array
        place.good("backup", "sync")
        assert list((place.work / "usb").iterdir()), array
        stage.shutil.rmtree(place.work / "usb")
        stage.shutil.rmtree(place.work / "backups")
        (place.work / "perdure.key").unlink()


def claim_a_broken_table_leads_to_what_there_is_of_it(place):
    with sqlite3.connect(place.work / "app.db") as database:
        database.execute("CREATE TABLE note(id INTEGER PRIMARY KEY, text)")
        database.executemany("INSERT INTO note VALUES(?, ?)",
                             [(i, f"note {i} " * 40) for i in range(3000)])
    database.close()
    place.repository(app="app.db")
    place.good("backup")
    harmed = bytearray((place.work / "app.db").read_bytes())
    for page in range(20, len(harmed) // 4096):
        harmed[page * 4096:page * 4096 + 100] = b"\xff" * 100
    place.write("app.db", bytes(harmed))
    ran = place.good("backup", code=14)
    assert ".recover" in ran.err and "repo repair" not in ran.err, ran  # no repository is broken
    command = re.search(r"perdure (restore latest app) --to DIR", ran.err)[1].split()
    place.good(*command, "--to", place.folder / "back")


def claim_rows_of_nobody_that_name_somebody_are_told(place):
    with sqlite3.connect(place.work / "app.db") as database:
        database.executescript("""
            CREATE TABLE users(id INTEGER PRIMARY KEY, name TEXT);
            CREATE TABLE message(id INTEGER PRIMARY KEY, user_id REFERENCES users(id),
                                 recipient_id REFERENCES users(id), text TEXT);
            INSERT INTO users VALUES(1, 'a'), (2, 'b');
            INSERT INTO message VALUES(1, 1, 2, 'hi'), (2, NULL, 2, 'for b'), (3, NULL, NULL, '');
            """)
    database.close()
    place.repository(app="app.db")
    config = place.work / "perdure.toml"
    plain = config.read_text() + '[source.app.subjects]\ntable = "users"\nkey = "id"\n'
    config.write_text(plain)
    ran = place.good("backup", code=3)
    assert "app: message: 1 of its rows" in ran.err and "recipient_id" in ran.err, ran
    for owner in re.findall(r'"(\w+_id)"', ran.err):
        config.write_text(plain + f'owners = {{ message = "{owner}" }}\n')
        place.good("backup")  # whoever decides is not asked again


def claim_names_that_no_configuration_holds_are_left_to_the_files(place):
    tree = place.folder / "tree"
    tree.mkdir()
    odd = os.fsencode(tree) + b"/caf\xe9.db"
    with sqlite3.connect(tree / "whole.db") as database:
        database.execute("CREATE TABLE t(a)")
    database.close()
    stage.shutil.copy(tree / "whole.db", odd)
    (tree / "link").symlink_to("/nowhere/\x1b[31mred")
    ran = place.good("quickstart", tree, "--no-input")
    assert "UTF-8" in ran.out and "\x1b" not in ran.out, repr(ran.out)
    assert "\x1b" not in place.good("source", "discover", tree).out
    place.good("restore", "latest", "--to", place.folder / "back")
    assert os.path.exists(os.fsencode(place.folder / "back/files") + b"/caf\xe9.db")
    os.mkdir(os.fsencode(place.work) + b"/caf\xe9")
    ran = place.good("source", "add", "odd", "--type", "files", "--path",
                     os.fsdecode(b"caf\xe9"), code=2)
    assert "symbolic link" in ran.err and "nothing was changed" in ran.err, ran


def claim_a_quickstart_that_was_stopped_says_how_to_go_on(place):
    (place.folder / "tree").mkdir()
    for number in range(40):
        (place.folder / f"tree/{number}").write_bytes(os.urandom(1 << 20))
    for after in (0.05, 0.1, 0.2, 0.3, 0.5, 0.8):
        folder = place.work / f"after-{after}"
        folder.mkdir()
        process = place.start("quickstart", place.folder / "tree", "--no-input", cwd=folder)
        time.sleep(after)
        process.send_signal(signal.SIGINT)
        _, told = process.communicate()
        if process.returncode in (0, -signal.SIGINT):  # over, or not begun
            continue
        assert process.returncode == 130, told
        if not (folder / "perdure.toml").exists():
            place.good("quickstart", place.folder / "tree", "--no-input", cwd=folder)
            continue
        again = place.good("quickstart", place.folder / "tree", "--no-input", cwd=folder, code=15)
        for fix in (told.decode(), again.err):
            assert "go on with perdure" in fix, fix
        if "perdure init" in told.decode():
            assert "perdure init" in again.err, again
            place.good("init", cwd=folder)
        place.good("backup", cwd=folder)


def claim_a_repository_whose_making_was_killed_is_made_by_init(place):
    place.write("tree/a", b"1")
    folder = place.work / "killed"
    folder.mkdir()
    place.good("quickstart", place.work / "tree", "--no-input", cwd=folder)
    for part in list((folder / "backups").iterdir()):  # what is left is what is written first
        if part.name != "config":
            shutil.rmtree(part) if part.is_dir() else part.unlink()
    os.utime(folder / "backups/config", (1.7e9, 1.7e9))
    told = place.good("backup", cwd=folder, code=10)
    assert "perdure init" in told.err, told
    again = place.good("quickstart", place.work / "tree", "--no-input", cwd=folder, code=15)
    assert "perdure init" in again.err, again
    init = place.run("init", cwd=folder)
    if init.code:  # its log of runs knows a backup of the one that is gone
        init = place.good("init", "--confirm", "main", cwd=folder)
    place.good("backup", cwd=folder)
    place.good("repo", "check", cwd=folder)


def claim_no_report_is_signed_about_nothing(place):
    with sqlite3.connect(place.work / "app.db") as database:
        database.execute("CREATE TABLE t(a)")
    database.close()
    place.repository(app="app.db")
    place.good("backup")
    ran = place.good("report", "permissions", "latest", "--restored", "/nowhere/at/all", code=2)
    assert "owners and modes" in ran.err and not (place.work / "perdure-reports").exists(), ran


def claim_keys_stay_out_of_repositories_and_media_too(place):
    with sqlite3.connect(place.work / "app.db") as database:
        database.execute("CREATE TABLE picture(id INTEGER PRIMARY KEY, path TEXT)")
        database.execute("INSERT INTO picture VALUES(1, 'a.jpg')")
    database.close()
    place.write("a.jpg", b"\xff\xd8\xff" + bytes(3000))
    subprocess.run(["git", "init", "-q", "."], cwd=place.work, check=True)
    place.repository(app="app.db")
    config = place.work / "perdure.toml"
    config.write_text(config.read_text() + 'media = "."\n[source.app.records.picture]\n'
                      'table = "picture"\nmedia = "path"\n'
                      '[source.code]\ntype = "git"\npath = "."\n')
    place.good("key", "recovery-kit", "-o", "perdure-recovery.txt")
    place.good("backup")
    place.good("restore", "latest", "--to", place.folder / "back")
    names = [path.name for path in (place.folder / "back").rglob("*")]
    assert names.count("a.jpg") == 2 and names.count("app.db") == 1, names
    assert not {"perdure.key", "perdure-recovery.txt"} & set(names), names


def claim_a_value_that_is_wrong_leads_to_the_page_of_its_command(place):
    place.repository()
    for words in (["backup", "verify", "--sample", "0%"], ["repo", "compact", "--grace", "-1d"],
                  ["backup", "cleanup", "--keep-within", "1x"]):
        ran = place.good(*words, code=2)
        assert f"perdure help {words[0]} {words[1]}\n" in ran.err, ran


def claim_no_restore_of_files_writes_over_the_database_of_a_source(place):
    """A snapshot that holds its plain files still, of before it was a source of its own."""
    database = in_use(place)
    place.repository(data="data")
    place.run("backup")
    place.good("source", "add", "app", "--type", "sqlite", "--path", "data/app.db")
    add_users(database, range(2, 500), "x" * 300)
    ran = place.good("restore", "latest", "data", "--to", "live", "--merge-strategy", "overwrite",
                     "--delete", "--confirm", "data", code=3)
    assert "app.db-wal" in ran.err, ran
    assert database.execute("SELECT count(*) FROM users").fetchall() == [(499,)]
    with sqlite3.connect(place.work / "data/app.db") as other:
        assert other.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    other.close()
    database.close()


def claim_no_restore_of_files_writes_over_a_database_in_use(place):
    database = in_use(place)
    place.write("data/one.txt", "one\n")
    place.repository(data="data")
    place.good("backup", code=3)
    add_users(database, range(2, 500), "x" * 300)
    place.write("data/one.txt", "two\n")
    words = ["restore", "latest", "data", "--to", "live", "--merge-strategy", "overwrite",
             "--delete", "--confirm", "data"]
    ran = place.good(*words, code=3)
    assert "app.db-wal" in ran.err and "stop its application" in ran.err, ran
    assert (place.work / "data/one.txt").read_text() == "one\n"  # the rest comes back
    assert database.execute("SELECT count(*) FROM users").fetchall() == [(499,)]
    database.close()
    place.good(*words, code=0)
    with sqlite3.connect(place.work / "data/app.db") as other:
        assert other.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert other.execute("SELECT count(*) FROM users").fetchall() == [(1,)]
    other.close()


def claim_no_log_comes_beside_a_database_that_stays(place):
    """SQLite would play the old one back into it: live rows would be gone, and it called right."""
    database = in_use(place)
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    add_users(database, range(2, 300), "old" * 90)
    place.write("data/notes", "old\n")
    place.write("data/notes-wal", "not by SQLite\n")
    place.repository(data="data")
    place.good("backup", code=3)
    add_users(database, range(1000, 3000), "new" * 90)
    database.close()  # which folds the log in and takes it away
    place.write("data/notes", "newer\n")
    (place.work / "data/notes-wal").unlink()
    for strategy in ("keep-newer", "skip"):
        planned = place.good("restore", "plan", "latest", "data", "--merge-strategy", strategy,
                             code=3)
        assert "app.db-wal" in planned.out + planned.err, planned
        ran = place.good("restore", "latest", "data", "--to", "live", "--merge-strategy", strategy,
                         "--confirm", "data", code=3)
        assert "app.db-wal" in ran.err and "--to DIR" in ran.err, ran
        assert (place.work / "data/notes-wal").read_text() == "not by SQLite\n"
        with sqlite3.connect(place.work / "data/app.db") as other:
            assert other.execute("SELECT count(*) FROM users").fetchall() == [(2299,)]
        other.close()
    # Where the database comes back as it was, its log belongs to it.
    place.good("restore", "latest", "data", "--to", "live", "--merge-strategy", "overwrite",
               "--confirm", "data")
    with sqlite3.connect(place.work / "data/app.db") as other:
        assert other.execute("SELECT count(*) FROM users").fetchall() == [(299,)]
    other.close()


stage.main(globals())
