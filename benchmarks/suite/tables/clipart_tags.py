"""Drawings: picture and title → keywords, tags.

2,200 rows, 48 × 48 PNG; the 60 keywords that stand in 30 rows or more. Bundled with the project
(`data_pipelines/datasets/clipart`; Open Clip Art Library, public domain).
"""

import collections

from suite.drawings import write_clipart

TARGET, METRIC = "keywords", "micro_f1"
COMMON = 30


def write(folder, limit=None):
    return write_clipart(folder, limit, keep=["picture", "title", "keywords", "split"], change=keep_common)


def keep_common(frame):
    """Only keywords that are common, and rows that have one."""
    tags = frame.keywords.fillna("").str.split("|")
    counts = collections.Counter(tag for row in tags for tag in row if tag)
    frame = frame.assign(keywords=["|".join(tag for tag in row if counts[tag] >= COMMON) for row in tags])
    return frame[frame.keywords != ""]
