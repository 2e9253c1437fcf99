"""In which order training draws rows: shuffled anew in every pass, by weight, from any step on."""

import numpy as np
import tensorflow as tf

from data_pipelines.sources.shuffling import shuffled
from data_pipelines.sources.source import ROW, WEIGHT

SHUFFLED = 50_000  # rows that are mixed at a time where a table is streamed
SHUFFLED_BYTES = 128 * 2**20  # the same, where rows hold media
FILE = 256 * 2**10  # bytes that a file kept in a cache is taken for
TOGETHER = 256  # rows that are looked up at a time


def draw(rows, columns, media, seed, first_row=0, endless=False):
    """Rows in training order, before anything is decoded, so that mixing holds no media.

    Tables in memory are mixed whole, by number; streamed ones within a buffer. Where rows have weights, a pass draws
    as many rows as there are, each in proportion to its weight and never more than one time off.

    Args:
        rows: `Rows`.
        columns: list of str.
        media: dict column → callable, see `Rows.dataset`.
        seed: int. The same seed gives the same passes.
        first_row: int. Rows to pass over, counted over all passes. Unless `endless`, only the data set's first pass can
            go on in its midst: gone through again, it would lack its first rows too.
        endless: bool. One pass after the other without an end, instead of one a time.
    Returns:
        `tf.data.Dataset` of dict column → scalar string, `"_row"` int64.
    """
    done, start = divmod(first_row, len(rows))
    drawn = _passes(seed, done, endless).flat_map(_one_pass(rows, columns, media))
    count = tf.data.INFINITE_CARDINALITY if endless else len(rows) - start
    drawn = drawn.skip(start)
    if isinstance(drawn.element_spec, dict):
        return drawn.apply(tf.data.experimental.assert_cardinality(count))
    drawn = drawn.batch(TOGETHER)
    if _looked_up(rows):
        cells, numbers = _packed(rows.tensors(columns, media), columns)
        drawn = drawn.map(lambda places: (tf.gather(cells, places), tf.gather(numbers, places)))
    drawn = drawn.map(lambda cells, row: _unpacked(cells, row, columns)).unbatch()
    return drawn.apply(tf.data.experimental.assert_cardinality(count))


def _passes(seed, done, endless):
    """A data set of seeds, one a pass: all of them, or another one each time that it is run through."""
    if endless:
        return tf.data.Dataset.random(seed).skip(done)
    passes = tf.data.Dataset.random(seed, rerandomize_each_iteration=True).take(1)
    for _ in range(done):
        next(iter(passes))
    return passes


def _one_pass(rows, columns, media):
    """A callable, seed → data set of one pass: places of rows in memory, rows of shards, or packed ones of a stream."""
    count = len(rows)
    total = _total(rows)
    if _looked_up(rows):
        weights = np.concatenate([chunk[WEIGHT] for chunk in rows.chunks([WEIGHT])]) if rows.weighted else None

        def places(seed):
            if weights is None:
                drawn = tf.data.Dataset.range(count)
            else:
                _, times = _times(tf.zeros([], tf.float64), weights, count / total, seed)
                drawn = tf.data.Dataset.from_tensor_slices(tf.repeat(tf.range(count, dtype=tf.int64), times))
            return shuffled(drawn, count, seed)

        return places
    if rows.source.is_shards and not rows.weighted:
        return lambda seed: shuffled(rows.dataset(columns, media, seed), most_mixed(rows), seed)
    chunks = rows.stream([*columns, *([WEIGHT] if rows.weighted else [])], media)
    mixed = most_mixed(rows)

    def packed(seed):
        def repeat(before, chunk):
            before, times = _times(before, chunk[WEIGHT], count / total, seed)
            return before, tuple(tf.repeat(part, times, axis=0) for part in _packed(chunk, columns))

        if total is None:
            drawn = chunks.map(lambda chunk: _packed(chunk, columns))
        else:
            drawn = chunks.scan(tf.zeros([], tf.float64), repeat)
        return shuffled(drawn.unbatch(), mixed, seed)

    return packed


