#!/usr/bin/env python3
"""The configuration file and the documents that come from the tables."""
import json
import os
import subprocess

import stage


def claim_the_schema_is_json_and_describes_every_section(place):
    schema = json.loads(place.good("config", "schema").out)
    assert schema["$schema"].endswith("2020-12/schema")
    for section in ("repository", "destination", "source", "retention", "objectives"):
        assert section in schema["properties"], section
    assert schema["properties"]["source"]["additionalProperties"]["required"] == ["type"]


def claim_the_documents_are_those_of_the_tables(place):
    for name, words in (("CLI.md", ["help", "--markdown"]),
                        ("CONFIG.md", ["config", "schema", "--markdown"])):
        document = (stage.CHECKOUT / "docs" / name).read_text()
        made = place.good(*words).out
        assert document.strip() == made.strip(), f"docs/{name} is old: perdure {' '.join(words)}"


def claim_show_names_the_origin_of_each_value_and_hides_secrets(place):
    place.write("perdure.toml", 'version = 1\n[repository.main]\ndestinations = ["d"]\n'
                'key = "hunter2hunter2"\n[destination.d]\ntype = "local"\npath = "b"\n')
    ran = place.good("config", "show", "--resolved")
    assert "hunter2" not in ran.out and "[redacted]" in ran.out, ran
    assert "perdure.toml:7" in ran.out and "default" in ran.out, ran
    checked = place.good("config", "check", "--offline")
    assert "the key itself stands in this file" in checked.err, checked


def claim_check_tries_everything_unless_offline(place):
    place.write("data/one.txt", "one\n")
    place.repository(data="data")
    place.good("config", "check")
    (place.work / "data").rename(place.work / "moved")
    place.good("config", "check", "--offline")
    assert "source data" in place.good("config", "check", code=1).out


def claim_sources_can_be_added_by_the_program(place):
    place.write("data/one.txt", "one\n")
    place.good("init")
    place.good("source", "add", "data", "--type", "files", "--path", "data", "--exclude", "*.tmp")
    place.good("source", "add", "data", "--type", "files", "--path", "data", code=15)
    assert place.run("source", "add", "gone", "--type", "files", "--path", "gone").code != 0
    place.write("data/scratch.tmp", "x")
    place.good("backup")
    place.good("restore", "latest", "--to", place.folder / "back")
    assert (place.folder / "back" / "data" / "one.txt").exists()
    assert not (place.folder / "back" / "data" / "scratch.tmp").exists()


def claim_a_destination_proves_what_it_can_do(place):
    place.write("data/one.txt", "one\n")
    place.repository(data="data")
    before = stage.fingerprint(place.work / "backups" / "keyring")
    ran = place.good("destination", "test", "disk")
    assert "write only if absent" in ran.out and "✗" not in ran.out, ran
    assert stage.fingerprint(place.work / "backups" / "keyring") == before
    assert not list((place.work / "backups").rglob("trial/*")), "the trial object was left behind"


def claim_completions_are_accepted_by_their_shells(place):
    script = place.good("completion", "bash").out
    subprocess.run(["bash", "-n"], input=script, text=True, check=True)
    probe = script + '\nCOMP_WORDS=(perdure backup ver)\nCOMP_CWORD=2\n_perdure\n' \
                     'printf "%s\\n" "${COMPREPLY[@]}"\n'
    done = subprocess.run(["bash", "-c", probe], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["verify"], done
    for shell in ("zsh", "fish"):
        assert "perdure" in place.good("completion", shell).out
    place.good("completion", "tcsh", code=2)


def claim_help_knows_every_command(place):
    overview = place.good("help").out
    for words in ("quickstart", "backup", "restore drill", "repo check", "key recovery-kit"):
        assert words in overview, words
        page = place.good("help", *words.split()).out
        assert page.startswith(f"perdure {words.split()[0]}"), page
    assert place.good().out == overview and place.good("--help").out == overview
    assert place.good("backup", "--help").out.startswith("perdure backup")


def claim_the_configuration_above_is_found_and_state_stays_outside(place):
    place.write("data/one.txt", "one\n")
    place.repository(data="data")
    deep = place.work / "data"
    place.good("backup", cwd=deep)
    assert sorted(os.listdir(place.work)) == ["backups", "data", "perdure.key", "perdure.toml"]


def claim_a_folder_can_be_named_instead_of_a_destination(place):
    place.write("data/one.txt", "one\n")
    place.repository(data="data")
    place.good("init", "--path", "elsewhere", code=2)
    place.good("backup", "--destination", "./usb", code=10)
    place.good("init", "--destination", "./usb")
    place.good("backup", "--destination", "./usb")
    place.good("restore", "latest", "--destination", "./usb", "--to", place.folder / "back")
    assert (place.folder / "back" / "data" / "one.txt").read_text() == "one\n"
    place.good("backup", "list", "--json")


stage.main(globals())
