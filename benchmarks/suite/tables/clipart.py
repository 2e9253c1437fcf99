"""Drawings: picture, title, numbers with gaps, creator, editor → one of 14 categories.

2,215 rows; 48 × 48 PNG. Bundled with the project (`data_pipelines/datasets/clipart`; Open Clip Art Library, public
domain). No author's drawings of one name stand in two parts. Keywords name the category and are left out.
"""

from suite.drawings import write_clipart

TARGET, METRIC = "category", "accuracy"


def write(folder, limit=None):
    return write_clipart(folder, limit, leave_out=["keywords"])
