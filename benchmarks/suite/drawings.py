"""The bundled drawings as three tables."""

import os
import shutil

import pandas as pd

from suite.writing import at_most, media_folder, write_parts

PARTS = {"train": "train", "val": "validation", "test": "test"}


def write_clipart(folder, limit=None, leave_out=(), keep=None, change=None):
    """Writes the drawings and their tables.

    Args:
        folder: str.
        limit: int or None. About so many rows.
        leave_out: columns that are not written.
        keep: columns that are written. Defaults to `None`: all.
        change: function frame → frame, or None.
    Returns:
        `Parts`.
    """
    from data_pipelines import datasets  # TensorFlow, which an opponent may do without

    source = datasets.folder("clipart")
    frame = pd.read_csv(os.path.join(source, "table.csv"))
    frame = (change or (lambda same: same))(frame[keep or list(frame)].drop(columns=list(leave_out)))
    frame = at_most(frame, limit, frame.split)
    media_folder(folder, "pictures")
    for picture in frame.picture:
        shutil.copy(os.path.join(source, picture), os.path.join(folder, picture))
    return write_parts(folder, frame.drop(columns="split"), frame.split.map(PARTS))
