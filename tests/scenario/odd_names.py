#!/usr/bin/env python3
"""Names that no terminal shows, and rules that meet no name."""
import os
import subprocess

import stage


def tree(place):
    """Bytes that are no UTF-8, a line feed, signs of patterns, a backslash that looks like ours."""
    folder = place.work / "www"
    folder.mkdir()
    names = (b"caf\xe9.txt", b"new\nline", b"*?", b"a\\b", b"back\\x41", b"plain")
    for name in names:
        with open(os.path.join(os.fsencode(folder), name), "wb") as file:
            file.write(name)
    place.repository(www=folder)
    place.good("backup")
    return os.fsencode(folder), names


def printed(place, *words):
    """What `find` and `diff` print of each name, alone on its line."""
    return [line.strip() for line in place.good(*words).out.splitlines()
            if line.startswith("www/")]


def claim_names_that_no_terminal_shows_are_typed_back(place):
    folder, names = tree(place)
    words = set()
    for text in ("caf", "line", "?", "b", "x41", "plain"):
        words |= set(printed(place, "backup", "find", text, "www"))
    assert len(words) == len(names), words
    for number, word in enumerate(sorted(words)):
        name = {"www/caf\\xe9.txt": names[0], "www/new\\x0aline": names[1],
                "www/\\*\\?": names[2], "www/a\\\\b": names[3],
                "www/back\\\\x41": names[4], "www/plain": names[5]}[word]
        os.unlink(os.path.join(folder, name))
        history = place.good("backup", "history", word)
        assert "v1" in history.out, history
        ran = place.good("restore", "plan", "latest", word, "-o", "plan.json", "--details", "9")
        assert "1 created" in ran.out, ran
        place.good("restore", "apply", "plan.json", "--confirm", "www")
        with open(os.path.join(folder, name), "rb") as file:
            assert file.read() == name
        place.good("restore", "latest", word, "--to", f"out{number}")
        out = os.listdir(os.fsencode(place.work / f"out{number}" / "www"))
        assert out == [name], out
    # A conflict shows the name in the plan as a selector takes it.
    with open(os.path.join(folder, names[0]), "wb") as file:
        file.write(b"changed")
    ran = place.good("restore", "plan", "latest", "www", "--merge-strategy", "overwrite")
    assert "www/caf\\xe9.txt  replace" in ran.out, ran
    # A byte that a shell can type is as good, in a plan as well, which is JSON.
    raw = os.fsdecode(b"www/caf\xe9.txt")
    place.good("restore", "plan", "latest", raw, "--merge-strategy", "overwrite", "-o", "plan.json")
    place.good("restore", "apply", "plan.json", "--confirm", "www")
    with open(os.path.join(folder, names[0]), "rb") as file:
        assert file.read() == names[0]
    ran = place.run("restore", "plan", "latest", "www/caf\\xe8.txt")
    assert ran.code == 2 and 'did you mean "www/caf\\xe9.txt"' in ran.err, ran


def claim_folders_too_deep_to_come_back_are_named_and_keep_nothing_from_it(place):
    """A program that went round in a circle makes thousands of folders in each other."""
    folder = place.work / "www"
    folder.mkdir()
    (folder / "zebra").write_text("last by its name\n")
    here = os.open(folder, os.O_RDONLY)
    for _ in range(250):
        os.mkdir(100 * "d", dir_fd=here)
        deeper = os.open(100 * "d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = deeper
    os.close(here)
    place.repository(www=folder)
    for words in (("backup",), ("backup",)):
        ran = place.good(*words, code=3)
        assert "longer than 16 KiB" in ran.out + ran.err, ran
    place.good("backup", "verify")
    place.good("restore", "latest", "--to", "out")
    assert (place.work / "out/www/zebra").read_text() == "last by its name\n"
    place.good("restore", "drill")
    (folder / "new").write_text("since then\n")  # now it is compared name by name
    place.good("restore", "drill")
    subprocess.run(["rm", "-rf", place.work], check=True)  # deeper than shutil can go


def claim_rules_that_meet_nothing_are_named_wherever_they_stand(place):
    folder, _ = tree(place)
    os.mkdir(os.path.join(folder, b"web"))
    os.symlink("/srv/old/x", os.path.join(folder, b"link"))
    place.good("backup")
    for number, (rule, met) in enumerate((("nope=there", False), ("/nope=/there", False),
                                          ("/web=/there", True), ("/srv/old=/srv/new", True),
                                          ("/srv/odl=/srv/new", False))):
        old = rule.split("=")[0]
        ran = place.good("restore", "latest", "--to", f"out{number}", "--map-path", rule,
                         code=0 if met else 3)
        assert (f"{old}: --map-path met no" in ran.err) != met, (rule, ran)
        ran = place.good("restore", "plan", "latest", "www", "--map-path", rule,
                         code=0 if met else 3)
        assert (f"{old}: --map-path met no" in ran.err) != met, (rule, ran)


stage.main(globals())
