"""A striped star, a dotted heart, in front of clutter → which of 12.

3,000 rows, 48 × 48 colour JPEG, made by a seeded generator (`suite/sketches.py`): six outlines times two fills, any
colours, sizes and turns, other small things in front of and behind it, light and noise of a camera.
"""

import os

import numpy as np
import pandas as pd

from suite import sketches
from suite.writing import media_folder, share_out, write_parts

TARGET, METRIC = "thing", "accuracy"
ROWS, SIZE = 3000, 48
THINGS = [
    f"{fill} {outline}"
    for fill in ("striped", "dotted")
    for outline in ["square", "triangle", "star", "heart", "drop", "cross"]
]


def write(folder, limit=None):
    random = np.random.default_rng(0)
    media_folder(folder, "photos")
    rows = []
    for place in range(min(limit or ROWS, ROWS)):
        thing = THINGS[random.integers(len(THINGS))]
        name = f"photos/{place:04d}.jpg"
        take(*thing.split(), random).save(os.path.join(folder, name), quality=85)
        rows.append((name, thing))
    frame = pd.DataFrame(rows, columns=["photo", "thing"])
    return write_parts(folder, frame, share_out(frame.thing))


def take(fill, outline, random):
    """A photograph of a thing."""
    canvas = sketches.clutter(sketches.background(SIZE, random), random, random.integers(2, 7))
    middle, radius = random.uniform(0.38, 0.62, 2) * SIZE, random.uniform(0.24, 0.36) * SIZE
    where = sketches.area(outline, SIZE, middle, radius, random.uniform(0, 2 * np.pi), random.uniform(0.75, 1.0))
    canvas = sketches.put(canvas, where, sketches.fill(fill, SIZE, random))
    return sketches.photograph(sketches.clutter(canvas, random, random.integers(0, 4)), random)
