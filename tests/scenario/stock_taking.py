#!/usr/bin/env python3
"""What discovery, inventories and backups call protected is; what is not is named."""
import json
import os
import shutil
import sqlite3
import subprocess

import stage


def git(folder, *words):
    subprocess.run(["git", "-c", "user.name=T", "-c", "user.email=t@example.org", *map(str, words)],
                   cwd=folder, check=True, capture_output=True,
                   env=dict(os.environ, GIT_CONFIG_GLOBAL="/dev/null", GIT_CONFIG_NOSYSTEM="1"))


def repository_with_trees(place):
    if not shutil.which("git"):
        raise stage.Skip("git is not installed")
    main = place.folder / "main"
    main.mkdir()
    git(main, "init", "-q", "-b", "main")
    (main / "a").write_text("a")
    git(main, "add", "-A")
    git(main, "commit", "-q", "-m", "one")
    git(main, "worktree", "add", "-q", place.folder / "feature")
    git(main, "worktree", "add", "-q", place.folder / "gone")
    shutil.rmtree(place.folder / "gone")
    git(main, "worktree", "add", "-q", main / "inside")
    (place.folder / "feature/draft").write_text("not committed")
    return main


def add_git(place, path):
    config = place.work / "perdure.toml"
    config.write_text(config.read_text() + f'[source.code]\ntype = "git"\npath = "{path}"\n')


def claim_a_linked_work_tree_outside_its_repository_is_named(place):
    main = repository_with_trees(place)
    feature = str(place.folder / "feature")
    place.repository()
    add_git(place, main)
    ran = place.good("backup", code=3)
    assert feature in ran.err and "gone" not in ran.err and "inside" not in ran.err, ran
    assert "--type files" in ran.err, "it does not say what to do"
    found = place.good("source", "discover", main, "--json").events
    assert [one for one in found if one["type"] == "not_covered" and one["path"] == feature], found
    found = place.good("source", "discover", feature, "--json").events
    assert [one for one in found if one["type"] == "not_covered" and str(main) in one["why"]], found
    assert str(main) in place.run("source", "add", "f", "--type", "git", "--path", feature).err
    # A source that takes its files in makes it whole.
    place.good("source", "add", "feature", "--type", "files", "--path", feature)
    place.good("backup")


def claim_the_work_tree_around_a_folder_of_history_is_named(place):
    main = repository_with_trees(place)
    git(main, "worktree", "remove", "--force", place.folder / "feature")
    place.repository()
    add_git(place, main / ".git")
    ran = place.good("backup", code=3)
    assert f"{main}" in ran.err and "not committed" in ran.err, ran


def claim_quickstart_protects_all_that_lies_beside_a_database(place):
    key = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIOzG\n-----END PRIVATE KEY-----\n"
    for name, body in (("beach.jpg", "x"), ("travel-journal", "x"), ("secret.key", key)):
        app, work = place.folder / name / "app", place.folder / name / "work"
        app.mkdir(parents=True)
        work.mkdir()
        database = sqlite3.connect(app / "app.db")
        database.execute("CREATE TABLE t(a)")
        database.close()
        (app / name).write_text(body)
        place.good("quickstart", app, "--no-input", cwd=work)
        place.good("restore", "latest", "--to", place.folder / name / "back", cwd=work)
        back = {path.name for path in (place.folder / name / "back").rglob("*")}
        assert name in back, f"{name} is in no source: {back}"


def protected_by(report):
    """path → source, of everything that the report names."""
    out, ahead = {}, [json.loads(report.read_text())]
    while ahead:
        node = ahead.pop()
        if isinstance(node, dict):
            if "protected_by" in node:
                out[node["path"]] = node["protected_by"]
            ahead.extend(node.values())
        elif isinstance(node, list):
            ahead.extend(node)
    return out


def claim_an_inventory_calls_protected_only_what_the_rules_take_in(place):
    folder = place.folder / "app"
    for name in ("app.conf", "logs/access.log", "cache/x.conf", "dump/y.conf"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("x")
    (folder / "cache/CACHEDIR.TAG").write_text("Signature: 8a477f597d28d172789f06886806bc55\n")
    (place.folder / "link").symlink_to(folder)
    place.repository()
    config = place.work / "perdure.toml"
    config.write_text(config.read_text() + '[source.tree]\ntype = "files"\n'
                      f'path = "{place.folder}/link"\nexclude = ["logs/", "/dump/*.conf"]\n'
                      '[source.dump]\ntype = "command"\n'
                      f'command = ["seq", "3"]\npath = "{folder}/dump"\n')
    place.good("report", "inventory", folder, "-o", place.folder / "evidence")
    told = protected_by(next((place.folder / "evidence").glob("*.json")))
    assert told[f"{folder}/app.conf"] == "tree", told
    for name in ("logs/access.log", "cache/x.conf", "dump/y.conf"):
        assert told[f"{folder}/{name}"] == "", (name, told)
    # A rule protects nothing until a backup followed it.
    for sources in (["tree"], []):
        ran = place.good("report", "inventory", folder, "-o", place.folder / "more", "--json")
        body = json.loads(open(ran.summary["report"], encoding="utf-8").read())["body"]
        assert body["never_backed_up"] == sources, body
        text = open(ran.summary["text"], encoding="utf-8").read()
        assert ("protected by nothing" in text) == bool(sources), text
        place.good("backup", "tree")


def claim_a_repository_of_perdure_is_no_unprotected_data(place):
    """Its packs are what protects; a line says what it is, and no source is made of it."""
    place.write("data/one.txt", "one\n")
    place.repository(data="data")
    place.good("backup")
    ran = place.good("report", "inventory", place.work, "-o", place.folder / "evidence", "--json")
    text = open(ran.summary["text"], encoding="utf-8").read()
    below = [line for line in text.splitlines() if str(place.work / "backups") in line]
    assert len(below) == 1 and "a repository of perdure" in below[0], text
    ran = place.good("source", "discover", place.work)
    assert ran.out.count(str(place.work / "backups")) <= 2, ran  # told, and left out of the files
    assert "a repository of perdure" in ran.out, ran
    assert 'path = "."' in ran.out or f'path = "{place.work}"' in ran.out, ran


stage.main(globals())
