#!/usr/bin/env python3
"""Evidence: drills, custody, migration reports, and restores under other owners and paths."""
import contextlib
import hashlib
import json
import os
import shutil
import sqlite3
import subprocess
import time

import stage


def events(ran, kind):
    return [event for event in ran.events if event["type"] == kind]


def small_app(place):
    live = place.work / "app.db"
    place.write("data/web/index.html", "<p>\n")
    place.write("data/etc/app.conf", "x = 1\n")
    place.repository(app=live, data="data")
    with sqlite3.connect(live) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS note (id INTEGER PRIMARY KEY, body TEXT)")
        connection.execute("INSERT INTO note (body) VALUES ('hello')")
    return live


def claim_the_runbook_is_enough_to_bring_everything_back_on_a_bare_machine(place):
    live = small_app(place)
    config = place.work / "perdure.toml"
    config.write_text(config.read_text() + 'quiesce = ["true"]\nresume = ["true"]\npriority = 1\n'
                      '[source.app.invariants]\nbody = "SELECT 1 FROM note WHERE body IS NULL"\n')
    place.good("backup")
    place.good("restore", "drill")
    place.good("key", "recovery-kit", "-o", "kit.txt")
    place.good("report", "runbook", "-o", "runbook.md")
    place.good("report", "runbook", "-o", "runbook.md", code=15)
    place.good("report", "runbook", "-o", "runbook.md", "--replace")
    text = (place.work / "runbook.md").read_text()
    key = (place.work / "perdure.key").read_text().split()[-1]
    kit = (place.work / "kit.txt").read_text()
    phrase = next(line.strip() for line in kit.splitlines() if line.count("-") == 7)
    assert key not in text and phrase not in text, "a secret stands in it"
    for said in ("recovery phrase", str(live), "SELECT 1 FROM note", "equal_to_live", "rto" if
                 "rto" in config.read_text() else "rpo"):
        assert said in text, (said, text)
    # The other machine: only the destination, the kit and the page.
    there = place.folder / "there"
    there.mkdir()
    (place.work / "backups").rename(place.folder / "disk")
    (place.work / "kit.txt").rename(there / "perdure-recovery.txt")
    blocks = text.split("```")[1::2]
    toml = next(block for block in blocks if block.startswith("toml\nversion"))
    toml = toml.removeprefix("toml\n").replace(str(place.work / "backups"),
                                               str(place.folder / "disk"))
    (there / "perdure.toml").write_text(toml)
    live.unlink()
    shutil.rmtree(place.work / "data")
    # Every command of the page, as it is typed; what moves the machine's paths stays below `back`.
    back = place.folder / "back"
    text = text[text.index("## A bare machine"):text.index("## Smaller accidents")]
    ran = []
    for block in text.split("```")[1::2]:
        if not block.startswith("sh\n"):
            continue
        for line in block.splitlines()[1:]:
            line = line.split("   #")[0].replace("/srv/restore", str(back))
            if line.startswith(("chown", "#", "perdure backup\n")) or line in (
                    "perdure backup", "perdure restore drill"):
                continue
            line = line.replace("perdure ", stage.PROGRAM + " ", 1) if line.startswith(
                "perdure ") else line
            done = subprocess.run(line, shell=True, cwd=there, env=place.environment,
                                  capture_output=True, text=True)
            assert done.returncode == 0, (line, done)
            ran.append(line)
    assert len(ran) > 6, ran
    with sqlite3.connect(live) as connection:
        assert connection.execute("SELECT body FROM note").fetchall() == [("hello",)]
    assert (place.work / "data/etc/app.conf").read_text() == "x = 1\n"
    # The appendix is a configuration that holds no fault.
    appendix = next(block for block in blocks if block.startswith("toml\nversion = 1\n") and
                    "source.app" in block)
    (there / "perdure.toml").write_text(appendix.removeprefix("toml\n"))
    place.good("config", "check", "--offline", cwd=there)


def claim_the_runbook_says_what_could_not_be_asked(place):
    small_app(place)
    with open(place.work / "perdure.toml", "a") as config:
        config.write('[source.dump]\ntype = "command"\ncommand = ["seq", "3"]\n')
    place.good("backup")
    (place.work / "backups").rename(place.folder / "away")
    ran = place.good("report", "runbook", "--json", code=3)
    text = ran.summary["markdown"]
    assert "could not be reached" in text and "rsync -aHAX" in text, text
    assert "No restore was ever tested" in text, text
    (place.folder / "away").rename(place.work / "backups")
    text = place.good("report", "runbook").out
    assert "There is no recovery kit" in text, text
    place.good("restore", "latest", "dump", "--to", place.folder / "back")
    assert (place.folder / "back/dump/dump.out").read_text() == "1\n2\n3\n"
    assert "/srv/restore/dump/dump.out is what this printed" in text, text


