"""A table as chunks of string cells, read lazily."""

import numpy as np

from data_pipelines.cells.media_root import MediaRoot

CHUNK = 4096
HELD = 50_000
HELD_BYTES = 256 * 2**20
ROW = "_row"
WEIGHT = "_weight"
SEED = "_seed"


class Source:
    """A table as chunks of cells; held in memory only while it is short, in rows and in the bytes of its media.

    Args:
        name: str. What messages call it: a file's name.
        columns: tuple of str.
        read: callable without arguments that yields dicts column → object array of `str` or `bytes` cells.
        media_root: str. The folder that relative paths in cells start from.
        bytes_columns: set of str. Columns whose cells are bytes, not paths.
        first_row: int. The number that messages give the first row. Defaults to `1`.
    Raises:
        ValueError: a column bears a name that batches need themselves.
    """

    def __init__(self, name, columns, read, media_root="", bytes_columns=frozenset(), first_row=1):
        taken = [column for column in columns if column in (ROW, WEIGHT, SEED)]
        if taken:
            raise ValueError(
                f'read_table "{name}": a column must not be called {ROW!r}, {WEIGHT!r} or {SEED!r}, which rows have '
                f"already. Received: {taken[0]!r}. Do: rename it, such as {taken[0][1:]!r}."
            )
        self.name = name
        self.columns = tuple(columns)
        self.media_root = media_root if isinstance(media_root, MediaRoot) else str(media_root)
        self.bytes_columns = frozenset(bytes_columns)
        self.first_row = first_row
        self.weigh = None
        self._read = read
        self._held = None

    # Sources that keep more of a table than its cells say so; see `data_pipelines.sources.shards`.
    count = None  # rows, where they are known without reading
    media = {}  # column → config of the modality that its bytes were prepared for
    is_shards = False  # whether it makes data sets of its rows itself

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
        held, count, media = [], 0, 0
        for cells in self._read():
            size = len(next(iter(cells.values())))
            cells.setdefault(ROW, np.arange(count, count + size) + self.first_row)
            count += size
            media += media_bytes(cells, self.bytes_columns)
            if held is not None:
                held = [*held, cells] if count <= HELD and media <= HELD_BYTES else None
            yield cells
        if held is not None:
            self._held = held

    @property
    def held(self):
        """True once all rows are known to be few enough to stay in memory."""
        return self._held is not None

    @property
    def in_graph(self):
        """True where a data set of the rows needs no Python, so that other processes can run it."""
        return self.held

    def root(self, cells):
        """The folder that relative paths of a chunk start from."""
        return self.media_root

    def place(self, row):
        """What a row is called in messages: (table, number)."""
        return self.name, row


def media_bytes(cells, columns):
    """How many bytes the cells of some columns hold."""
    return sum(len(cell) for column in columns if column in cells for cell in cells[column])
