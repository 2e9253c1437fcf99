"""Rows of a table, read lazily in chunks of string cells."""

import functools
import hashlib
import itertools

import numpy as np
import tensorflow as tf

CHUNK = 4096
HELD = 100_000
ROW = "_row"


class Source:
    """A table as chunks of cells; held in memory only while it is short.

    Args:
        name: str. What messages call it: a file's name.
        columns: tuple of str.
        read: callable without arguments that yields dicts column → object array of `str` or `bytes` cells.
        media_root: str. The folder that relative paths in cells start from.
        bytes_columns: set of str. Columns whose cells are bytes, not paths.
        first_row: int. The number that messages give the first row. Defaults to `1`.
    """

    def __init__(self, name, columns, read, media_root="", bytes_columns=frozenset(), first_row=1):
        self.name = name
        self.columns = tuple(columns)
        self.media_root = str(media_root)
        self.bytes_columns = frozenset(bytes_columns)
        self.first_row = first_row
        self._read = read
        self._held = None

    # Sources that keep more of a table than its cells say so; see `data_pipelines.sources.shards`.
    count = None  # rows, where they are known without reading
    media = {}  # column → config of the modality that its bytes were prepared for
    most_shuffled = 100_000  # rows that a training pass shuffles among each other

    def __getstate__(self):
        """Without the rows held, which another process reads itself."""
        return {**self.__dict__, "_held": None}

    def key(self, column):
        """The name, in chunks, of the cells that tell rows apart in this column."""
        return column

    def require_prepared(self, inputs):
        """Checks that modalities can read the cells; any can, unless they were prepared for some.

        Raises:
            ValueError: one cannot.
        """

    def chunks(self, columns=()):
        """Yields dicts column → object array, with the row numbers under `"_row"`.

        Args:
            columns: sequence of str. Those that must be there, where a source leaves out the costly ones.
        """
        if self._held is not None:
            yield from self._held
            return
        held, count = [], 0
        for cells in self._read():
            size = len(next(iter(cells.values())))
            cells[ROW] = np.arange(count, count + size) + self.first_row
            count += size
            if held is not None:
                held = [*held, cells] if count <= HELD else None
            yield cells
        if held is not None:
            self._held = held

    @property
    def held(self):
        """True once all rows are known to be few enough to stay in memory."""
        return self._held is not None

    def dataset(self, rows, columns, media, seed=None):
        """Reads those of its rows that belong to `rows`; see `Rows.dataset`. Strings: the buffer mixes them enough."""
        size = len(rows)
        chunks = functools.partial(rows.chunks_with_paths, columns, media)
        if self.held:
            parts = list(chunks())
            cells = {column: np.concatenate([part[column] for part in parts]) for column in [*columns, ROW]}
            return tf.data.Dataset.from_tensor_slices({k: tf.constant(v) for k, v in cells.items()})
        spec = {column: tf.TensorSpec([None], tf.string) for column in columns}
        spec[ROW] = tf.TensorSpec([None], tf.int64)
        stream = tf.data.Dataset.from_generator(chunks, output_signature=spec)
        return stream.unbatch().apply(tf.data.experimental.assert_cardinality(size))


class Rows:
    """A lazy table of rows; `split`, `where`, `take` and `without` give other lazy tables over the same source.

    A row is a string cell a column: a path, a text, a number written out, or bytes; `""` means missing.

    Args:
        source: `Source`.
        steps: tuple. Which rows belong here, one step after the other: a callable, chunk → bool array, or an int, the
            most rows let through.
        columns: sequence of str or None. The columns that belong here. Defaults to `None`: all.
    """

    def __init__(self, source, steps=(), columns=None):
        self.source = source
        self.columns = tuple(source.columns if columns is None else columns)
        self._steps = tuple(steps)
        self._count = None

    def chunks(self, columns=None):
        """Yields dicts column → object array of the rows that belong here, `"_row"` included."""
        wanted = [*(self.columns if columns is None else columns), ROW]
        left = {place: step for place, step in enumerate(self._steps) if isinstance(step, int)}
        for cells in self.source.chunks(wanted):
            for place, step in enumerate(self._steps):
                chosen = slice(left[place]) if place in left else step(cells)
                cells = {column: values[chosen] for column, values in cells.items()}
                if place in left:
                    left[place] -= len(cells[ROW])
            if len(cells[ROW]):
                yield {column: cells[column] for column in wanted}
            if 0 in left.values():
                return

    def chunks_with_paths(self, columns, media):
        """The same, with the cells of `media` columns made full paths; see `dataset`."""
        paths = {c: locate for c, locate in media.items() if c not in self.source.bytes_columns}
        for cells in self.chunks(columns):
            for column, locate in paths.items():
                full = [locate(cell, self.source.media_root) for cell in cells[column]]
                cells[column] = np.array([*full, ""], object)[:-1]
            yield cells

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
        return Rows(self.source, (*self._steps, *keep), self.columns)

    def without(self, *columns):
        """The same rows with fewer columns."""
        self.require(columns)
        left = [column for column in self.columns if column not in columns]
        return Rows(self.source, self._steps, left)

    def take(self, count):
        """The first `count` rows."""
        return Rows(self.source, (*self._steps, int(count)), self.columns)

    def split(self, *shares, by=None, seed=0):
        """Cuts the rows into parts by a hash: the same row falls into the same part in any order of the table.

        Args:
            shares: floats > 0 that sum to 1, one a part.
            by: str or None. A column whose equal cells must stay together, such as an author; an empty cell counts as
                a group of its own row. Defaults to `None`: whole rows are hashed, so equal rows stay together.
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
        if by is not None:
            self.require([by])
        edges = np.concatenate([[0.0], np.cumsum(shares)])
        edges[-1] = 1.0 + 1e-9

        source = self.source
        columns, group = [source.key(column) for column in source.columns], by and source.key(by)

        def part(low, high):
            def keep(cells):
                place = _hashed(cells, columns, group, seed)
                return (place >= low) & (place < high)

            return Rows(source, (*self._steps, keep), self.columns)

        return [part(low, high) for low, high in itertools.pairwise(edges)]

    def dataset(self, columns, media=None, seed=None):
        """A `tf.data.Dataset` of rows: dict column → scalar string, with `"_row"` an int64.

        Args:
            columns: sequence of str.
            media: dict column → callable (cell, media root) → cell, for columns whose cells name files: it gives them
                as full paths.
            seed: int or None. Asks sources that can to mix what lies far apart, anew in every pass; `shuffle` with a
                buffer of `source.most_shuffled` rows does the rest. Defaults to `None`: rows in order.
        """
        self.require(columns)
        return self.source.dataset(self, columns, media or {}, seed)


def _hashed(cells, columns, by, seed):
    """A number in [0, 1) for every row of a chunk, from its group or from all of its cells."""

    def digest(*parts):
        text = b"\x1f".join(part if isinstance(part, bytes) else str(part).encode("utf-8") for part in parts)
        return int.from_bytes(hashlib.blake2b(text, digest_size=7, key=str(seed).encode()).digest(), "big") / 2**56

    rows = zip(*(cells[column] for column in columns), strict=True)
    groups = cells[by] if by is not None else [""] * len(cells[ROW])
    return np.array([digest(group) if group else digest(*row) for group, row in zip(groups, rows, strict=True)])