def first_number(seed):
    """The number that decides the order of the first pass; TensorFlow's own seed has a part in it."""
    return int(next(iter(_passes(seed, 0, False))))


def most_mixed(rows):
    """How many rows are mixed with each other at a time, by the bytes that they hold."""
    if rows.source.is_shards:
        return min(len(rows), rows.source.most_shuffled)
    return min(len(rows), SHUFFLED, max(TOGETHER, int(SHUFFLED_BYTES / max(1, rows.row_bytes))))


def _looked_up(rows):
    """Whether rows lie in memory, so that passes can be passes over their numbers."""
    return rows.source.held and not rows.source.is_shards


def _total(rows):
    """The sum of all rows' weights; None where they have none."""
    return sum(float(chunk[WEIGHT].sum()) for chunk in rows.chunks([WEIGHT])) if rows.weighted else None


def _times(before, weights, scale, seed):
    """How often each row of a chunk is drawn, by systematic sampling: all chunks together give the pass's length.

    Args:
        before: float64, the weights of the rows before, scaled.
        weights: float `(n,)`.
        scale: float. Makes the weights of all rows sum to their number.
        seed: int64.
    Returns:
        tuple (`before` for the next chunk, int64 `(n,)`).
    """
    start = tf.random.stateless_uniform([], tf.stack([seed, 0]), dtype=tf.float64)
    sums = before + tf.cumsum(tf.cast(weights, tf.float64)) * scale
    # Sums of many floats miss whole numbers by a hair; the last must not lose its row.
    edges = tf.floor(tf.concat([[before], sums], 0) - start + 1e-6 + 1.0)
    return sums[-1], tf.cast(edges[1:] - edges[:-1], tf.int64)


def _packed(cells, columns):
    """Cells `{column: (n,)}` as one string tensor `(n, columns)` with the row numbers: a fifth of the memory."""
    return tf.stack([cells[column] for column in columns], 1), cells[ROW]


def _unpacked(cells, row, columns):
    return {**dict(zip(columns, tf.unstack(cells, len(columns), axis=1), strict=True)), ROW: row}


def draw_decoded(dataset, rows, seed, first_row=0, endless=False, in_memory=True):
    """The same for rows that are decoded already, `(x, y, w)`, of which a pass holds only as many as memory allows.

    Args:
        dataset: of decoded rows; where they are weighted, `w["_weight"]` tells how much.
        rows: `Rows` that they come from.
        seed: int.
        first_row: int. As in `draw`.
        endless: bool. As in `draw`.
        in_memory: bool. Whether they lie in memory as it is, so that all of them are mixed.
    """
    done, start = divmod(first_row, len(rows))
    count = len(rows)
    total = _total(rows)
    mixed = count if in_memory else min(count, max(TOGETHER, SHUFFLED_BYTES // _row_size(dataset.element_spec)))

    def one_pass(seed):
        drawn = dataset if total is None else _repeated(dataset, count / total, seed)
        return shuffled(drawn, mixed, seed)

    return _passes(seed, done, endless).flat_map(one_pass).skip(start)


def _repeated(dataset, scale, seed):
    def repeat(before, row):
        x, y, w = row
        before, times = _times(before, w[WEIGHT][None], scale, seed)
        return before, (times[0], x, y, {name: weight for name, weight in w.items() if name != WEIGHT})

    again = dataset.scan(tf.zeros([], tf.float64), lambda before, row: repeat(before, row))
    return again.flat_map(lambda times, *row: tf.data.Dataset.from_tensors(row).repeat(times))


def _row_size(spec):
    """About how many bytes a decoded row `(x, y, w)` has, its number left out.

    An axis of any length counts as 256 steps, a file as 256 KiB.
    """
    x, y, w = spec
    parts = tf.nest.flatten((x, y, {name: part for name, part in w.items() if name != ROW}))
    sizes = [FILE if part.dtype == tf.string else part.dtype.size for part in parts]
    axes = [int(np.prod([size or 256 for size in part.shape])) for part in parts]
    return sum(size * count for size, count in zip(sizes, axes, strict=True))