def claim_drills_are_signed_listed_and_drawn_by_seed(place):
    live = small_app(place)
    for n in range(5):
        with sqlite3.connect(live) as connection:
            connection.execute("INSERT INTO note (body) VALUES (?)", (f"n {n}",))
        place.good("backup")
    first = place.good("restore", "drill", "app", "--seed", "7", "--json")
    assert first.summary["drills"] == 2 and first.summary["passed"], first
    drawn = [d["snapshot"] for d in events(first, "drill")]
    again = place.good("restore", "drill", "app", "--seed", "7", "--json")
    assert [d["snapshot"] for d in events(again, "drill")] == drawn, "another draw by one seed"
    assert drawn[0] != drawn[1]
    report = events(first, "drill")[1]["report"]
    body = json.loads(open(report, encoding="utf-8").read())["body"]
    assert body["drawn_by_seed"] == 7 and body["rto_ms"] >= 0 and body["rpo_s"] >= 0, body
    place.good("verify-report", report)
    past = events(place.good("restore", "drill", "list", "--json"), "past_drill")
    assert len(past) == 4 and all(p["passed"] and p["source"] == "app" for p in past), past
    os.chmod(report, 0o644)
    text = open(report, encoding="utf-8").read()
    with open(report, "w", encoding="utf-8") as changed:
        changed.write(text.replace('"passed": true', '"passed": false'))
    listed = place.good("restore", "drill", "list", "--json", code=14)
    assert not all(p["intact"] for p in events(listed, "past_drill"))
    assert "restore test" in place.run("status", "--json").out


def claim_the_data_of_a_killed_drill_goes_with_the_next_command(place):
    """SIGKILL leaves decrypted data in TMPDIR; the next drill removes that and nothing else."""
    secret = b"what only the living may read\n"
    for number in range(800):
        place.write(f"data/{number:04}.txt", secret)
    place.repository(data="data")
    place.good("backup")
    scratch = place.folder / "tmp"
    scratch.mkdir()
    place.environment["TMPDIR"] = str(scratch)
    (scratch / "perdure-scratch-mine").mkdir()
    left = []
    for _ in range(20):
        process = place.start("restore", "drill")
        until = time.monotonic() + 60
        while process.poll() is None and time.monotonic() < until:
            left = [path for path in [next(scratch.rglob("*.txt"), None)] if path]
            if left:
                break
            time.sleep(0.005)
        process.kill()
        process.communicate()
        left = [path for path in left if path.exists()]
        if left:
            break
    assert left, "no drill could be killed in time"
    assert left[0].read_bytes() in (secret, b""), left
    folder = scratch / left[0].relative_to(scratch).parts[0]
    assert folder.stat().st_mode & 0o777 == 0o700, oct(folder.stat().st_mode)
    place.good("restore", "drill")
    assert [path.name for path in scratch.iterdir()] == ["perdure-scratch-mine"]


def claim_a_drill_fails_when_the_data_breaks_its_own_rules(place):
    live = small_app(place)
    with open(place.work / "perdure.toml", "a", encoding="utf-8") as config:
        config.write('[source.app.invariants]\nno_blanks = '
                     '"SELECT id FROM note WHERE body = \'\'"\n')
    place.good("backup")
    place.good("restore", "drill", "app")
    with sqlite3.connect(live) as connection:
        connection.execute("INSERT INTO note (body) VALUES ('')")
    place.good("backup")
    ran = place.good("restore", "drill", "app", code=14)
    assert "no_blanks" in ran.out + ran.err, ran
    past = events(place.good("restore", "drill", "list", "--json"), "past_drill")
    assert [p["passed"] for p in past] == [True, False], past


