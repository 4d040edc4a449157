#!/usr/bin/env python3
"""What discovery, inventories and backups call protected is; what is not is named."""
import sqlite3

import stage


def claim_quickstart_protects_all_that_lies_beside_a_database(place):
    key = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIOzG\n-----END PRIVATE KEY-----\n"
    for name, body in (("beach.jpg", "x"), ("travel-journal", "x"), ("secret.key", key)):
        app, work = place.folder / name / "app", place.folder / name / "work"
        app.mkdir(parents=True)
        work.mkdir()
        database = sqlite3.connect(app / "app.db")
        database.execute("CREATE TABLE t(a)")
        database.close()
        (app / name).write_text(body)
        place.good("quickstart", app, "--no-input", cwd=work)
        place.good("restore", "latest", "--to", place.folder / name / "back", cwd=work)
        back = {path.name for path in (place.folder / name / "back").rglob("*")}
        assert name in back, f"{name} is in no source: {back}"


stage.main(globals())
