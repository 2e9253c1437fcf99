"""Several tables as one, in shares of the user's choice."""

import numpy as np

from data_pipelines.sources.rows import Rows
from data_pipelines.sources.source import ROW, WEIGHT, Source

STRIDE = 10**12  # from the row numbers of one table to those of the next


def mix(*tables, weights=None):
    """Puts tables under one another; training draws from each by its weight.

    A table without a column has empty cells there: a set of captioned pictures and one of bare pictures go together,
    the captions of the second absent.

    Args:
        tables: `Rows`, two or more.
        weights: sequence of floats > 0, one a table: their shares of a training pass, which has as many rows as all
            tables together. Defaults to `None`: every row as often as any other.
    Returns:
        `Rows`; in order, and outside training, each row once.
    Raises:
        ValueError: fewer than two tables, other weights, or a column that holds bytes in one and paths in another.
    Example:
        >>> rows = mix(own, crawled, weights=[0.7, 0.3])
        >>> model.fit(pipe.batches(rows, 32, training=True))
    """
    if len(tables) < 2 or (weights is not None and (len(weights) != len(tables) or not min(weights) > 0)):
        raise ValueError(
            "mix: there must be two tables or more, and a weight > 0 for each. "
            f"Received: {len(tables)} tables, weights={weights}. Do: mix(a, b, weights=[0.7, 0.3])."
        )
    columns = tuple(dict.fromkeys(column for rows in tables for column in rows.columns))
    shares = np.ones(len(tables)) if weights is None else _shares(tables, weights)
    weighted = weights is not None or any(rows.weighted for rows in tables)
    return Rows(_Mixture(tables, columns, _bytes_columns(tables, columns), shares, weighted))


def _shares(tables, weights):
    """What a row of each table weighs, so that tables come in the shares wanted."""
    total = sum(weights)
    return [weight / total * sum(map(len, tables)) / len(rows) for weight, rows in zip(weights, tables, strict=True)]


def _bytes_columns(tables, columns):
    found = {
        column: {column in rows.source.bytes_columns for rows in tables if column in rows.columns} for column in columns
    }
    for column, kinds in found.items():
        if len(kinds) > 1:
            raise ValueError(
                "mix: a column must hold bytes in all tables or paths in all. "
                f"Received: column={column!r}, bytes in one of them. Do: rename one."
            )
    return {column for column, kinds in found.items() if True in kinds}


class _Mixture(Source):
    """Tables as one source; a row's number tells its table too."""

    def __init__(self, tables, columns, bytes_columns, shares, weighted):
        super().__init__(" + ".join(rows.source.name for rows in tables), columns, self._chunks, "", bytes_columns)
        self.tables = tables
        self.shares = shares
        self.weigh = (lambda cells: cells[WEIGHT]) if weighted else None

    def _chunks(self):
        for part, (rows, share) in enumerate(zip(self.tables, self.shares, strict=True)):
            for cells in rows.chunks([*rows.columns, WEIGHT]):
                empty = np.full(len(cells[ROW]), "", object)
                hidden = {ROW: part * STRIDE + cells[ROW], WEIGHT: share * cells[WEIGHT]}
                yield {column: cells.get(column, empty) for column in self.columns} | hidden

    def root(self, cells):
        return self._table(cells[ROW][0]).media_root

    def place(self, row):
        return self._table(row).place(row % STRIDE)

    def _table(self, row):
        return self.tables[row // STRIDE].source
