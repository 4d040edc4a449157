#!/usr/bin/env python3
"""Exports that leave encrypted, in parts, or shared: opened by age, cat and sha256sum."""
import json
import os
import pty
import subprocess

import album
import exporting as exports
import stage


def age_key(place, name="key.txt"):
    """An identity of age-keygen's; its recipient."""
    made = subprocess.run(["age-keygen", "-o", name], cwd=place.work, check=True,
                          capture_output=True, text=True)
    return made.stderr.split()[-1]


def opened(place, file, key="key.txt"):
    done = subprocess.run(["age", "--decrypt", "-i", key, file], cwd=place.work,
                          capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def opened_with_passphrase(place, file, passphrase, into):
    """age asks for a passphrase at the terminal only: give it one."""
    child, terminal = pty.fork()
    if child == 0:
        os.chdir(place.work)
        os.execvp("age", ["age", "--decrypt", "-o", str(into), str(file)])
    said, typed = b"", False
    while True:
        try:
            piece = os.read(terminal, 4096)
        except OSError:  # the other side is gone
            break
        if not piece:
            break
        said += piece
        if not typed and b"assphrase" in said:
            os.write(terminal, passphrase.encode() + b"\n")
            typed = True
    _, status = os.waitpid(child, 0)
    os.close(terminal)
    return os.waitstatus_to_exitcode(status) == 0


def one_file_outputs(place):
    """Of every format the one file that it can be."""
    for format_ in exports.formats(place):
        name = format_["name"]
        yield name, f"x.{format_['extension']}" if format_["single_file"] else "x.zip"
    yield "csv", "x.tar.gz"


def claim_every_format_leaves_encrypted_and_age_opens_it(place):
    album.create(place, memories=60)
    place.environment["SOURCE_DATE_EPOCH"] = exports.EPOCH
    recipient = age_key(place)
    for name, output in one_file_outputs(place):
        exports.remove(place.work / "plain" / output)
        plain = place.run("export", "--json", "--format", name, "-o", f"plain/{output}")
        assert plain.code in (0, 3), plain  # 3: what the format does not hold is reported
        summary = exports.export(place, "--format", name, "--encrypt-to", recipient, "-o", output,
                                 code=plain.code)
        sealed = place.work / f"{output}.age"
        assert summary["encrypted"] and summary["output"] == str(sealed), summary
        assert not (place.work / output).exists() and exports.hidden(place) == []
        assert sealed.read_bytes().startswith(b"age-encryption.org/v1\n-> X25519 ")
        plain = opened(place, sealed)
        if name == "archive":  # its manifest tells that it was encrypted
            place.good("export", "verify", sealed, "--identity", "key.txt")
        else:
            assert plain == (place.work / "plain" / output).read_bytes(), name
        place.good("export", "verify", sealed)
        sealed.unlink()


def claim_several_people_or_a_file_of_them_can_open_it(place):
    album.create(place, memories=5)
    first, second = age_key(place), age_key(place, "second.txt")
    age_key(place, "third.txt")
    exports.export(place, "--encrypt-to", first, "--encrypt-to", second, "-o", "two.json")
    place.write("team.txt", f"# the team\n{first}\n\n{second}\n")
    exports.export(place, "--encrypt-to", "team.txt", "-o", "team.json")
    for file in ("two.json.age", "team.json.age"):
        assert opened(place, file) == opened(place, file, "second.txt")
        assert len(json.loads(opened(place, file))["records"]) == 10
        refused = subprocess.run(["age", "-d", "-i", "third.txt", file], cwd=place.work,
                                 capture_output=True, check=False)
        assert refused.returncode != 0, "a stranger opened it"


def claim_a_passphrase_from_a_file_opens_it(place):
    album.create(place, memories=5)
    place.write("secret.txt", "correct horse battery staple\n")
    exports.export(place, "--encrypt-passphrase-file", "secret.txt", "-o", "a.ndjson.age")
    exports.export(place, "-o", "plain.ndjson", "--format", "json")
    sealed = place.work / "a.ndjson.age"
    assert sealed.read_bytes().startswith(b"age-encryption.org/v1\n-> scrypt ")
    assert opened_with_passphrase(place, sealed, "correct horse battery staple", "back")
    assert (place.work / "back").read_bytes() == (place.work / "plain.ndjson").read_bytes()
    assert not opened_with_passphrase(place, sealed, "wrong horse", "never")
    assert not (place.work / "never").exists()
    assert b"correct horse" not in b"".join(
        p.read_bytes() for p in place.folder.rglob("*") if p.is_file() and p.name != "secret.txt")


def claim_a_wrong_key_or_name_is_2_and_writes_nothing(place):
    album.create(place, memories=5)
    recipient = age_key(place)
    place.write("empty.txt", "\n")
    place.write("bad.txt", "age1nobody\n")
    before = stage.fingerprint(place.work)
    for words in (["--encrypt-to", "age1nonsense", "-o", "a.json"],
                  ["--encrypt-to", "absent.txt", "-o", "a.json"],
                  ["--encrypt-to", "bad.txt", "-o", "a.json"],
                  ["--encrypt-to", "empty.txt", "-o", "a.json"],
                  ["--encrypt-passphrase-file", "empty.txt", "-o", "a.json"],
                  ["--encrypt-to", recipient, "--encrypt-passphrase-file", "bad.txt", "-o", "a"],
                  ["--encrypt-to", recipient, "--format", "csv", "-o", "folder"],
                  ["--encrypt-to", recipient, "--format", "html", "-o", "folder"],
                  ["--split-size", "1MB", "--format", "html", "-o", "folder"],
                  ["--split-size", "10", "-o", "a.json"], ["--split-size", "many", "-o", "a.json"],
                  ["-o", "a.json.age"]):
        ran = place.run("export", *words)
        assert ran.code == 2 and "fix:" in ran.err, (words, ran)
        assert stage.fingerprint(place.work) == before, words


def claim_parts_join_with_cat_and_are_verified(place):
    album.create(place)
    exports.export(place, "--format", "zip", "-o", "whole.zip")
    whole = (place.work / "whole.zip").read_bytes()
    summary = exports.export(place, "--format", "zip", "--split-size", "64KiB", "-o", "all.zip")
    folder = place.work / "all.zip.parts"
    assert summary["output"] == str(folder) and not (place.work / "all.zip").exists()
    parts = sorted(folder.glob("all.zip.*"))
    assert len(parts) > 1 and {p.stat().st_size for p in parts[:-1]} == {65536}, parts
    subprocess.run(["sha256sum", "--strict", "--quiet", "-c", "parts.sha256"], cwd=folder,
                   check=True)
    told = (folder / "JOIN.txt").read_text()
    command = next(line for line in told.splitlines() if line.strip().startswith("cat "))
    subprocess.run(command, shell=True, cwd=folder, check=True)
    assert (folder / "all.zip").read_bytes() == whole
    subprocess.run(["unzip", "-tqq", "all.zip"], cwd=folder, check=True)
    (folder / "all.zip").unlink()
    place.good("export", "verify", folder)
    # Far away, where nobody remembers the export.
    place.environment["XDG_STATE_HOME"] = str(place.folder / "elsewhere")
    place.good("export", "verify", folder)
    raw = bytearray(parts[1].read_bytes())
    raw[100] ^= 1
    parts[1].write_bytes(raw)
    ran = place.run("export", "verify", folder)
    assert ran.code == 14 and "all.zip.002" in ran.err, ran
    parts[1].unlink()
    ran = place.run("export", "verify", folder)
    assert ran.code == 14 and "all.zip.002 is missing" in ran.err, ran


def claim_parts_of_an_encrypted_file_open_when_joined(place):
    album.create(place)
    recipient = age_key(place)
    exports.export(place, "--format", "tar.gz", "--encrypt-to", recipient, "--split-size", "100KB",
                   "-o", "all.tar.gz")
    folder = place.work / "all.tar.gz.age.parts"
    joined = b"".join(p.read_bytes() for p in sorted(folder.glob("all.tar.gz.age.*")))
    place.write("joined.age", joined)
    place.write("back.tar.gz", opened(place, "joined.age"))
    assert "age --decrypt -i KEYFILE -o 'all.tar.gz' " in (folder / "JOIN.txt").read_text()
    listed = subprocess.run(["tar", "tzf", "back.tar.gz"], cwd=place.work, check=True,
                            capture_output=True, text=True).stdout
    assert "checksums.sha256" in listed and "data/memory.json" in listed
    place.good("export", "verify", folder)
    ran = place.run("export", "--format", "tar.gz", "--encrypt-to", recipient, "--split-size",
                    "100KB", "-o", "all.tar.gz")
    assert ran.code == 15 and "not empty" in ran.err, ran


def claim_a_kill_while_packing_is_survived(place):
    album.create(place)
    recipient = age_key(place)
    place.good("init")
    place.good("backup")
    place.environment["PERDURE_CHECKPOINT_RECORDS"] = "60"
    place.environment["SOURCE_DATE_EPOCH"] = exports.EPOCH
    exports.export(place, "--snapshot", "latest", "--format", "zip", "-o", "plain.zip")
    whole = (place.work / "plain.zip").read_bytes()
    for more, output in ((["--encrypt-to", recipient], "a.zip.age"),
                         (["--split-size", "64KiB"], "a.zip.parts")):
        words = ["--snapshot", "latest", "--format", "zip", *more, "-o", "a.zip"]
        steps = exports.steps_of(place, words)
        path = place.work / output
        exports.remove(path)
        went_on = 0
        for part in (0.5, 0.7, 0.8, 0.9, 0.95, 0.98):
            if not exports.interrupted(place, words, int(steps * part)):
                exports.remove(path)
                continue
            if not path.exists():
                again = place.run("export", "resume", "--json", "a.zip")
                if again.code == 1:  # before the journal: nothing was there to go on with
                    again = place.run("export", "--json", *words)
                assert again.code == 0, again
                went_on += again.summary["resumed_at"] > 0
            back = opened(place, path) if path.is_file() else b"".join(
                p.read_bytes() for p in sorted(path.glob("a.zip.*")))
            assert back == whole, f"{output} killed at {part} of its way"
            place.run("export", *words)  # tidies up after one that was complete
            assert exports.hidden(place) == []
            exports.remove(path)
        assert went_on > 0, output


def claim_a_full_disk_while_packing_leaves_nothing_under_the_name(place):
    album.create(place)
    recipient = age_key(place)
    words = ["export", "--format", "zip", "--encrypt-to", recipient, "-o", "a.zip"]
    steps = exports.steps_of(place, words[1:])
    (place.work / "a.zip.age").unlink()
    refused = 0
    for part in (0.6, 0.9, 0.95):
        place.environment["PERDURE_FULL_AT"] = str(int(steps * part))
        ran = place.run(*words)
        del place.environment["PERDURE_FULL_AT"]
        if ran.code == 1:
            refused += 1
            assert "no space" in ran.err, ran
            assert not (place.work / "a.zip.age").exists()
            place.good(*words)
        (place.work / "a.zip.age").unlink()
    assert refused > 0 and exports.hidden(place) == []


def claim_a_share_is_opened_by_the_age_program_with_its_secret(place):
    album.create(place, memories=20)
    exports.export(place, "-o", "a.json")
    plain = (place.work / "a.json").read_bytes()
    shared = place.good("export", "share", "a.json", "--json").summary
    assert opened_with_passphrase(place, "a.json.age", shared["secret"], "back")
    assert (place.work / "back").read_bytes() == plain
    assert not opened_with_passphrase(place, "a.json.age", shared["secret"][:-1], "never")


def claim_a_profile_encrypts_and_splits(place):
    album.create(place, memories=200)
    recipient = age_key(place)
    place.write("team.txt", recipient + "\n")
    config = place.work / "perdure.toml"
    config.write_text(config.read_text() + f'''
[export.offsite]
format = "zip"
output = "offsite.zip"
encrypt_to = ["team.txt"]
split_size = "64KiB"
xmp_sidecars = true
''')
    (place.work / "elsewhere").mkdir()
    place.good("export", "--profile", "offsite", "--config", "../perdure.toml",
               cwd=place.work / "elsewhere")
    folder = place.work / "offsite.zip.age.parts"
    joined = b"".join(p.read_bytes() for p in sorted(folder.glob("offsite.zip.age.*")))
    place.write("joined.age", joined)
    assert opened(place, "joined.age").startswith(b"PK")


stage.main(globals())
