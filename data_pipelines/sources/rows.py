"""Rows of a table, read lazily in chunks of string cells."""

import collections
import functools
import hashlib
import itertools

import numpy as np
import tensorflow as tf

from data_pipelines.sources.source import ROW, WEIGHT, media_bytes


class Rows:
    """A lazy table of rows; `split`, `where`, `take` and `without` give other lazy tables over the same source.

    A row is a string cell a column: a path, a text, a number written out, or bytes; `""` means missing.

    Args:
        source: `Source`.
        steps: tuple. Which rows belong here, one step after the other: a callable, chunk → bool array, or an int, the
            most rows let through.
        columns: sequence of str or None. The columns that belong here. Defaults to `None`: all.
        weigh: callable, chunk → float array, or None. How often training draws each row, see `balanced`. Defaults to
            `None`: the source's weights, or all alike.
    """

    def __init__(self, source, steps=(), columns=None, weigh=None):
        self.source = source
        self.columns = tuple(source.columns if columns is None else columns)
        self._steps = tuple(steps)
        self._weigh = weigh or source.weigh
        self._count = None

    def _but(self, steps=(), columns=None, weigh=None):
        """The same rows after further steps, with other columns or weights."""
        columns = self.columns if columns is None else columns
        return Rows(self.source, (*self._steps, *steps), columns, weigh or self._weigh)

    @property
    def weighted(self):
        """True where training draws some rows more often than others."""
        return self._weigh is not None

    def chunks(self, columns=None):
        """Yields dicts column → object array of the rows that belong here, `"_row"` included.

        The column `"_weight"` is how often training draws a row, compared with others.
        """
        wanted = [*(self.columns if columns is None else columns), ROW]
        left = {place: step for place, step in enumerate(self._steps) if isinstance(step, int)}
        for cells in self.source.chunks(wanted):
            for place, step in enumerate(self._steps):
                chosen = slice(left[place]) if place in left else step(cells)
                cells = {column: values[chosen] for column, values in cells.items()}
                if place in left:
                    left[place] -= len(cells[ROW])
            if len(cells[ROW]):
                weight = {WEIGHT: self._weights(cells)} if WEIGHT in wanted else {}
                yield {column: cells[column] for column in wanted if column != WEIGHT} | weight
            if 0 in left.values():
                return

    def chunks_with_paths(self, columns, media):
        """The same, with the cells of `media` columns made full paths; see `dataset`."""
        paths = {c: locate for c, locate in media.items() if c not in self.source.bytes_columns}
        for cells in self.chunks(columns):
            for column, locate in paths.items():
                root = self.source.root(cells)
                full = [locate(cell, root) for cell in cells[column]]
                cells[column] = np.array([*full, ""], object)[:-1]
            yield cells

    def _weights(self, cells):
        return np.ones(len(cells[ROW])) if self._weigh is None else self._weigh(cells)

    def __len__(self):
        if not self._steps and self.source.count is not None:
            return self.source.count
        if self._count is None:
            self._count = sum(len(cells[ROW]) for cells in self.chunks([]))
        return self._count

    def __repr__(self):
        return f"Rows({self.source.name!r}, columns={list(self.columns)})"

    def values(self, column):
        """All cells of a column, in order, as one object array."""
        self.require([column])
        return self._gathered(column)

    def keys(self, column):
        """What tells the rows apart in a column: its cells, or, where shards hold media, what stood in the table."""
        self.require([column])
        return self._gathered(self.source.key(column))

    def _gathered(self, name):
        parts = [cells[name] for cells in self.chunks([name])]
        return np.concatenate(parts) if parts else np.array([], object)

    def require(self, columns):
        """Checks that columns are there.

        Raises:
            ValueError: one is not.
        """
        lacking = [column for column in columns if column not in self.columns]
        if lacking:
            raise ValueError(
                f'Rows "{self.source.name}": a column must be in the table. Received: column={lacking[0]!r}. '
                f"Do: choose from {list(self.columns)}."
            )

    def where(self, **values):
        """Rows whose cells equal the given text, or one of a list of texts: `rows.where(split="train")`."""
        self.require(values)
        keep = []
        for column, wanted in values.items():
            wanted = {wanted} if isinstance(wanted, str) else set(wanted)
            column = self.source.key(column)
            keep.append(lambda cells, c=column, w=wanted: np.array([cell in w for cell in cells[c]], bool))
        return self._but(keep)

    def union(self, other):
        """These rows and those of another part of the same table, in the table's order; columns and weights are ours.

        Raises:
            ValueError: rows of another table.
        Example:
            >>> train.union(val)
        """
        if other.source is not self.source:
            raise ValueError(
                f'Rows.union "{self.source.name}": other must be rows of the same table. '
                f'Received: "{other.source.name}", read apart. Do: cut both from one read_table.'
            )
        known = np.concatenate([part._gathered(ROW).astype("int64") for part in (self, other)])
        return Rows(self.source, [lambda cells: np.isin(cells[ROW].astype("int64"), known)], self.columns, self._weigh)

    def without(self, *columns):
        """The same rows with fewer columns."""
        self.require(columns)
        left = [column for column in self.columns if column not in columns]
        return self._but(columns=left)

    def take(self, count):
        """The first `count` rows."""
        return self._but([int(count)])

    def split(self, *shares, by=None, of=None, seed=0):
        """Cuts the rows into parts by a hash: the same row falls into the same part in any order of the table.

        Args:
            shares: floats > 0 that sum to 1, one a part.
            by: str or None. A column whose equal cells must stay together, such as an author; an empty cell counts as
                a group of its own row. Defaults to `None`: whole rows are hashed, so equal rows stay together.
            of: sequence of str or None. The columns that are hashed where `by` is None or the cell empty: rows that
                are equal in them stay together, and other columns may come and go. Defaults to `None`: all.
            seed: int. Another seed gives another cut. Defaults to `0`.
        Returns:
            list of `Rows`, one a share.
        Raises:
            ValueError: shares that do not sum to 1, or a column that is not there.
        """
        if not shares or min(shares) <= 0 or abs(sum(shares) - 1) > 1e-6:
            raise ValueError(
                f"Rows.split: shares must be > 0 and sum to 1. Received: shares={shares}. Do: 0.8, 0.1, 0.1."
            )
        self.require([*(() if by is None else (by,)), *(of or ())])
        edges = np.concatenate([[0.0], np.cumsum(shares)])
        edges[-1] = 1.0 + 1e-9

        source = self.source
        columns, group = [source.key(column) for column in of or source.columns], by and source.key(by)

        def part(low, high):
            def keep(cells):
                place = _hashed(cells, columns, group, seed)
                return (place >= low) & (place < high)

            return self._but([keep])

        return [part(low, high) for low, high in itertools.pairwise(edges)]

    def digests(self, columns):
        """Numbers that stand for the rows' cells of some columns, blanks around texts left out: uint64 `(N,)`."""
        names, parts = [self.source.key(column) for column in columns], []
        for cells in self.chunks(names):
            rows = ([_stripped(cell) for cell in row] for row in _row_by_row(cells, names))
            parts.append(np.array([_digest(row, b"", 8) for row in rows], "uint64"))
        return np.concatenate([*parts, np.zeros(0, "uint64")])

    def balanced(self, column):
        """The same rows, drawn in training so that every value of a column comes as often as any other.

        A training pass has as many rows as before: those of a rare value come several times, those of a common one
        are left out by turns. Rows without a value come as often as before.

        Args:
            column: str. A column of few values, such as a category.
        Raises:
            ValueError: the column is not there, or has no value at all.
        Example:
            >>> pipe.batches(train.balanced("breed"), 32, training=True)
        """
        counts = collections.Counter(self.values(column).tolist())
        counts.pop("", None)
        if not counts:
            raise ValueError(
                f'Rows.balanced "{self.source.name}": the column must have values. Received: column={column!r}, all '
                "empty. Do: another column."
            )
        even = sum(counts.values()) / len(counts)
        shares = {value: even / number for value, number in counts.items()} | {"": 1.0}
        before = self._weigh

        def weigh(cells):
            own = np.array([shares.get(value, 1.0) for value in cells[column]])
            return own if before is None else own * before(cells)

        return self._but(weigh=weigh)

    @property
    def row_bytes(self):
        """About how many bytes of media a row's cells hold, by the first rows; 0 where they hold paths."""
        columns = [column for column in self.columns if column in self.source.bytes_columns]
        first = next(self.chunks(columns), None) if columns else None
        return 0 if first is None else media_bytes(first, columns) / len(first[ROW])

    def tensors(self, columns, media=None):
        """All rows as dict column → string tensor, `"_row"` int64; for tables held in memory. See `dataset`."""
        parts = list(self.chunks_with_paths(columns, media or {}))
        return {c: tf.constant(np.concatenate([part[c] for part in parts])) for c in [*columns, ROW]}

    def stream(self, columns, media=None):
        """A `tf.data.Dataset` of chunks, dict column → string `(n,)`, `"_row"` int64, `"_weight"` float64."""
        dtypes = {ROW: tf.int64, WEIGHT: tf.float64}
        spec = {c: tf.TensorSpec([None], dtypes.get(c, tf.string)) for c in [*columns, ROW]}
        chunks = functools.partial(self.chunks_with_paths, columns, media or {})
        return tf.data.Dataset.from_generator(chunks, output_signature=spec)

    def dataset(self, columns, media=None, seed=None):
        """A `tf.data.Dataset` of rows: dict column → scalar string, with `"_row"` an int64.

        Args:
            columns: sequence of str.
            media: dict column → callable (cell, media root) → cell, for columns whose cells name files: it gives them
                as full paths.
            seed: int64 scalar or None. Asks shards to mix what lies far apart. Defaults to `None`: rows in order.
        """
        self.require([column for column in columns if column != WEIGHT])
        if self.source.is_shards and WEIGHT not in columns:
            return self.source.dataset(self, columns, media or {}, seed)
        size = len(self)
        if self.source.held and not self.source.is_shards:
            return tf.data.Dataset.from_tensor_slices(self.tensors(columns, media))
        return self.stream(columns, media).unbatch().apply(tf.data.experimental.assert_cardinality(size))


def _hashed(cells, columns, by, seed):
    """A number in [0, 1) for every row of a chunk, from its group or from all of its cells."""

    def place(*parts):
        return _digest(parts, str(seed).encode(), 7) / 2**56

    groups = cells[by] if by is not None else [""] * len(cells[ROW])
    rows = _row_by_row(cells, columns)
    return np.array([place(group) if group else place(*row) for group, row in zip(groups, rows, strict=True)])


def _row_by_row(cells, columns):
    return zip(*(cells[column] for column in columns), strict=True)


def _digest(parts, key, size):
    """A whole number of `size` bytes that stands for texts and bytes."""
    text = b"\x1f".join(part if isinstance(part, bytes) else str(part).encode("utf-8") for part in parts)
    return int.from_bytes(hashlib.blake2b(text, digest_size=size, key=key).digest(), "big")


def _stripped(cell):
    return cell.strip() if isinstance(cell, str) else cell
