"""Diamonds: weight, four measures, cut, colour and clarity → price in dollars.

50,000 rows, numbers and categories alone. ggplot2's `diamonds`, out of the package plotnine (MIT both). Rows that stand
there twice are left out, and one cell in fifty of the measures is empty.
"""

import numpy as np
import pandas as pd

from suite.writing import at_most, packaged, share_out, write_parts

TARGET, METRIC = "price", "r2"
ROWS = 50_000


def write(folder, limit=None):
    frame = pd.read_csv(packaged("plotnine", "data", "diamonds.csv")).drop_duplicates()
    frame = at_most(frame, min(limit or ROWS, ROWS))
    random = np.random.default_rng(0)
    for column in ("depth", "table", "x", "y", "z"):
        frame[column] = frame[column].astype(float).mask(random.random(len(frame)) < 0.02)
    return write_parts(folder, frame, share_out([None] * len(frame)))
