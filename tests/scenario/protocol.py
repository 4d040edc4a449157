#!/usr/bin/env python3
"""What scripts rely on: JSON Lines, summaries, exit codes, signals, the log of runs."""
import base64
import os
import pathlib
import pty
import re
import signal
import subprocess
import time

import album
import stage


def claim_every_line_is_json_and_the_last_is_the_summary(place):
    place.write("data/one.txt", "one\n")
    place.repository(data="data")
    place.good("backup", "--json")
    commands = [["backup"], ["backup", "list"], ["backup", "show", "latest"],
                ["backup", "verify"], ["repo", "check"], ["repo", "stats"], ["status"],
                ["doctor"], ["config", "check"], ["config", "show", "--resolved"],
                ["config", "schema"], ["source", "list"], ["source", "test"],
                ["source", "discover", "data"], ["destination", "list"], ["destination", "test"],
                ["key", "list"], ["runs", "list"], ["runs", "show", "1"],
                ["retention", "preview", "--keep", "5"],
                ["backup", "verify", "--restore"], ["restore", "drill"], ["repo", "compact"],
                ["repo", "repair", "--dry-run"],
                ["backup", "cleanup", "--keep", "5"], ["version"], ["completion", "bash"]]
    for words in commands:
        ran = place.good(*words, "--json")
        summary = ran.summary
        assert " ".join(words).startswith(summary["command"]), summary
        assert summary["exit_code"] == 0 and summary["errors"] == [], summary
        assert ran.err == "", f"{words}: talk beside JSON\n{ran.err}"


def claim_the_summary_of_backup_counts_what_happened(place):
    place.write("data/one.txt", "x" * 100_000)
    place.repository(data="data")
    place.settle()
    first = place.good("backup", "--json").summary
    for field in ("snapshot", "items", "bytes_read", "bytes_new", "bytes_stored", "duration_s"):
        assert field in first, f"{field} is missing: {first}"
    assert first["bytes_read"] == 100_000 and first["bytes_new"] >= 100_000
    assert first["snapshot_type"] == "full"
    second = place.good("backup", "--json").summary
    assert second["snapshot"] != first["snapshot"] and second["bytes_read"] == 0, second
    assert second["snapshot_type"] == "incremental"
    dry = place.good("backup", "--dry-run", "--type", "full", "--json").summary
    assert dry["snapshot"] is None and dry["bytes_read"] == 100_000
    assert len(place.good("backup", "list", "--json").events) == 3


def claim_the_summary_of_restore_counts_actions(place):
    place.write("data/one.txt", "one\n")
    place.repository(data="data")
    place.good("backup")
    summary = place.good("restore", "latest", "--to", place.folder / "back", "--json").summary
    assert summary["actions"]["created"] >= 1 and summary["actions"]["skipped"] == 0, summary


def claim_errors_are_in_the_summary_too(place):
    ran = place.good("backup", "--json", code=2)
    [error] = ran.summary["errors"]
    assert error["code"] == "PD-0202" and error["fix"], error
    assert ran.summary["exit_code"] == 2
    assert place.good("bakcup", "--json", code=2).summary["errors"]


def claim_data_goes_to_stdout_and_talk_to_stderr(place):
    place.write("data/one.txt", "one\n")
    place.repository(data="data")
    ran = place.good("backup")
    assert ran.err == "" and "snapshot" in ran.out, ran
    ran = place.good("backup", "show", "nothing", code=1)
    assert ran.out == "" and ran.err.startswith("error["), ran


def claim_an_unreadable_file_makes_it_partial_and_is_named(place):
    # root reads everything: become nobody
    root = os.getuid() == 0
    nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] if root else []
    place.write("data/good.txt", "good\n")
    place.write("data/secret.txt", "secret\n")
    (place.work / "data" / "secret.txt").chmod(0o600 if root else 0)
    (place.work / "perdure.toml").write_text(
        'version = 1\n[repository.main]\ndestinations = ["d"]\nkey = { file = "k" }\n'
        '[destination.d]\ntype = "local"\npath = "b"\n[source.data]\ntype = "files"\n'
        'path = "data"\n')
    for path in [place.folder, *place.folder.rglob("*")] if root else []:
        if path.name != "secret.txt":
            os.chown(path, 65534, 65534)

    def run(*words):
        done = subprocess.run([*nobody, stage.PROGRAM, *words], cwd=place.work,
                              env=place.environment, capture_output=True)
        return stage.Ran(done.returncode, done.stdout.decode(), done.stderr.decode())

    if run("version").code != 0:
        raise stage.Skip("nobody may not run the program here")
    assert run("init").code == 0
    ran = run("backup", "--json")
    assert ran.code == 3, ran
    assert any("secret.txt" in error.get("path", "") for error in ran.summary["errors"]), ran
    assert ran.summary["snapshot"], "a partial backup is a backup"
    assert "secret.txt" in run("backup").err
    # The rest can be restored.
    assert run("restore", "latest", "--to", str(place.folder / "back")).code == 0
    assert (place.folder / "back" / "data" / "good.txt").read_text() == "good\n"


