#!/usr/bin/env python3
"""A key that an external program prints: it opens, it can be lost, it never shows."""
import os
import time

import stage

SECRET = "vault-7Qm2xTz9-of-44-characters-or-somewhat-more"
WORDS = ("--command", "cat", "--command")


def settled(place):
    """A repository with one snapshot, opened by a key file and by a program."""
    place.write("data/one.txt", "one\n")
    secret = place.write("vault/secret", SECRET + "\n")
    place.repository(data="data")
    place.good("backup")
    ran = place.good("key", "add", *WORDS, secret, "--label", "vault", "--json")
    assert SECRET not in ran.out + ran.err, ran
    return secret


def open_by(place, reference):
    config = place.work / "perdure.toml"
    lines = config.read_text().splitlines(keepends=True)
    at = next(i for i, line in enumerate(lines) if line.startswith("key = "))
    lines[at] = f"key = {reference}\n"
    config.write_text("".join(lines))


def by_command(*words, timeout=None):
    listed = ", ".join(f"'{word}'" for word in words)
    more = f', timeout = "{timeout}"' if timeout else ""
    return f"{{ command = [{listed}]{more} }}"


def keys_of(place):
    return [e for e in place.good("key", "list", "--json").events if e["type"] == "key"]


def objects(place):
    """Names, times and bytes of all that is stored."""
    found = stage.fingerprint(place.work / "backups")
    return {name: of for name, of in found.items() if os.path.isfile(name)}


def claim_what_a_program_prints_opens_everything(place):
    secret = settled(place)
    made = next(key for key in keys_of(place) if key["label"] == "vault")
    assert made["kind"] == "command" and not made["current"], made
    open_by(place, by_command("cat", secret))
    assert next(key for key in keys_of(place) if key["current"])["id"] == made["id"]
    place.write("data/two.txt", "two\n")
    place.good("backup")
    place.good("restore", "latest", "--to", place.folder / "back")
    assert not stage.rsync_differences(place.work / "data", place.folder / "back" / "data")
    place.good("repo", "check", "--read-data")
    # The line end is no part of it, and order in the file does not matter.
    open_by(place, f'{{ timeout = "20s", command = ["printf", "%s", "{SECRET}"] }}')
    place.good("backup", "list")


def claim_thirty_two_raw_bytes_do_as_well(place):
    place.write("data/one.txt", "one\n")
    raw = place.write("raw", bytes([0, 255, 10, 13]) * 8 + b"\n\n")
    place.repository(data="data")
    place.good("key", "add", *WORDS, raw)
    open_by(place, by_command("cat", raw))
    place.good("backup")
    assert next(key for key in keys_of(place) if key["current"])["kind"] == "command"
    raw.write_bytes(raw.read_bytes()[:-1])
    place.good("backup", code=12)


def claim_short_output_is_a_passphrase_and_not_a_weak_key(place):
    place.write("data/one.txt", "one\n")
    word = place.write("word", "open sesame\n")
    place.repository(data="data")
    place.good("key", "add", *WORDS, word, "--label", "short")
    assert next(k for k in keys_of(place) if k["label"] == "short")["kind"] == "passphrase"
    open_by(place, by_command("cat", word))
    place.good("backup")
    open_by(place, '{ env = "PERDURE_TEST_WORD" }')
    place.environment["PERDURE_TEST_WORD"] = "open sesame"
    place.good("backup", "list")


def claim_a_program_that_does_not_give_it_is_named_and_nothing_happens(place):
    settled(place)
    before = objects(place)
    noisy = f"echo {SECRET} >&2; echo {SECRET}"
    for words, told in ((("sh", "-c", noisy + "; exit 4"), "status 4"),
                        (("true",), "printed nothing"),
                        (("yes", SECRET), "more than 64 KiB"),
                        (("sh", "-c", "echo another-secret-of-thirty-two-bytes-or-more"),
                         "does not open"),
                        (("sh", "-c", noisy + "; sleep 300"), "did not end within"),
                        (("sh", "-c", noisy + "; exec >&- 2>&-; sleep 300"), "did not end within"),
                        (("perdure-no-such-program",), "cannot be run")):
        open_by(place, by_command(*words, timeout="1s" if "300" in words[-1] else None))
        for command in (["backup"], ["restore", "latest", "--to", place.folder / "back"],
                        ["key", "rotate"], ["backup", "--json"]):
            began = time.monotonic()
            ran = place.good(*command, code=12)
            assert time.monotonic() - began < 20, "a key that does not come holds nobody up"
            assert told in ran.err + ran.out and SECRET not in ran.err + ran.out, ran
            if not ran.out:
                assert "fix:" in ran.err and "perdure.toml:4" in ran.err, ran
        assert not (place.folder / "back").exists()
        place.good("key", "add", *sum((("--command", word) for word in words), ()), code=12)
    assert objects(place) == before
    assert not secret_lies_in(place.folder / "state")