def claim_a_drill_that_compared_with_nothing_says_so(place):
    """Its signed report too: restored is not proven, where the live source cannot be read."""
    place.write("data/one.txt", "one\n")
    place.repository(data="data")
    place.good("backup")
    assert "restored and proven" in place.good("restore", "drill").out
    (place.work / "data").rename(place.work / "away")
    ran = place.good("restore", "drill")
    assert "proven" not in ran.out and "compared with nothing: data" in ran.out, ran
    assert "cannot be read" in ran.err and "away" not in ran.err, ran
    shown = place.good("runs", "list", "--json").events[0]["id"]
    assert "compared with nothing" in place.good("runs", "show", shown).out
    report = events(place.good("restore", "drill", "--json"), "drill")[0]
    assert report["sources"][0]["not_judged"] == 1, report
    body = json.loads(open(report["report"], encoding="utf-8").read())["body"]
    assert "compared with nothing" in body["sources"][0]["not_judged"][0]["reason"], body
    # What its configuration forgot is not proven either.
    (place.work / "away").rename(place.work / "data")
    config = place.work / "perdure.toml"
    config.write_text(config.read_text().replace("[source.data]", "[source.other]"))
    assert "no such source" in place.good("restore", "drill").err


def lights(place, name, *words, code=20):
    """The lights of a source, name to (light, detail)."""
    ran = place.good("status", "--exit-code", "--json", *words, code=code)
    source = next(source for source in ran.summary["sources"] if source["name"] == name)
    return {lamp: (state["light"], state["detail"]) for lamp, state in source["lights"].items()}