def claim_names_that_are_no_utf8_come_as_base64_too(place):
    place.write("data/plain", "x")
    with open(os.fsencode(place.work) + b"/data/odd-\xff", "w") as odd:
        odd.write("x")
    place.repository(data="data")
    place.good("backup")
    events = place.good("backup", "show", "latest", "--json").events
    [odd] = [event for event in events if "path_b64" in event]
    assert base64.b64decode(odd["path_b64"]) == b"odd-\xff", odd


def slow(place):
    """A source that takes its time: a command that sleeps."""
    place.write("perdure.toml", 'version = 1\n[repository.main]\ndestinations = ["disk"]\n'
                'key = { file = "perdure.key" }\n[destination.disk]\ntype = "local"\n'
                'path = "backups"\n[source.slow]\ntype = "command"\n'
                'command = ["sh", "-c", "echo begun > begun; sleep 60"]\noutput_name = "out"\n')
    place.good("init")


def started(place, *words):
    process = place.start(*words)
    deadline = time.monotonic() + 60
    while not list(place.folder.rglob("begun")) and time.monotonic() < deadline:
        assert process.poll() is None, "it ended before it was asked to"
        time.sleep(0.05)
    return process


def claim_ctrl_c_stops_cleanly_with_130_and_sigterm_with_143(place):
    slow(place)
    for number, code in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
        for path in place.folder.rglob("begun"):
            path.unlink()
        process = started(place, "backup", "--json")
        process.send_signal(number)
        out, err = process.communicate(timeout=30)
        ran = stage.Ran(process.returncode, out.decode(), err.decode())
        assert ran.code == code and ran.summary["exit_code"] == code, ran
    outcomes = [run.get("outcome") for run in place.good("runs", "list", "--json").events[:-1]]
    assert outcomes == ["cancelled", "cancelled"], outcomes
    place.good("repo", "check")


def claim_a_killed_run_is_remembered_as_interrupted(place):
    slow(place)
    process = started(place, "backup")
    process.kill()
    process.communicate()
    assert place.good("runs", "list", "--json").events[0]["outcome"] == "interrupted"


def claim_a_timeout_stops_it(place):
    slow(place)
    began = time.monotonic()
    ran = place.good("backup", "--timeout", "1s", code=1)
    assert time.monotonic() - began < 30 and "--timeout" in ran.err, ran


def claim_status_knows_what_is_overdue(place):
    place.write("data/one.txt", "one\n")
    place.repository(data="data")
    assert "overdue" in place.good("status", "--exit-code", code=20).out
    place.good("backup")
    place.good("backup", "verify")
    place.good("restore", "drill")
    assert place.good("status", "--exit-code").out.startswith("Protected")
    config = place.work / "perdure.toml"
    config.write_text(config.read_text() + '[objectives]\nrpo = "1s"\n')
    time.sleep(2.1)
    summary = place.good("status", "--exit-code", "--json", code=20).summary
    assert summary["sources"][0]["lights"]["backup"]["light"] == "overdue", summary
    pathlib.Path(place.work / "backups").rename(place.work / "gone")
    assert place.good("status", "--json").summary["worst"] == "red"


def claim_status_promises_nothing_that_nobody_knows(place):
    place.write("data/one.txt", "one\n")
    place.repository(data="data")
    place.good("backup")
    # A home that cannot be written: no log, no cache. Backups and restores go on all the same.
    place.environment.update(XDG_STATE_HOME="/proc/none", XDG_CACHE_HOME="/proc/none")
    ran = place.good("status", "--exit-code", code=20)
    assert ran.out.startswith("Not known") and "Protected" not in ran.out, ran
    summary = place.good("status", "--json").summary
    assert summary["known"] is False and summary["worst"] == "unknown", summary
    place.good("backup")
    place.good("restore", "latest", "--to", place.folder / "back")
    assert (place.folder / "back" / "data" / "one.txt").read_text() == "one\n"
    doctor = place.good("doctor").out
    assert "XDG_STATE_HOME" in doctor and "XDG_CACHE_HOME" in doctor, doctor


