#!/usr/bin/python3
"""Golden repositories: an independent reader and the real program both find what is expected."""
import json
import os
import shutil
import sqlite3
import sys
import tempfile
import traceback

sys.dont_write_bytecode = True
from make import HERE, SAMPLES  # noqa: E402
from reader import Repository  # noqa: E402
from sample import Place  # noqa: E402
from sample_1b import SmallPlace  # noqa: E402
from wire import Damage  # noqa: E402
import worked_bytes  # noqa: E402


def compare(repository, expected):
    assert len(repository.snapshots) == len(expected)
    for snapshot, one in zip(repository.snapshots, expected):
        found = repository.expected(snapshot)
        for part in one:
            assert found[part] == one[part], f"{snapshot.name}: another {part}"


def copied(folder, version):
    shutil.copytree(os.path.join(HERE, version), os.path.join(folder, version))
    key = os.path.join(folder, version, "perdure.key")
    os.chmod(key, 0o600)
    return SAMPLES[version](folder, key, os.path.join(folder, version, "repository"))


def load(version):
    with open(os.path.join(HERE, version, "expected.json")) as file:
        return json.load(file)


def every_golden_folder_is_read_here(_):
    there = {name for name in os.listdir(HERE)
             if os.path.isdir(os.path.join(HERE, name, "repository"))}
    assert there == set(SAMPLES), there


def the_worked_bytes_of_the_page_come_out(_):
    page = worked_bytes.page()
    for text in worked_bytes.made():
        assert text in page, f"docs/FORMAT.md does not say {text}"


def the_reader_reads_the_golden_repositories(_):
    for version in SAMPLES:
        place = os.path.join(HERE, version)
        repository = Repository(os.path.join(place, "repository"),
                                os.path.join(place, "perdure.key"))
        compare(repository, load(version))
        assert version != "v1" or repository.blobs.deltas > 0, "no delta was met"
        assert version != "v1b" or (len(repository.pins), len(load(version))) == (1, 1)


def the_program_restores_the_golden_repositories(folder):
    for version in SAMPLES:
        place = copied(os.path.join(folder, version), version)
        names = Repository(place.repository, place.key).snapshots
        for snapshot, one in zip(names, load(version)):
            target = place.restored(snapshot.session.hex())
            found = place.restored_expected(target)
            for part in set(one) - {"tag", "pin"}:
                assert found[part] == one[part], f"{one['tag']}: another {part} was restored"
            shutil.rmtree(target)
            if "pin" in one:
                shown = place.run("backup", "show", snapshot.session.hex())
                assert one["pin"] in shown, shown


def the_reader_reads_fresh_repositories(folder):
    for name, sample in (("large", Place), ("small", SmallPlace)):
        place = sample(os.path.join(folder, name))
        expected = place.make_repository()
        repository = Repository(place.repository, place.key)
        compare(repository, expected)
        for snapshot in repository.snapshots:
            mode = os.stat(os.path.join(place.data, "media")).st_mode & 0o7777
            assert repository.expected(snapshot)["media_folder"]["mode"] == mode


def the_reader_reads_the_keys_of_many_people(folder):
    place = Place(folder)
    place.make_data()
    with sqlite3.connect(os.path.join(place.data, "app.db")) as db:
        db.executemany("INSERT INTO users VALUES(?,?,?)", [
            (n, f"person {n}", f"{n}@example.org") for n in range(1000, 1600)])
    db.close()
    expected = {"tag": "many", **Place.expected(place.data)}
    place.run("init")
    place.run("backup", "--tag", "many")
    for part, change in (("a", None), ("s", "rotate")):
        if change:
            place.run("key", change)  # folds what was added into shards
        keys = os.path.join(place.repository, "keyring", part)
        forms = [open(os.path.join(keys, name), "rb").read(4) for name in os.listdir(keys)]
        assert b"PD1P" in forms, f"keyring/{part}: no object with one copy: {forms}"
        compare(Repository(place.repository, place.key), [expected])


def the_reader_names_a_pack_with_a_flipped_byte(folder):
    place = copied(folder, "v1")
    packs = os.path.join(place.repository, "pack", "d")
    name = sorted(os.listdir(packs))[0]
    with open(os.path.join(packs, name), "r+b") as file:
        file.seek(1000)
        byte = file.read(1)[0]
        file.seek(1000)
        file.write(bytes([byte ^ 1]))
    try:
        Repository(place.repository, place.key)
    except Damage as damage:
        assert name in str(damage), damage
    else:
        raise AssertionError("the flipped byte went unseen")


def main():
    passed = failed = 0
    for claim in (every_golden_folder_is_read_here,
                  the_worked_bytes_of_the_page_come_out,
                  the_reader_reads_the_golden_repositories,
                  the_program_restores_the_golden_repositories,
                  the_reader_reads_fresh_repositories,
                  the_reader_reads_the_keys_of_many_people,
                  the_reader_names_a_pack_with_a_flipped_byte):
        with tempfile.TemporaryDirectory(prefix="perdure-golden-") as folder:
            try:
                claim(folder)
                passed += 1
            except Exception:  # one broken claim must not hide the others
                failed += 1
                print(f"FAILED {claim.__name__}")
                traceback.print_exc(file=sys.stdout)
    print(f"{passed} passed, {failed} failed, 0 skipped")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
