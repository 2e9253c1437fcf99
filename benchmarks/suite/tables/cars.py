"""Cars: maker, engine, gears, year and what they burn → kind of car.

225 rows, numbers and categories alone, 7 classes, 12 : 1 out of balance. ggplot2's `mpg` (US Environmental Protection
Agency), out of the package plotnine (MIT both); the model's name is left out.
"""

import pandas as pd

from suite.writing import at_most, packaged, share_out, write_parts

TARGET, METRIC = "class", "accuracy"


def write(folder, limit=None):
    frame = pd.read_csv(packaged("plotnine", "data", "mpg.csv")).drop(columns="model").drop_duplicates()
    frame = at_most(frame, limit, frame["class"])
    parts = share_out(frame["class"], shares={"train": 0.5, "validation": 0.15, "test": 0.35})
    return write_parts(folder, frame, parts)