def wal_database(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE note (id INTEGER PRIMARY KEY, body TEXT)")
        connection.commit()


def claim_a_tree_around_a_database_that_nobody_has_open_is_equal(place):
    """SQLite makes files beside it while we read and takes them away: that is no difference."""
    wal_database(place.work / "data/apps/app.db")
    wal_database(place.work / "data/top.db")
    place.write("data/one.txt", "one\n")
    place.write("data/apps/two.txt", "two\n")
    place.repository(data="data", app="data/apps/app.db", top="data/top.db")
    place.good("backup")
    for _ in range(2):
        place.settle()
        ran = place.good("restore", "drill", "--json")
        assert {s["equality"] for s in ran.summary["sources"]} == {"equal_to_live"}, ran
        data = next(s for s in ran.summary["sources"] if s["name"] == "data")
        assert data["digest"] == data["expected"] and data["not_judged"] == 1, data
    assert "times of 2 folders" in place.good("restore", "drill", "data").err
    # Everything else of these folders is compared, and so is their time where no source reads.
    (place.work / "data/apps").chmod(0o700)
    ran = place.good("restore", "drill", "data", "--json")
    assert ran.summary["sources"][0]["equality"] == "changed_since", ran
    place.good("backup")
    place.write("data/other/three.txt", "three\n")
    place.good("backup")
    place.write("data/other/gone.txt", "")
    (place.work / "data/other/gone.txt").unlink()
    ran = place.good("restore", "drill", "data", "--json")
    assert ran.summary["sources"][0]["equality"] == "changed_since", ran


def claim_a_drill_looks_past_everything_that_changed_live(place):
    """However much that is, a file that is another one than its copy is found among it."""
    for number in range(80):
        place.write(f"data/{number:03}", "as it was\n")
    place.write("data/wrong", "as it was\n")
    other = place.work / "other"
    shutil.copytree(place.work / "data", other)
    (other / "wrong").write_text("AS it was\n")
    shutil.copystat(place.work / "data", other)
    place.repository(data="data")
    place.settle()
    place.good("backup")
    config = place.work / "perdure.toml"
    config.write_text(config.read_text().replace('path = "data"', 'path = "other"'))
    for number in range(80):
        (other / f"{number:03}").write_text("as it is\n")
    ran = place.good("restore", "drill", code=14)
    assert "wrong" in ran.err and "042" not in ran.err, ran


def claim_a_drill_that_compared_with_nothing_is_no_restore_test(place):
    place.write("data/one.txt", "one\n")
    place.repository(data="data")
    place.good("backup")
    (place.work / "data").rename(place.work / "away")
    place.good("restore", "drill")
    light, detail = lights(place, "data")["restore test"]
    assert light == "overdue" and "never proven" in detail and "nothing" in detail, detail
    assert "runs show" in detail, detail
    place.good("runs", "show", detail.split()[-1])
    (place.work / "away").rename(place.work / "data")
    place.good("restore", "drill")
    assert lights(place, "data")["restore test"] == ("green", "just now")
    (place.work / "data").rename(place.work / "away")
    place.good("restore", "drill")
    light, detail = lights(place, "data")["restore test"]
    assert light == "green" and "compared with nothing" in detail, detail


def claim_what_a_command_printed_is_proven_by_a_drill(place):
    """It cannot be asked again: its output is hashed on its way into the backup."""
    place.repository()
    config = place.work / "perdure.toml"
    config.write_text(config.read_text() + '[source.dump]\ntype = "command"\n'
                      'command = ["sh", "-c", "date +%N; seq 30000"]\n'
                      '[source.named]\ntype = "command"\ncommand = ["true"]\n'
                      'output_name = "named.sql"\n')
    place.good("backup")
    ran = place.good("restore", "drill", "--json")
    assert {s["equality"] for s in ran.summary["sources"]} == {"equal_to_recorded"}, ran
    place.good("restore", "latest", "--to", place.folder / "back")
    for source, name in (("dump", "dump.out"), ("named", "named.sql")):
        there = hashlib.sha256((place.folder / "back" / source / name).read_bytes()).hexdigest()
        told = next(s for s in ran.summary["sources"] if s["name"] == source)
        assert there == told["digest"] == told["expected"], told
    place.good("repo", "check")
    assert "not asked" not in place.good("status", "--exit-code").out.splitlines()[0]
    assert "not asked" in place.good("status", "--offline").out.splitlines()[0]


def claim_a_check_of_nothing_proves_nothing(place):
    place.write("data/one.txt", "one\n")
    place.write("late/one.txt", "one\n")
    place.repository(data="data", late="late")
    place.good("repo", "check")
    for name in ("data", "late"):
        assert lights(place, name)["check"] == ("overdue", "never"), name
    place.good("backup", "data")
    place.good("repo", "check")
    assert lights(place, "data")["check"] == ("green", "just now")
    assert lights(place, "late")["check"] == ("overdue", "never")


def claim_a_log_that_cannot_be_read_promises_nothing(place):
    place.write("data/one.txt", "one\n")
    place.repository(data="data")
    for words in (["backup"], ["repo", "check"], ["restore", "drill"], ["status", "--exit-code"]):
        place.good(*words)
    log = next((place.folder / "state").rglob("runs.db"))
    with contextlib.closing(sqlite3.connect(log)) as connection:
        connection.execute("ALTER TABLE run_skipped RENAME COLUMN count TO many")
        connection.commit()
    ran = place.good("status", "--exit-code", "--json", code=20)
    assert "Protected" not in ran.summary["sentence"] and not ran.summary["known"], ran


def claim_a_drill_tells_of_faults_that_the_source_has_itself(place):
    code = place.work / "code"

    def git(*words):
        return subprocess.run(["git", "-C", code, "-c", "user.name=n", "-c", "user.email=e",
                               *words], check=True, capture_output=True, text=True).stdout.strip()
    code.mkdir()
    git("init", "-q")
    place.write("code/file", "the only copy\n")
    git("add", "file")
    git("commit", "-qm", "one")
    place.repository(code="code")
    config = place.work / "perdure.toml"
    config.write_text(config.read_text().replace('type = "files"', 'type = "git"'))
    place.good("backup")
    assert "not judged" not in place.good("restore", "drill").err
    blob = git("rev-parse", "HEAD:file")
    (code / ".git" / "objects" / blob[:2] / blob[2:]).unlink()
    place.good("backup")
    ran = place.good("restore", "drill")
    assert "that the source has as well" in ran.err and blob in ran.err, ran


def claim_a_migration_leaves_signed_files_that_a_stranger_can_follow(place):
    small_app(place)
    place.good("backup")
    place.good("restore", "latest", "--to", "new")
    evidence = place.work / "evidence"
    made = {}
    for words in (["inventory", place.work / "data"], ["integrity"], ["restore"],
                  ["permissions", "--restored", "new"], ["custody"]):
        ran = place.good("report", *words, "-o", evidence, "--json")
        made[words[0]] = ran.summary
        place.good("verify-report", ran.summary["report"])
        assert open(ran.summary["text"], encoding="utf-8").read().startswith("perdure")
    # The integrity log names what is in the restored folder, byte by byte.
    items = [json.loads(line) for line in open(made["integrity"]["attachment"], encoding="utf-8")]
    files = {i["path"]: i for i in items if i["source"] == "data" and i["kind"] == "file"}
    for path, item in files.items():
        restored = (place.work / "new" / "data" / path).read_bytes()
        assert hashlib.sha256(restored).hexdigest() == item["sha256"], path
    assert set(files) == {"web/index.html", "etc/app.conf"}, files
    assert any(i["kind"] == "table" and i["path"] == "note" and i["rows"] == 1 for i in items)
    chain = json.loads(open(made["custody"]["report"], encoding="utf-8").read())["body"]
    acts = [entry["act"] for entry in chain["entries"]]
    assert acts[:2] == ["backup", "restore"] and "report integrity" in acts, acts
    assert not chain["faults"] and len(chain["head"]) == 64
    # Whatever is changed afterwards is noticed: the attachment, the file, the chain.
    with open(made["integrity"]["attachment"], "a", encoding="utf-8") as attachment:
        attachment.write("{}\n")
    place.good("verify-report", made["integrity"]["report"], code=14)
    entry = sorted((place.folder / "state").rglob("custody/*.json"))[0]
    entry.write_text(entry.read_text().replace('"backup"', '"export"'))
    place.good("report", "custody", "-o", evidence, code=14)


def claim_wrong_permissions_after_a_restore_are_named(place):
    small_app(place)
    os.chmod(place.work / "data/etc/app.conf", 0o640)
    place.good("backup")
    place.good("restore", "latest", "--to", "new")
    place.good("report", "permissions", "--restored", "new", "-o", "evidence")
    os.chmod(place.work / "new/data/etc/app.conf", 0o666)
    shutil.rmtree(place.work / "new/data/web")
    ran = place.good("report", "permissions", "--restored", "new", "-o", "evidence", "--json",
                     code=14)
    body = json.loads((place.work / ran.summary["report"]).read_text())["body"]
    faults = {(f["path"], f["property"]): (f["expected"], f["found"]) for f in body["faults"]}
    assert faults["etc/app.conf", "mode"] == ("0640", "0666"), faults
    assert ("web", "missing") in faults and ("web/index.html", "missing") in faults, faults


def claim_owners_and_paths_become_others_and_the_report_knows(place):
    if os.geteuid() != 0:
        raise stage.Skip("only root may give files away")
    small_app(place)
    os.chown(place.work / "data/web/index.html", 12345, 23456)
    os.symlink("/web/index.html", place.work / "data/link")
    os.link(place.work / "data/web/index.html", place.work / "data/web/second")
    place.good("backup")
    rules = ["--map-owner", "12345:23456=34567:daemon", "--map-path", "/web=/srv/site/web"]
    place.good("restore", "latest", "data", "--to", "new", *rules)
    there = place.work / "new/data/srv/site/web/index.html"
    assert there.read_text() == "<p>\n" and there.stat().st_uid == 34567, there.stat()
    assert there.stat().st_gid == 1, "daemon is group 1 on every Debian"
    assert there.stat().st_ino == (there.parent / "second").stat().st_ino
    assert os.readlink(place.work / "new/data/link") == "/srv/site/web/index.html"
    assert not (place.work / "new/data/web").exists()
    place.good("report", "permissions", "--restored", "new", "-o", "evidence", *rules, code=0)
    place.good("report", "permissions", "--restored", "new", "-o", "evidence", code=14)
    for bad in ("12345", "12345=no-such-user", "=1"):
        place.good("restore", "latest", "--to", "x", "--map-owner", bad, code=2)
    for bad in ("web", "web=../out", "web=a/../../b"):
        place.good("restore", "latest", "--to", "y", "--map-path", bad, code=2)
    place.good("restore", "latest", "data", "--to", "z", "--map-path", "web=etc/app.conf", code=15)
    # A rule that meets nothing is told, and the rest comes back.
    ran = place.good("restore", "latest", "data", "--to", "w", "--map-path", "wbe=of/site", code=3)
    assert "wbe: --map-path met no" in ran.err, ran
    assert (place.work / "w/data/web/index.html").exists()
    assert not (place.work / "w/data/of").exists(), "nothing came into it"


def claim_a_name_that_the_target_refuses_costs_that_name_only(place):
    """Exit 3; the others come back, and a hard link keeps the content of a refused name."""
    small_app(place)
    os.link(place.work / "data/web/index.html", place.work / "data/web/second")
    place.write("data/deep/one.txt", "1\n")
    place.good("backup")
    rules = []
    for path in ("web/index.html", "deep", "etc/app.conf"):
        rules += ["--map-path", f"{path}=" + path[0] * 300]
    ran = place.good("restore", "latest", "--to", "new", *rules, code=3)
    assert ran.out.count("refuses it") + ran.err.count("refuses it") >= 3, ran
    assert (place.work / "new/data/web/second").read_text() == "<p>\n"
    assert not list((place.work / "new").rglob("one.txt")), "below a refused folder"
    assert not list((place.work / "new").rglob(".perdure-*"))
    assert stage.sqlite_dump(place.work / "new/app/app.db")


stage.main(globals())
