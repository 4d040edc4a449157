#!/usr/bin/env python3
"""A process that may open few files at a time backs up, restores and drills all the same."""
import resource
import sqlite3

import stage

FEW = 64


def claim_few_descriptors_are_enough(place):
    """A tree deeper and wider than that, and a database beside it."""
    folder = place.work / "www"
    deep = folder
    for number in range(150):
        deep = deep / f"d{number}"
        deep.mkdir(parents=True)
        (deep / "f").write_text(f"deep {number}")
        (folder / f"w{number}").mkdir()
        (folder / f"w{number}" / "f").write_text(f"wide {number}")
    with sqlite3.connect(place.work / "app.db") as database:
        database.execute("CREATE TABLE t(id INTEGER PRIMARY KEY)")
    database.close()
    place.repository(www="www", app="app.db")

    def few(*words, code=0):
        process = place.start(*words, preexec_fn=lambda: resource.setrlimit(
            resource.RLIMIT_NOFILE, (FEW, FEW)))
        out, err = process.communicate(timeout=300 * stage.PATIENCE)
        assert process.returncode == code, (words, process.returncode, out, err[-2000:])

    few("backup")
    few("restore", "latest", "--to", "out")
    assert not stage.rsync_differences(folder, place.work / "out" / "www")
    few("restore", "drill")
    few("backup", "verify", "--restore")
    (folder / "w7" / "f").unlink()
    (folder / "new").write_text("x")
    few("restore", "latest", "www", "--to", "live", "--delete", "--confirm", "www")
    assert (folder / "w7" / "f").read_text() == "wide 7" and not (folder / "new").exists()
    few("backup", "diff", "latest", "live")
    few("backup")


stage.main(globals())
