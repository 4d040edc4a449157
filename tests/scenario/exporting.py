"""What scenarios of exports share."""
import json
import shutil
import subprocess

import stage

EPOCH = "1700000000"


def export(place, *words, code=0):
    place.environment["SOURCE_DATE_EPOCH"] = EPOCH
    return place.good("export", "--json", *words, code=code).summary


def records(path):
    return json.loads(path.read_text())["records"]


def hidden(place):
    return sorted(p.name for p in place.work.iterdir() if "perdure-work" in p.name)


def content(path):
    """Everything below a path, byte by byte."""
    if path.is_file():
        return path.read_bytes()
    return {str(p.relative_to(path)): p.read_bytes() for p in sorted(path.rglob("*"))
            if p.is_file()}


def formats(place):
    """Every format by a name that export takes; of templates one that is built in."""
    events = place.good("export", "formats", "--json").events
    return [dict(event, name="diary.txt") if event["name"] == "template" else event
            for event in events if event["type"] == "format"]


def interrupted(place, words, step):
    """The export, ended at that change of the disk; True when it came so far."""
    environment = dict(place.environment, PERDURE_CRASH_AT=str(step))
    done = subprocess.run([stage.PROGRAM, "export", *words], cwd=place.work, env=environment,
                          capture_output=True, timeout=120)
    assert done.returncode in (0, 3, 137), done.stderr
    return done.returncode == 137


def steps_of(place, words):
    environment = dict(place.environment, PERDURE_CRASH_COUNT=str(place.folder / "steps"))
    subprocess.run([stage.PROGRAM, "export", *words], cwd=place.work, env=environment,
                   capture_output=True, timeout=120)
    return int((place.folder / "steps").read_text())


def remove(path):
    if path.is_dir():
        shutil.rmtree(path)
    elif path.exists():
        path.unlink()
