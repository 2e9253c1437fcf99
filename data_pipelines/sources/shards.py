"""Shards that `Pipeline.prepare` wrote: read in the graph, media never held."""

import os

import numpy as np
import tensorflow as tf

from data_pipelines.cells.media_cells import in_words
from data_pipelines.formats.shard import CELL, INDEX, PLAN, checksum, read_index, shard_path
from data_pipelines.sources.rows import Rows
from data_pipelines.sources.shuffling import shuffled
from data_pipelines.sources.source import ROW, Source

PARSED = 64  # examples that are parsed together
MIXED = 8  # shards that a training pass reads from at the same time
BUFFER = 128 * 2**20  # bytes of examples that are shuffled among each other
DAMAGED, ANEW = "read_shards: every shard must be as it was written. Received:", "Do: prepare anew in another folder."


def read_shards(folder, verify=False):
    """Opens a folder of shards as a table whose media cells are bytes.

    Rows keep the table's order, and fall into the same part of a `split` as the table's own, unless the table itself
    held bytes. Training shuffles the shards anew every epoch, and rows in a buffer of 128 MB; rows of
    ArrayRecord, which is read in any order, all over.

    Args:
        folder: path of what `Pipeline.prepare` wrote.
        verify: bool. Whether every file's checksum is compared, not its size alone. Defaults to `False`.
    Returns:
        `Rows`.
    Raises:
        ValueError: no index, one of another version, a shard that is lacking, cut short or, with `verify`, changed.
        ImportError: ArrayRecord is not installed.
    Example:
        >>> pipe.prepare(rows, "shards/")
        >>> train, test = read_shards("shards/").split(0.8, 0.2)
    """
    folder = os.fspath(folder)
    index = read_index(folder, "read_shards")
    files = [shard_path(folder, n, len(index["shards"]), index["file_format"]) for n in range(len(index["shards"]))]
    if verify:
        for path, note in zip(files, index["shards"], strict=True):
            if checksum(path) != note["sha256"]:
                raise ValueError(
                    f"read_shards: every shard must be as it was written. Received: another checksum of {path!r}. "
                    "Do: run prepare again, which redoes this one."
                )
    source = ArrayRecordShards if index["file_format"] == "array_record" else Shards
    return Rows(source(os.path.basename(os.path.abspath(folder)), index, files))


def is_shards(path):
    """Whether a path is a folder that `Pipeline.prepare` wrote, or began to write."""
    return any(os.path.exists(os.path.join(path, name)) for name in (INDEX, PLAN))


class Shards(Source):
    """TFRecord shards.

    Args:
        name: str. What messages call them.
        index: dict, as `read_index` gives it.
        files: list of str. The shards in order.
    """

    is_shards = True

    def __init__(self, name, index, files):
        super().__init__(name, index["columns"], self._read_texts, bytes_columns=index["bytes_columns"])
        self.files = files
        self.lengths = [note["rows"] for note in index["shards"]]
        self.count = sum(self.lengths)
        self.fitted = index["fitted"]
        self.media = {config["column"]: config for config in reversed(index["media"].values())}
        total = sum(note["bytes"] for note in index["shards"])
        self.most_shuffled = max(1, int(BUFFER / max(1, total / max(1, self.count))))

    @property
    def in_graph(self):
        return True

    def key(self, column):
        return column + CELL if column in self.bytes_columns else column

    def chunks(self, columns=()):
        """Yields dicts column → object array; media only where they are among `columns`."""
        media = [column for column in columns if column in self.bytes_columns]
        if not media:
            yield from super().chunks()
            return
        count = 0
        names = [*self._texts, *media]
        for cells in self._numpy(names):
            cells = {name: _decoded(values, name in media) for name, values in cells.items()}
            size = len(cells[names[0]])
            count += size
            yield {**cells, ROW: np.arange(count - size, count) + self.first_row}

    def require_prepared(self, inputs):
        for name, modality in inputs.items():
            column = modality.columns(name)[0]
            wanted = {"modality": modality.kind, **(modality.prepared_for() if modality.media else {})}
            fitted = self.fitted.get(column)
            if fitted not in (None, wanted):
                raise ValueError(
                    f'Shards "{self.name}": a column must be read as it was prepared, {column!r} as {fitted}. '
                    f"Received: {wanted}. Do: the same arguments, or prepare anew."
                )

    def dataset(self, rows, columns, media, seed=None):
        """Reads in the graph; where only some rows belong, the others are passed over before they are parsed."""
        numbers = _numbers(rows)
        order = tf.data.Dataset.range(len(self.files))
        if seed is not None:
            order = shuffled(order, len(self.files), seed)
        firsts = tf.constant(np.cumsum([0, *self.lengths])[:-1], tf.int64)
        files, lengths, wanted = tf.constant(self.files), tf.constant(self.lengths, tf.int64), self._mask(numbers)

        def numbered(place):
            found = _records(files[place], lengths[place]).enumerate(firsts[place])
            return found if wanted is None else found.filter(lambda number, _: wanted[number])

        if seed is None:
            examples = order.flat_map(numbered)
        else:
            examples = order.interleave(numbered, MIXED, 1, tf.data.AUTOTUNE, deterministic=True)
        return self._rows_of(examples.batch(PARSED), columns).apply(tf.data.experimental.assert_cardinality(len(rows)))

    def _mask(self, numbers):
        """bool `(N,)`, True for rows that belong; None where all do."""
        if len(numbers) == self.count:
            return None
        mask = np.zeros(self.count, bool)
        mask[numbers] = True
        return tf.constant(mask)

    def _rows_of(self, batches, columns):
        """Batches of (numbers, examples) → rows."""
        parse = _parser(columns)
        rows = batches.map(
            lambda numbers, examples: {**parse(examples), ROW: numbers + self.first_row},
            tf.data.AUTOTUNE,
            deterministic=True,
        )
        return rows.unbatch()

    @property
    def _texts(self):
        """All that a shard holds but media."""
        return [self.key(column) for column in self.columns]

    def _read_texts(self):
        for cells in self._numpy(self._texts):
            yield {name: _decoded(values, is_bytes=False) for name, values in cells.items()}

    def _numpy(self, names):
        """Yields dicts name → array of bytes, in order.

        Raises:
            ValueError: a shard is damaged.
        """
        try:
            yield from self._parsed(names).as_numpy_iterator()
        except tf.errors.OpError as error:
            raise ValueError(in_words(error.message)) from error

    def _parsed(self, names):
        """A data set of batches, dict name → string `(B,)`, in order."""
        files = tf.data.Dataset.from_tensor_slices((tf.constant(self.files), tf.constant(self.lengths, tf.int64)))
        return files.flat_map(_records).batch(PARSED).map(_parser(names), tf.data.AUTOTUNE)


