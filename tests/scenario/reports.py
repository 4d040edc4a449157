#!/usr/bin/env python3
"""Signed reports: what perdure signs, a stranger with Python and openssl can check."""
import base64
import hashlib
import json
import pathlib
import subprocess
import tempfile

import stage


def stranger_accepts(path):
    """docs/REPORTS.md, done by openssl: whether the signature is that of the key it names."""
    report = json.loads(path.read_text())
    signature = report.pop("signature")
    key = base64.b64decode(signature["key"])
    assert hashlib.sha256(key).hexdigest()[:16] == signature["key_id"]
    message = b"perdure1/report\n" + json.dumps(
        report, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    with tempfile.TemporaryDirectory() as scratch:
        scratch = pathlib.Path(scratch)
        der = bytes.fromhex("302a300506032b6570032100") + key  # RFC 8410
        (scratch / "key").write_bytes(der)
        (scratch / "message").write_bytes(message)
        (scratch / "signature").write_bytes(base64.b64decode(signature["value"]))
        done = subprocess.run(
            ["openssl", "pkeyutl", "-verify", "-pubin", "-keyform", "DER", "-inkey",
             scratch / "key", "-rawin", "-in", scratch / "message", "-sigfile",
             scratch / "signature"], capture_output=True, text=True, check=False)
    return done.returncode == 0


def key_file(place, key_id):
    return next((place.folder / "state").rglob(f"report-keys/{key_id}.json"))


def claim_a_report_is_checked_by_perdure_and_by_a_stranger(place):
    """A key's own introduction is a report like every other."""
    place.repository(data="data")
    keys = place.good("report", "key", "show", "--json").summary["keys"]
    path = key_file(place, keys[0]["key_id"])
    checked = place.good("verify-report", path, "--json").summary
    assert checked["signer"] == "own_current" and checked["kind"] == "report-key", checked
    assert stranger_accepts(path)


def claim_a_changed_report_is_refused(place):
    place.repository(data="data")
    keys = place.good("report", "key", "show", "--json").summary["keys"]
    report = json.loads(key_file(place, keys[0]["key_id"]).read_text())
    again = place.write("again.json", json.dumps(report))
    place.good("verify-report", again)
    report["host"] = "another"
    changed = place.write("changed.json", json.dumps(report))
    ran = place.good("verify-report", changed, code=14)
    assert "changed after it was signed" in ran.err, ran
    assert not stranger_accepts(changed)
    place.good("verify-report", place.write("no.json", "{}"), code=2)
    place.good("verify-report", place.write("not-json", b"\xff\x00"), code=2)
    place.good("verify-report", place.work / "absent.json", code=2)


def claim_old_reports_outlive_a_rotated_key(place):
    place.repository(data="data")
    old = place.good("report", "key", "show", "--json").summary["keys"][0]
    path = key_file(place, old["key_id"])
    place.good("report", "key", "rotate")
    assert place.good("verify-report", path, "--json").summary["signer"] == "own_retired"
    keys = place.good("report", "key", "show", "--json").summary["keys"]
    assert [key["current"] for key in keys] == [False, True], keys
    assert keys[1]["previous"] == old["key_id"], "the old key does not vouch for the new one"
    assert stranger_accepts(key_file(place, keys[1]["key_id"]))


def claim_a_strangers_report_is_not_trusted_until_its_key_is_named(place):
    place.repository(data="data")
    key = place.good("report", "key", "show", "--json").summary["keys"][0]
    copy = place.write("report.json", key_file(place, key["key_id"]).read_text())
    place.environment["XDG_STATE_HOME"] = str(place.folder / "elsewhere")
    assert "not known here" in place.good("verify-report", copy, code=12).err
    assert place.good("verify-report", copy, "--key", key["key"]).code == 0
    other = base64.b64encode(bytes(32)).decode()
    place.good("verify-report", copy, "--key", other, code=12)
    place.good("verify-report", copy, "--key", "nonsense", code=2)


stage.main(globals())
