"""What version 1 of the format learned later (1b): an application with an R-Tree, whose rows belong
to people, a media folder with a mode and an empty folder, and a pinned snapshot."""
import os
import sqlite3

from sample import APP, PLACE, Place

THEN = 1_760_000_000_987_654_321
REASON = "kept for the auditors, until March (Größe: 1 ½)"

SCHEMA = """
CREATE TABLE users(id INTEGER PRIMARY KEY, name TEXT);
CREATE TABLE places(id INTEGER PRIMARY KEY, user_id INTEGER REFERENCES users(id), photo TEXT);
CREATE VIRTUAL TABLE places_at USING rtree(id, x0, x1, y0, y1, +note);
CREATE VIRTUAL TABLE places_cell USING rtree_i32(id, a0, a1);
"""


class SmallPlace(Place):
    config_text = PLACE.replace("key =", "parity = false\nkey =") + APP

    def make_data(self):
        with sqlite3.connect(os.path.join(self.make_folder(""), "app.db")) as db:
            db.executescript(SCHEMA)
            db.executemany("INSERT INTO users VALUES(?,?)", [(1, "Ada"), (2, "Bo")])
            db.executemany("INSERT INTO places VALUES(?,?,?)", [
                (i * 3, i % 2 + 1, {1: "own.jpg"}.get(i)) for i in range(1, 41)])
            db.executemany("INSERT INTO places_at VALUES(?,?,?,?,?,?)", [
                (i * 3, i / 2, i / 2 + 0.25, -i, 1.5 - i, f"note {i}") for i in range(1, 41)])
            db.executemany("INSERT INTO places_cell VALUES(?,?,?)", [
                (i * 3, -i, i * i) for i in range(1, 11)])
        db.close()
        self.write("media/own.jpg", b"\xff\xd8 a picture of one", THEN)
        self.write("media/all/shared.txt", b"of nobody\n", THEN)
        os.chmod(self.make_folder("media/empty"), 0o700)
        for name, mode in (("media/all", 0o755), ("media", 0o750)):
            os.chmod(os.path.join(self.data, name), mode)
            os.utime(os.path.join(self.data, name), ns=(THEN, THEN))

    def make_folder(self, name):
        path = os.path.join(self.data, name)
        os.makedirs(path, exist_ok=True)
        return path

    def restored_expected(self, target):
        return self.expected(os.path.join(target, "app"))

    def make_repository(self):
        """One snapshot, pinned; what it must hold."""
        self.make_data()
        self.run("init")
        self.run("backup", "--tag", "pinned")
        self.run("backup", "pin", "pinned", "--reason", REASON)
        return [{"tag": "pinned", "pin": REASON, **self.expected(self.data)}]

    @staticmethod
    def expected(data, database="app.db"):
        return {**Place.expected(data, database),
                "media_folder": folder_of(os.path.join(data, "media"))}


def folder_of(path):
    """What comes back of the media folder itself."""
    status = os.stat(path)
    return {"mode": status.st_mode & 0o7777, "mtime_ns": status.st_mtime_ns}
