"""Which rows are learned from, which ones choose, and which ones judge."""

import numpy as np

from data_pipelines.guessing.split_column import TEST, TRAIN, VALIDATION, find_split

APART = 0.95  # share of rows that the columns which are hashed must tell apart
TRIES = 20  # of a cut that leaves a part without rows, where rows are few


class RowParts(dict):
    """Dict `"train"`, `"val"`, `"test"` → `Rows`.

    Attributes:
        remarks: list of str. What people should know of the parts.
    """

    def __init__(self, parts, remarks=()):
        super().__init__(parts)
        self.remarks = list(remarks)


def row_parts(rows, validation=None, test=None, by=None):
    """Training, validation and test rows.

    Parts that no column and no table names are cut by a hash of the first columns of the table, as many as tell the
    rows apart: what comes after them may change, and so may the order of rows.

    Args:
        rows: `Rows`.
        validation: `Rows` of a table of their own, or None: those that a column of the table names, else a tenth.
        test: the same; where there are none, the validation rows judge as well.
        by: str or None. A column whose equal cells stay together where parts are cut. Defaults to `None`.
    Returns:
        `RowParts`.
    Raises:
        ValueError: a part without rows.
    """
    split = find_split(rows)
    remarks = list(split.remarks)
    named = {part: rows.where(**{split.column: cells}) for part, cells in split.words.items()}
    parts = {TRAIN: named.get(TRAIN, rows), VALIDATION: validation, TEST: test}
    for part in (VALIDATION, TEST):
        if parts[part] is None:
            parts[part] = named.get(part)
    if parts[VALIDATION] is None:
        whole, cut = parts[TRAIN], {"by": by, "of": hashed_columns(rows)}
        told = repr(by) if by else ", ".join(map(repr, cut["of"]))
        if parts[TEST] is None:
            parts = dict(zip(parts, whole.split(0.8, 0.1, 0.1, **cut), strict=True))
            remarks.append(f"a tenth of the rows chooses, a tenth judges, by a hash of {told}")
        else:
            parts[TRAIN], parts[VALIDATION] = _two(whole, cut)
            remarks.append(f"no rows are named to choose by: a tenth of the training rows is, by a hash of {told}")
    elif parts[TEST] is None:
        parts[TEST] = parts[VALIDATION]
        remarks.append("the rows that choose the epochs judge as well, for no others are named: scores flatter")
    for part, found in parts.items():
        if not len(found):
            raise ValueError(
                f"train: every part must have rows. Received: no {part} rows out of {len(rows)}. Do: more rows, or a "
                "table of validation rows: --validation TABLE (validation=rows)."
            )
    return RowParts(parts, remarks)


def hashed_columns(rows):
    """The first 1, 2, 4 or more columns of a table that tell nearly all rows apart; all, where they don't."""
    columns = [column for column in rows.columns if _has_text(rows.source, column)]
    for count in (2**power for power in range(len(columns).bit_length())):
        if _distinct(rows, columns[:count]) >= APART * len(rows):
            return columns[:count]
    return columns or list(rows.columns)


def _distinct(rows, columns):
    """How many different rows there are in some columns."""
    names = [rows.source.key(column) for column in columns]
    hashes = [
        np.fromiter(map(hash, zip(*(cells[name] for name in names), strict=True)), "int64")
        for cells in rows.chunks(names)
    ]
    return len(np.unique(np.concatenate([*hashes, np.zeros(0, "int64")])))


def _has_text(source, column):
    """Whether there is a text that tells the cells of a column apart, so that no media need be read."""
    return column not in source.bytes_columns or source.key(column) != column


def _two(rows, cut):
    """Nine tenths and one, neither without rows where there are two."""
    for seed in range(TRIES):
        parts = rows.split(0.9, 0.1, seed=seed, **cut)
        if all(map(len, parts)):
            break
    return parts


def require_columns(parts, columns):
    """Refuses parts that lack a column.

    Args:
        parts: dict name → `Rows`.
        columns: list of str.
    Raises:
        ValueError: which part, and which column.
    """
    for part, rows in parts.items():
        try:
            rows.require(columns)
        except ValueError as error:
            raise ValueError(f"train, {part} rows: {error}") from error