def claim_adding_one_that_fails_changes_nothing(place):
    settled(place)
    before = len(keys_of(place))
    began = time.monotonic()
    ran = place.good("key", "add", "--command", "sleep", "--command", "300", "--timeout", "1s",
                     code=1)
    assert "timeout" in ran.err and time.monotonic() - began < 20, ran
    place.good("key", "add", "--command", "false", code=12)
    ran = place.good("key", "add", "--command", "true", code=12)
    assert "printed nothing" in ran.err, ran
    assert len(keys_of(place)) == before


def claim_a_bad_timeout_is_named_with_its_line_and_column(place):
    place.write("data/one.txt", "one\n")
    place.repository(data="data")
    for reference, told in (('{ command = ["true"], timeout = "soon" }', "4:"),
                            ('{ command = ["true"], timeout = "0s" }', "duration"),
                            ('{ file = "perdure.key", timeout = "1s" }', "only a command"),
                            ('{ timeout = "1s" }', "only a command"),
                            ('{ command = [] }', "empty"),
                            ('{ command = ["true"], env = "X" }', "exactly one")):
        open_by(place, reference)
        ran = place.good("config", "check", "--offline", code=2)
        assert told in ran.err and "perdure.toml:4:" in ran.err, ran


def claim_it_can_be_removed_and_survives_rotation(place):
    secret = settled(place)
    place.good("key", "rotate")
    made = next(key for key in keys_of(place) if key["label"] == "vault")
    open_by(place, by_command("cat", secret))
    place.good("backup")
    place.good("key", "rotate")
    place.good("restore", "latest", "--to", place.folder / "back")
    place.good("key", "remove", made["id"], "--confirm", made["id"], code=2)  # the one in use
    open_by(place, '{ file = "perdure.key" }')
    place.good("key", "remove", made["id"], "--confirm", "vault")
    place.good("restore", "latest", "--to", place.folder / "again")
    open_by(place, by_command("cat", secret))
    place.good("backup", code=12)
    place.good("restore", "latest", "--to", place.folder / "never", code=12)


def secret_lies_in(folder):
    forms = [SECRET.encode(), SECRET.encode().hex().encode(), SECRET.encode("utf-16-le")]
    for at, _, names in os.walk(folder):
        for name in names:
            with open(os.path.join(at, name), "rb") as file:
                body = file.read()
            if any(form in body for form in forms):
                return os.path.join(at, name)
    return None


def claim_it_never_shows(place):
    """Not in arguments or variables of other programs, not in state, cache, store or output."""
    secret = settled(place)
    outside = place.folder / "outside"  # beside everything that is searched
    outside.mkdir()
    secret = secret.rename(outside / "secret")
    open_by(place, by_command("cat", secret))
    seen = outside / "seen"
    look = f"cat /proc/[0-9]*/cmdline /proc/$PPID/environ /proc/self/environ >> {seen}"
    config = place.work / "perdure.toml"
    config.write_text(config.read_text() + '[source.dump]\ntype = "command"\n'
                      f'command = ["sh", "-c", "{look}; echo rows"]\n'
                      f'quiesce = ["sh", "-c", "{look}"]\n')
    said = ""
    for words in (["backup", "-v"], ["backup", "--json"], ["backup", "list"], ["key", "list"],
                  ["key", "rotate", "--json"], ["runs", "list"], ["runs", "show", "1"],
                  ["config", "show", "--resolved"], ["doctor"], ["status"],
                  ["report", "custody", "--json"], ["repo", "check"]):
        ran = place.run(*words)
        said += ran.out + ran.err
    assert SECRET not in said
    assert b"cat" in seen.read_bytes() and SECRET.encode() not in seen.read_bytes()
    for folder in ("state", "cache", "work"):
        found = secret_lies_in(place.folder / folder)
        assert not found, f"the secret lies in {found}"


def claim_one_secret_is_one_key(place):
    """Removing a key must close what it opened: a second one of the same secret would not."""
    place.write("data/one.txt", "one\n")
    place.repository(data="data")
    place.good("key", "add", "--file", "bob.key")
    before = place.good("key", "list", "--json").events
    for file in ("bob.key", "perdure.key"):
        ran = place.good("key", "add", "--file", file, code=2)
        assert "is a key of the repository already" in ran.err, ran
    assert place.good("key", "list", "--json").events == before


stage.main(globals())
