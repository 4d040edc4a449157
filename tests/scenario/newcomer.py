#!/usr/bin/env python3
"""The first ten minutes: quickstart, and what comes after."""
import os
import pathlib
import shutil
import stat
import subprocess

import stage

QUICKSTART_FILES = ["backups", "perdure-recovery.txt", "perdure.key", "perdure.toml"]


def with_database(place, name="ldbc_snb_social/ldbc_snb.sqlite"):
    target = place.folder / "app"
    target.mkdir()
    shutil.copy(stage.real_database(name), target / "app.db")
    return target / "app.db"


def claim_quickstart_goes_from_nothing_to_a_proven_backup(place):
    database = with_database(place)
    before = stage.fingerprint(database.parent)
    ran = place.good("quickstart", database, "--no-input", "--json")
    assert stage.fingerprint(database.parent) == before, "the target was touched"
    assert sorted(p.name for p in place.work.iterdir()) == QUICKSTART_FILES
    summary = ran.summary
    assert summary["verified"] and summary["drilled"], summary
    assert summary["sources"][0]["equal_to_live"], summary
    assert summary["exit_code"] == 0 and summary["errors"] == []
    assert summary["health"].startswith("Protected"), summary["health"]


def claim_quickstart_maps_people_and_keeps_secrets_private(place):
    place.good("quickstart", with_database(place), "--no-input")
    config = (place.work / "perdure.toml").read_text()
    assert 'table = "person"' in config and 'key = "p_personid"' in config, config
    for name in QUICKSTART_FILES[1:]:
        mode = stat.S_IMODE((place.work / name).stat().st_mode)
        assert mode & 0o077 == 0, f"{name} has mode {mode:o}"
    place.good("config", "check")
    place.good("doctor")


def claim_after_quickstart_the_three_next_commands_work(place):
    database = with_database(place)
    place.good("quickstart", database, "--no-input")
    place.good("backup")
    place.good("restore", "latest", "--to", place.folder / "back")
    restored = place.folder / "back" / "app" / "app.db"
    assert stage.sqlite_dump(restored) == stage.sqlite_dump(database)
    assert "Protected" in place.good("status", "--exit-code").out
    # The drill of the first minutes is evidence like any other.
    drill = place.good("restore", "drill", "list", "--json").events[0]
    assert drill["passed"] and drill["equality"] == "equal_to_live", drill
    assert "equal_to_live" in place.good("report", "runbook").out


def claim_the_recovery_kit_opens_the_repository_alone(place):
    database = with_database(place)
    place.good("quickstart", database, "--no-input")
    (place.work / "perdure.key").unlink()
    config = place.work / "perdure.toml"
    config.write_text(config.read_text().replace('"perdure.key"', '"perdure-recovery.txt"'))
    place.good("restore", "latest", "--to", place.folder / "back")


def claim_quickstart_refuses_a_folder_that_is_in_use(place):
    database = with_database(place)
    place.write("perdure.toml", "version = 1\n")
    before = stage.fingerprint(place.work)
    ran = place.good("quickstart", database, "--no-input", code=15)
    assert "exists already" in ran.err and stage.fingerprint(place.work) == before


def claim_quickstart_of_nothing_says_so_and_leaves_nothing(place):
    ran = place.run("quickstart", place.folder / "absent.db", "--no-input")
    assert ran.code != 0 and "absent.db" in ran.err, ran
    assert list(place.work.iterdir()) == []


def claim_quickstart_takes_a_folder_with_media_and_a_git_repository(place):
    source = place.folder / "www"
    (source / "photos").mkdir(parents=True)
    for number in range(5):
        (source / "photos" / f"{number}.jpg").write_bytes(b"\xff\xd8\xff" + bytes(5000 + number))
    (source / "site.conf").write_text("listen 80;\n")
    ran = place.good("quickstart", source, "--no-input", "--json")
    assert ran.summary["drilled"], ran
    place.good("restore", "latest", "--to", place.folder / "back")
    [name] = [each["name"] for each in ran.summary["sources"]]
    assert stage.rsync_differences(source, place.folder / "back" / name) == ""


def claim_a_user_who_may_not_give_files_away_passes_the_drill(place):
    if os.getuid() != 0:
        raise stage.Skip("only root can become somebody else")
    source = place.folder / "www"
    (source / "d").mkdir(parents=True)
    (source / "page.html").write_text("hello\n")
    (source / "secret").write_text("nobody may read it\n")
    (source / "secret").chmod(0o600)
    for path in (place.folder, place.work):
        os.chown(path, 65534, 65534)
    done = subprocess.run(
        ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", stage.PROGRAM,
         "quickstart", source, "--no-input", "--json"], cwd=place.work, env=place.environment,
        capture_output=True, text=True)
    ran = stage.Ran(done.returncode, done.stdout, done.stderr)
    if not ran.out:
        raise stage.Skip("nobody may not run the program here")
    # Partial, since something could not be read; but what was read is proven.
    assert ran.code == 3, ran
    assert ran.summary["drilled"] and "Protected" in ran.summary["health"], ran.summary
    assert any("secret" in error["path"] for error in ran.summary["errors"]), ran.summary


def claim_the_demo_tells_the_whole_story(place):
    ran = place.good("demo", place.folder / "demo", "--size", "60", "--json")
    assert ran.summary["verified"] and ran.summary["drilled"], ran
    assert pathlib.Path(place.folder / "demo" / "restored").is_dir()


def claim_keys_stay_out_of_what_they_open(place):
    place.write("app/one.txt", "one\n")
    place.good("quickstart", ".", "--no-input", cwd=place.work / "app")
    place.good("restore", "latest", "--to", place.folder / "back", cwd=place.work / "app")
    back = sorted(path.name for path in (place.folder / "back").rglob("perdure*"))
    assert back == ["perdure.toml"], back
    assert list((place.folder / "back").rglob("one.txt"))


stage.main(globals())
