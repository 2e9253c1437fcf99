"""Outlines of leaves as series of 427 distances from their middle → which of 6 trees.

442 rows, one channel. OSULeaf (Gandhi, 2002) of the UCR archive, out of the package aeon (BSD-3-Clause); both of its
parts together, shared out anew.
"""

import pandas as pd

from suite.writing import at_most, packaged, share_out, write_parts

TARGET, METRIC = "tree", "accuracy"


def write(folder, limit=None):
    rows = [row for part in ("TRAIN", "TEST") for row in read(part)]
    frame = at_most(pd.DataFrame(rows, columns=["outline", "tree"]), limit, [row[1] for row in rows])
    parts = share_out(frame.tree, shares={"train": 0.55, "validation": 0.15, "test": 0.3})
    return write_parts(folder, frame, parts)


def read(part):
    """Series as `1.25;1.5;…`, and their classes, of a .ts file."""
    with open(packaged("aeon", "datasets", "data", "OSULeaf", f"OSULeaf_{part}.ts"), encoding="utf-8") as file:
        lines = file.read().split("@data\n")[1].splitlines()
    for line in filter(None, lines):
        values, label = line.rsplit(":", 1)
        yield ";".join(f"{float(value):.4g}" for value in values.split(",")), f"tree_{int(float(label))}"
