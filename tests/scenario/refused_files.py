#!/usr/bin/env python3
"""Files that the place of a restore will never hold are named; the rest comes back."""
import os
import resource
import signal
import sqlite3

import stage

LIMIT = 20 << 20  # stands for FAT's 4 GiB


def limited(place, *words):
    """Runs where no file may be larger than LIMIT; the signal that the kernel sends then as well
    does what it does by default."""
    def limit():
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
        resource.setrlimit(resource.RLIMIT_FSIZE, (LIMIT, LIMIT))

    process = place.start(*words, preexec_fn=limit)
    out, err = process.communicate(timeout=300 * stage.PATIENCE)
    return stage.Ran(process.returncode, out.decode(), err.decode())


def large(path, offset=0):
    with open(path, "wb") as file:
        file.seek(offset)
        file.write(os.urandom(LIMIT + (1 << 20) - offset))


def claim_a_file_that_is_too_large_for_the_target_ends_no_restore(place):
    tree = place.work / "tree"
    tree.mkdir()
    large(tree / "large")
    large(tree / "sparse", LIMIT - 4096)
    with open(tree / "hole", "wb") as file:
        file.truncate(LIMIT + 1)
    for name in ("a", "z"):
        (tree / name).write_text(name)
    (place.work / "other").mkdir()
    (place.work / "other" / "o").write_text("o")
    place.repository(tree=tree, other=place.work / "other")
    place.good("backup")
    ran = limited(place, "restore", "latest", "--to", place.folder / "back")
    assert ran.code == 3, ran
    for name in ("large", "sparse", "hole"):
        assert f"tree: {name}" in ran.err, ran
    assert sorted(p.name for p in (place.folder / "back" / "tree").iterdir()) == ["a", "z"]
    assert (place.folder / "back" / "other" / "o").read_text() == "o"


def claim_a_medium_that_is_too_large_for_the_target_keeps_no_database(place):
    with sqlite3.connect(place.work / "app.db") as database:
        database.execute("CREATE TABLE t(x)")
        database.execute("INSERT INTO t VALUES(1)")
    database.close()
    media = place.work / "media"
    media.mkdir()
    large(media / "large.bin")
    (media / "small.jpg").write_text("small")
    place.repository(app="app.db")
    config = place.work / "perdure.toml"
    config.write_text(config.read_text() + 'media = "media"\n')
    place.good("backup")
    ran = limited(place, "restore", "latest", "--to", place.folder / "back")
    assert ran.code == 3 and "large.bin" in ran.err, ran
    back = place.folder / "back" / "app"
    assert [p.name for p in (back / "media").iterdir()] == ["small.jpg"]
    copy = sqlite3.connect(back / "app.db")
    assert copy.execute("SELECT x FROM t").fetchall() == [(1,)]
    copy.close()


def claim_a_restore_in_place_tells_what_could_not_be_put_there(place):
    tree = place.work / "tree"
    tree.mkdir()
    large(tree / "sparse", LIMIT - 4096)
    place.repository(tree=tree)
    place.good("backup")
    (tree / "sparse").write_text("changed since\n")
    ran = limited(place, "restore", "latest", "tree", "--to", "live", "--merge-strategy",
                  "overwrite", "--confirm", "tree")
    assert ran.code != 0 and "too large" in ran.err, ran
    assert (tree / "sparse").read_text() == "changed since\n"
    assert [p.name for p in tree.iterdir()] == ["sparse"], "something stayed behind"


stage.main(globals())
