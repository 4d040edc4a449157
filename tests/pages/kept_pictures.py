"""Pictures that are kept, and how like them a new one is.

A picture is kept as grey pixels, a sixth as wide and high: moved, lost or overlapping things change
many of them, another version of a rasteriser hardly any. UPDATE_PICTURES=1 keeps new ones; look at
them first (PICTURES_OUT=FOLDER puts the large ones there).
"""
import os
import pathlib
import shutil
import struct
import subprocess

PICTURES = pathlib.Path(__file__).parent / "pictures"
SMALLER = 6
DARKER_MAX = 24        # of 255, before a pixel counts as another one
WRONG_PARTS_MAX = 0.004


def small_grey(png):
    """(width, height, pixels) of a PNG, averaged."""
    width, height = struct.unpack(">II", png.read_bytes()[16:24])
    width, height = width // SMALLER, height // SMALLER
    done = subprocess.run(["ffmpeg", "-loglevel", "error", "-i", png, "-vf",
                           f"scale={width}:{height}:flags=area,format=gray", "-f", "rawvideo", "-"],
                          capture_output=True, check=True)
    assert len(done.stdout) == width * height
    return width, height, done.stdout


def look_alike(png, name):
    """Fails when the picture is not about as the kept one of that name."""
    if folder := os.environ.get("PICTURES_OUT"):
        pathlib.Path(folder).mkdir(parents=True, exist_ok=True)
        shutil.copy(png, pathlib.Path(folder) / f"{name}.png")
    width, height, now = small_grey(png)
    kept = PICTURES / f"{name}.pgm"
    head = b"P5\n%d %d\n255\n" % (width, height)
    if os.environ.get("UPDATE_PICTURES"):
        PICTURES.mkdir(exist_ok=True)
        kept.write_bytes(head + now)
    then = kept.read_bytes()
    assert then.startswith(head), f"{name} has another size: {width} x {height}"
    then = then[len(head):]
    wrong = sum(abs(a - b) > DARKER_MAX for a, b in zip(now, then))
    assert wrong <= len(now) * WRONG_PARTS_MAX, f"{name}: {wrong} of {len(now)} places differ"
    assert len(set(now)) > 20, f"{name} is an empty page"
