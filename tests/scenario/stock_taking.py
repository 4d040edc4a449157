#!/usr/bin/env python3
"""What discovery, inventories and backups call protected is; what is not is named."""
import json
import sqlite3

import stage


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


stage.main(globals())