class ArrayRecordShards(Shards):
    """ArrayRecord shards: any row at any time, so that a training pass shuffles numbers, not rows."""

    def __init__(self, name, index, files):
        super().__init__(name, index, files)
        self.most_shuffled = 1
        try:
            from array_record.python.array_record_data_source import ArrayRecordDataSource
        except ImportError as error:
            raise ImportError('read_shards: ArrayRecord is not installed. Do: pip install "mmkeras[tfds]"') from error
        self._open = lambda: ArrayRecordDataSource([f for f, n in zip(files, self.lengths, strict=True) if n])

    @property
    def in_graph(self):
        return False

    def dataset(self, rows, columns, media, seed=None):
        """Reads numbers in order, or shuffled anew in every pass, then their examples, several at a time."""
        numbers = tf.data.Dataset.from_tensor_slices(tf.constant(_numbers(rows), tf.int64))
        if seed is not None:
            numbers = shuffled(numbers, len(rows), seed)
        batches = numbers.batch(PARSED)
        examples = batches.map(self._examples(), tf.data.AUTOTUNE, deterministic=True)
        return self._rows_of(examples, columns).apply(tf.data.experimental.assert_cardinality(len(rows)))

    def _whole(self, read):
        """What `read` gives; what the library says of a damaged file becomes a ValueError."""
        try:
            return read()
        except (RuntimeError, ValueError, IndexError) as error:
            raise ValueError(f"{DAMAGED} one of {self.files} that cannot be read. {ANEW}") from error

    def _examples(self):
        records = self._whole(self._open)

        def read(numbers):
            return np.array([*self._whole(lambda: records.__getitems__(numbers.tolist())), b""], object)[:-1]

        def examples(numbers):
            return numbers, tf.ensure_shape(tf.numpy_function(read, [numbers], tf.string), [None])

        return examples

    def _parsed(self, names):
        parse = _parser(names)
        numbers = tf.data.Dataset.range(self.count).batch(PARSED)
        examples = numbers.map(self._examples(), tf.data.AUTOTUNE, deterministic=True)
        return examples.map(lambda _, found: parse(found), tf.data.AUTOTUNE)


def _records(path, count):
    """A data set of a shard's records; where they are fewer, since one is damaged, an error that names the shard."""

    def refuse(path):
        told = tf.debugging.Assert(False, [tf.strings.join([f"{DAMAGED} a damaged record in '", path, f"'. {ANEW}"])])
        with tf.control_dependencies([told]):
            return tf.identity(path)

    error = tf.data.Dataset.from_tensors(path).map(refuse)
    return tf.data.TFRecordDataset(path, buffer_size=2**20).ignore_errors().concatenate(error).take(count)


def _parser(names):
    described = {name: tf.io.FixedLenFeature([], tf.string) for name in names}
    if not described:
        return lambda examples: {}
    return lambda examples: tf.io.parse_example(examples, described)


def _numbers(rows):
    """The places in the table of the rows that belong, int64."""
    if len(rows) == rows.source.count:
        return np.arange(rows.source.count)
    parts = [cells[ROW] for cells in rows.chunks([])]
    return np.concatenate([*parts, np.zeros(0, "int64")]).astype("int64") - rows.source.first_row


def _decoded(values, is_bytes):
    cells = np.empty(len(values), object)
    cells[:] = list(values) if is_bytes else [value.decode("utf-8") for value in values]
    return cells