def claim_status_says_why_and_one_whole_snapshot_heals_no_other(place):
    place.write("a/large", os.urandom(300_000))
    place.write("b/small", "b\n")
    place.repository(a="a", b="b")
    place.good("backup", "a")
    packs = [path for path in (place.work / "backups" / "pack").rglob("*") if path.is_file()]
    place.good("backup", "b")
    for pack in packs:
        pack.chmod(0o600)
        pack.write_bytes(pack.read_bytes()[:1000])
    place.good("repo", "check", code=14)
    place.good("backup", "verify", "latest")  # of b, which is whole

    def check_of(source):
        sources = place.good("status", "--json").summary["sources"]
        return next(one for one in sources if one["name"] == source)["lights"]["check"]
    for source in ("a", "b"):
        light = check_of(source)
        assert light["light"] == "red" and "damaged" in light["detail"], light
    (place.work / "a").rename(place.work / "away")
    error = place.good("backup", code=3).err
    assert "[source.a] (perdure.toml:" in error, error
    status = place.good("status")
    assert "No such file" in status.out and "failed just now" in status.out, status


def claim_times_are_typed_as_lists_show_them(place):
    place.environment["TZ"] = "Asia/Kathmandu"
    place.write("data/one.txt", "first\n")
    place.repository(data="data")
    config = place.work / "perdure.toml"  # one that takes a while
    config.write_text(config.read_text() + '\n[source.slow]\ntype = "command"\n'
                      'command = ["sh", "-c", "sleep 1.5; echo done"]\n')
    place.good("backup")
    place.write("data/one.txt", "second\n")
    place.good("backup")
    shown = re.findall(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", place.good("backup", "list").out)
    place.good("restore", "latest", "--at", shown[0], "--to", place.folder / "first")
    assert (place.folder / "first" / "data" / "one.txt").read_text() == "first\n"
    zoned = place.good("backup", "list", "--json").events[1]["finished"]
    place.good("restore", "latest", "--at", zoned, "--to", place.folder / "second")
    assert (place.folder / "second" / "data" / "one.txt").read_text() == "second\n"
    assert "local time" in place.good("restore", "latest", "--at", "yesterday", "--to",
                                      place.folder / "x", code=2).err
    place.good("restore", "latest", "--at", "2026-02-30", "--to", place.folder / "x", code=2)


def claim_pins_and_rules_decide_what_goes(place):
    place.write("data/one.txt", "one\n")
    place.repository(data="data")
    ids = [place.good("backup", "--json").summary["snapshot"] for _ in range(4)]
    place.good("backup", "pin", ids[0], "--reason", "audit")
    preview = place.good("backup", "cleanup", "--keep", "1", "--dry-run", "--json").summary
    assert preview["kept"] == 2 and preview["expired"] == 2 and preview["removed"] == 0, preview
    done = place.good("backup", "cleanup", "--keep", "1", "--json").summary
    assert done["removed"] == 2, done
    events = place.good("backup", "list", "--json").events
    left = [event["id"] for event in events if event["type"] == "snapshot"]
    assert sorted(left) == sorted([ids[0], ids[3]]), left
    place.good("backup", "delete", ids[3], code=17)
    place.good("backup", "delete", ids[3], "--yes", code=17)
    place.good("backup", "delete", ids[3], "--confirm", ids[3][:12])
    assert place.run("backup", "delete", ids[0], "--confirm", ids[0][:12]).code != 0, "pinned"
    place.good("backup", "unpin", ids[0])
    assert "no retention" in place.good("backup", "cleanup", code=2).err


def claim_the_log_of_runs_and_the_store_name_no_person(place):
    album.create(place, memories=20, missing=True)  # rows name gone.jpg, which is not there
    place.good("init")
    place.good("export", "--format", "zip", "-o", "all.zip", code=3)
    snapshot = place.run("backup", "--json").summary["snapshot"]
    place.good("backup", "pin", snapshot, "--reason", "complaint of Anna Ek")
    kept = b"".join(path.read_bytes() for path in (place.folder / "state").rglob("runs.db*"))
    assert len(kept) > 4096 and b"gone.jpg" not in kept
    stored = b"".join(path.read_bytes() for path in (place.work / "backups").rglob("*")
                      if path.is_file())
    assert b"Anna" not in stored
    show = place.good("backup", "show", snapshot[:8], "--json").summary
    assert show["pin_reason"] == "complaint of Anna Ek", show
    listed = place.good("backup", "list", "--json").events[0]
    assert listed["pinned"] and listed["pin_reason"] == "complaint of Anna Ek", listed
    runs = [e for e in place.good("runs", "list", "--json").events if e["type"] == "run"]
    exported = next(run for run in runs if run["verb"] == "export")
    shown = place.good("runs", "show", exported["id"], "--json").summary
    assert shown["problems"] == [] and shown["problems_total"] == 1, shown
    # Where nobody is mapped, names are kept: they are what a person looks for the next morning.
    config = place.work / "perdure.toml"
    text = config.read_text()
    start, end = text.index("[source.app.subjects]"), text.index("[source.app.records.memory]")
    config.write_text(text[:start] + text[end:])
    place.good("export", "--format", "zip", "-o", "again.zip", code=3)
    runs = [e for e in place.good("runs", "list", "--json").events if e["type"] == "run"]
    shown = place.good("runs", "show", runs[0]["id"], "--json").summary
    assert [problem["path"] for problem in shown["problems"]] == ["gone.jpg"], shown


def claim_keys_can_be_added_rotated_and_removed(place):
    place.write("data/one.txt", "one\n")
    place.repository(data="data")
    place.good("backup")
    place.good("key", "add", "--file", "second.key", "--label", "second")
    place.good("key", "rotate")
    keys = [e for e in place.good("key", "list", "--json").events if e["type"] == "key"]
    first = next(key["id"] for key in keys if key["current"])
    config = place.work / "perdure.toml"
    config.write_text(config.read_text().replace('"perdure.key"', '"second.key"'))
    place.good("key", "remove", first[:8], code=17)
    place.good("key", "remove", first[:8], "--confirm", first[:8])
    place.good("restore", "latest", "--to", place.folder / "back")
    config.write_text(config.read_text().replace('"second.key"', '"perdure.key"'))
    place.good("backup", "list", code=12)


def claim_a_passphrase_from_the_environment_opens(place):
    place.write("data/one.txt", "one\n")
    place.repository(data="data")
    place.environment["PERDURE_TEST_SECRET"] = "correct horse battery staple"
    place.good("key", "add", "--env", "PERDURE_TEST_SECRET")
    config = place.work / "perdure.toml"
    config.write_text(config.read_text().replace('{ file = "perdure.key" }',
                                                 '{ env = "PERDURE_TEST_SECRET" }'))
    place.good("backup")
    config.write_text(config.read_text().replace('{ env = "PERDURE_TEST_SECRET" }',
                                                 '{ prompt = true }'))
    assert "no-input" in place.good("backup", "--no-input", code=12).err


def at_a_terminal(place, words, *keys):
    """Runs words at a terminal of its own and types keys, each when a question is asked."""
    child, terminal = pty.fork()
    if child == 0:
        os.chdir(place.work)
        os.execve(stage.PROGRAM, [stage.PROGRAM, *words], place.environment)
    shown, keys, asked = b"", list(keys), 0
    while True:
        try:
            shown += os.read(terminal, 4096)
        except OSError:
            break
        if keys and shown.count(b": ") > asked or keys and shown.endswith(b"again: "):
            asked = shown.count(b": ")
            time.sleep(0.3)   # after the question the echo is switched off
            os.write(terminal, keys.pop(0))
    _, status = os.waitpid(child, 0)
    os.close(terminal)
    return os.waitstatus_to_exitcode(status), shown.decode()


def claim_a_passphrase_is_asked_for_without_echo_and_twice_at_birth(place):
    place.write("data/one.txt", "one\n")
    place.write("perdure.toml", 'version = 1\n[repository.main]\ndestinations = ["d"]\n'
                'key = { prompt = true }\n[destination.d]\ntype = "local"\npath = "b"\n'
                '[source.data]\ntype = "files"\npath = "data"\n')
    code, shown = at_a_terminal(place, ["init"], b"secret word\n", b"secret wrod\n")
    assert code == 2 and "differ" in shown and "secret" not in shown, shown
    code, shown = at_a_terminal(place, ["init"], b"secret word\n", b"secret word\n")
    assert code == 0 and "secret" not in shown, shown
    assert at_a_terminal(place, ["backup"], b"secret word\n")[0] == 0
    assert at_a_terminal(place, ["backup", "list"], b"wrong\n")[0] == 12
    assert at_a_terminal(place, ["backup"], b"\x03")[0] == 130


def claim_quiet_commands_say_nothing_while_all_is_well(place):
    """The lines of a crontab: a mail comes only when there is something to read."""
    place.write("data/one.txt", "one\n")
    place.repository(data="data")
    for words in (["backup"], ["backup", "cleanup", "--keep", "3"], ["repo", "check"],
                  ["restore", "drill"], ["backup", "verify"], ["status"]):
        ran = place.good(*words, "--quiet")
        assert ran.out == "" and ran.err == "", (words, ran)
    assert place.good("backup", "list", "--quiet").out, "what was asked for is told"
    (place.work / "data").rename(place.work / "away")
    ran = place.good("backup", "--quiet", code=1)
    assert "error[" in ran.err, ran


stage.main(globals())
