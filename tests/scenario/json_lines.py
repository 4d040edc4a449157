#!/usr/bin/env python3
"""docs/JSON.md is true: what commands tell with --json is on that page, field by field."""
import re
import shutil

import stage

PAGE = stage.CHECKOUT / "docs" / "JSON.md"


def rows(heading):
    """Of the table below a heading: the words of each row's cells, and the fields in its last."""
    text = PAGE.read_text().split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        head = cells[0] in ("field", "type", "command")
        if line.startswith("| ") and len(cells) > 1 and not head:
            yield cells, set(re.findall(r"`([a-z_0-9]+)`", cells[-1]))


def documented():
    events, summaries = {}, {}
    for heading in ("Events that any command may tell", "Events of single commands"):
        for cells, fields in rows(heading):
            for name in re.findall(r"`([a-z_]+)`", cells[0]):
                events.setdefault(name, set()).update(fields)
    for cells, fields in rows("Fields of the summaries"):
        group = cells[0].split(",")[0].split()[0]
        for name in cells[0].split(","):
            name = name.strip()
            # "backup pin, unpin" means two commands of one group.
            whole = name if " " in name or group in ("quickstart", name) else f"{group} {name}"
            summaries[whole] = summaries.get(whole, set()) | fields
    always = {cells[0].strip("`") for cells, _ in rows("Every summary")}
    summaries["backup verify"] |= summaries["restore drill"]
    summaries["restore"] |= summaries["restore plan"] | summaries["restore apply"]
    summaries["restore undo"] |= summaries["restore apply"]
    return events, summaries, always


def story(place):
    """Commands that tell, together, most of what there is to tell."""
    app = place.folder / "app"
    (app / "data").mkdir(parents=True)
    shutil.copy(stage.real_database("chinook/Chinook_Sqlite.sqlite"), app / "shop.db")
    (app / "data" / "a.txt").write_text("hello\n" * 1000)
    yield ["quickstart", app, "--no-input"]
    (app / "data" / "a.txt").write_text("hello\n" * 999)
    yield ["backup", "--tag", "t"]
    yield ["backup", "--dry-run"]
    yield ["backup", "pin", "t", "--reason", "audit"]
    for words in ("backup list", "backup show t --files", "backup verify --restore",
                  "backup unpin t", "backup diff quickstart latest --text", "backup find hello",
                  "backup history files/data/a.txt", "backup history shop:track/1",
                  "backup cleanup --keep 1 --dry-run", "retention preview --keep 1",
                  "backup sync", "restore plan quickstart files -o plan.json",
                  "restore apply plan.json --confirm files", "restore undo", "restore drill list",
                  "runs list", "runs show 2", "repo check --sample 5%", "repo stats",
                  "repo compact", "repo repair --dry-run", "key list", "key add --file k2",
                  "key rotate", "key recovery-kit -o kit.txt", "status --slo", "doctor",
                  "config check", "config show", "config schema", "source list", "source test",
                  "source discover data", "destination list", "destination test",
                  "export --type track --format csv --source shop -o t.csv", "export list",
                  "export formats", "export verify t.csv", "export share t.csv",
                  "export share list", "export template list", "export template show atom",
                  "export schema json", "report custody -o ev", "report runbook",
                  "report key show", "version", "completion bash", "backup delete t --confirm t",
                  "bakcup"):
        yield words.split()
    yield ["restore", "latest", "--at", "2037-01-01", "--to", place.folder / "back"]
    yield ["source", "add", "more", "--type", "files", "--path", app / "data"]
    yield ["source", "discover", app]


def claim_every_type_and_field_is_documented(place):
    events, summaries, always = documented()
    assert len(events) > 25 and len(summaries) > 50, (events, summaries)
    told = set()
    for words in story(place):
        ran = place.run(*words, "--json")
        assert ran.err == "", f"{words}: talk beside JSON\n{ran.err}"
        for event in ran.events:
            kind = event.pop("type")
            told.add(kind)
            known = events.get(kind, set()) | {"path_b64"}
            if kind == "summary":
                command = event.get("command", "version")
                assert command in summaries or event.keys() <= always, f"{command} is missing"
                known = always | summaries.get(command, set())
                assert event["exit_code"] == ran.code, (words, event)
            assert event.keys() <= known, f"{words}: {kind}: {sorted(event.keys() - known)}"
    assert len(told) > 18, sorted(told)


def claim_every_command_is_on_the_page(place):
    _, summaries, _ = documented()
    no_fields = {"config show", "source test", "destination test", "key merge", "export resume",
                 "export batch", "export share revoke", "export template check", "backup create",
                 "backup restore"}
    words = re.findall(r"^## perdure ([a-z -]+?)(?: [A-Z\[].*)?$",
                       place.good("help", "--markdown").out, re.M)
    assert len(words) > 60, words
    missing = set(words) - set(summaries) - no_fields
    assert not missing, missing


stage.main(globals())
