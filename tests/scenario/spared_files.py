#!/usr/bin/env python3
"""A restore in place takes nothing away that no snapshot holds."""
import os
import subprocess

import stage

NOBODY = 65534


def as_nobody(place, *words):
    """Runs the program as somebody who may not read everything."""
    if os.geteuid() != 0:
        raise stage.Skip("needs root, to run as somebody else")
    process = place.start(*words, user=NOBODY, group=NOBODY, extra_groups=[])
    out, err = process.communicate(timeout=300 * stage.PATIENCE)
    return stage.Ran(process.returncode, out.decode(errors="replace"),
                     err.decode(errors="replace"))


def configure(place, extra=""):
    place.write("perdure.toml",
                'version = 1\n[repository.main]\ndestinations = ["disk"]\n'
                'key = { file = "perdure.key" }\n[destination.disk]\ntype = "local"\n'
                f'path = "backups"\n[source.s]\ntype = "files"\npath = "tree"\n{extra}')


def names(ran):
    return {event["path"] for event in ran.events if event["type"] == "problem"}


def unreadable(place):
    """A tree of nobody's with a file that nobody can read, backed up by nobody."""
    folder = place.work / "tree"
    folder.mkdir()
    (folder / "ok").write_text("ok\n")
    (folder / "unread").write_text("only copy\n")
    configure(place)
    for path in [place.folder, *place.folder.rglob("*")]:
        os.chown(path, NOBODY, NOBODY)
    os.chown(folder / "unread", 0, 0)
    (folder / "unread").chmod(0o600)
    ran = as_nobody(place, "init")
    assert ran.code == 0, ran
    ran = as_nobody(place, "backup")
    assert ran.code == 3, ran
    return folder


def claim_delete_spares_what_could_not_be_read(place):
    folder = unreadable(place)
    (folder / "new").write_text("new\n")
    os.chown(folder / "new", NOBODY, NOBODY)
    ran = as_nobody(place, "restore", "latest", "s", "--to", "live", "--delete", "--confirm", "s",
                    "--json")
    assert (folder / "unread").read_text() == "only copy\n", "the only copy is gone"
    assert not (folder / "new").exists()
    assert ran.code == 3 and "s/unread" in names(ran), ran
    # Readable by now, it is still nothing that the snapshot looked at.
    (folder / "unread").chmod(0o644)
    ran = as_nobody(place, "restore", "latest", "s", "--to", "live", "--delete", "--confirm", "s",
                    "--json")
    assert ran.code == 3 and (folder / "unread").exists(), ran


def claim_what_cannot_be_read_is_not_overwritten(place):
    folder = unreadable(place)
    os.chown(folder / "ok", 0, 0)
    for text in ("changed since\n", "no\n"):  # of another size, and of the same
        (folder / "ok").write_text(text)
        (folder / "ok").chmod(0o600)
        os.utime(folder / "ok", (1, 1))
        for strategy in ("overwrite", "keep-newer"):
            ran = as_nobody(place, "restore", "latest", "s", "--to", "live", "--merge-strategy",
                            strategy, "--confirm", "s", "--json")
            assert ran.code == 3 and "s/ok" in names(ran), ran
            assert (folder / "ok").read_text() == text


def claim_what_the_safety_snapshot_leaves_out_is_not_overwritten(place):
    folder = place.work / "tree"
    (folder / "uploads").mkdir(parents=True)
    (folder / "uploads" / "x").write_text("then\n")
    (folder / "y").write_text("then\n")
    configure(place)
    place.good("init")
    place.good("backup")
    configure(place, 'exclude = ["/uploads/"]\n')
    (folder / "uploads" / "x").write_text("only copy\n")
    (folder / "y").write_text("changed\n")
    ran = place.good("restore", "latest", "s", "--to", "live", "--merge-strategy", "overwrite",
                     "--confirm", "s", "--json", code=3)
    assert (folder / "uploads" / "x").read_text() == "only copy\n" and "s/uploads/x" in names(ran)
    assert (folder / "y").read_text() == "then\n"
    place.good("restore", "undo", ran.summary["run"], "--confirm", "s")
    assert (folder / "y").read_text() == "changed\n"


def claim_delete_spares_what_was_left_out_then(place):
    folder = place.work / "tree"
    for name in ("uploads/x", "cache/x", "cache/y", "kept", "sub/kept"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("only copy\n")
    (folder / "cache" / "CACHEDIR.TAG").write_text("Signature: 8a477f597d28d172789f06886806bc55\n")
    configure(place, f'exclude = ["{folder}/uploads/", "*.log"]\n')
    place.good("init")
    place.good("backup", "--tag", "old")
    configure(place, "exclude_caches = false\n")  # later everything is wanted
    place.good("backup")
    (folder / "sub" / "a.log").write_text("only copy\n")
    (folder / "sub" / "new").write_text("new\n")
    ran = place.good("restore", "old", "s", "--to", "live", "--delete", "--confirm", "s", "--json",
                     code=3)
    for name in ("uploads/x", "cache/x", "cache/y", "sub/a.log"):
        assert (folder / name).exists(), f"{name} is gone\n{ran}"
    assert not (folder / "sub" / "new").exists(), "what is new since is still deleted"
    assert names(ran) == {"s/uploads/x", "s/cache", "s/sub/a.log"}, ran


def claim_delete_spares_what_lies_under_a_mount_of_then(place):
    folder = place.work / "tree"
    (folder / "disk").mkdir(parents=True)
    configure(place, "one_file_system = true\n")
    if os.geteuid() != 0 or subprocess.run(
            ["mount", "-t", "tmpfs", "none", folder / "disk"], capture_output=True).returncode:
        raise stage.Skip("needs the right to mount")
    try:
        place.good("init")
        place.good("backup")
    finally:
        subprocess.run(["umount", folder / "disk"], check=True)
    (folder / "disk" / "x").write_text("only copy\n")
    (folder / "new").write_text("new\n")
    ran = place.good("restore", "latest", "s", "--to", "live", "--delete", "--confirm", "s",
                     "--json", code=3)
    assert (folder / "disk" / "x").exists() and "s/disk/x" in names(ran), ran
    assert not (folder / "new").exists()


def claim_an_undo_tells_what_its_snapshot_does_not_hold(place):
    folder = place.work / "tree"
    folder.mkdir()
    for name in ("a", "b"):
        (folder / name).write_text("then\n")
    configure(place)
    place.good("init")
    place.good("backup")
    for name in ("a", "b"):
        (folder / name).write_text("changed\n")
    run = place.good("restore", "latest", "s", "--to", "live", "--merge-strategy", "overwrite",
                     "--confirm", "s", "--json").summary["run"]
    # The snapshot of the state before is replaced by one that lacks a file: as of old runs.
    record, = (place.folder / "state").rglob(f"recovery/{run}/run.json")
    configure(place, 'exclude = ["/a"]\n')
    lacking = place.good("backup", "--json").summary["snapshot"]
    text = record.read_text()
    before = place.good("restore", "undo", run, "--dry-run", "--json").summary
    assert before["back"] == 2, before
    import json
    held = json.loads(text)["safety"]
    record.write_text(text.replace(held, lacking))
    ran = place.run("restore", "undo", run, "--confirm", "s")
    assert ran.code == 15 and "s/a" in ran.err, ran
    ran = place.good("restore", "undo", run, "--partly", "--confirm", "s", "--json", code=3)
    assert ran.summary["back"] == 1 and ran.summary["kept"] == 1, ran


stage.main(globals())
