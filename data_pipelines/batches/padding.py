"""How rows of different length meet in batches: trimmed, sorted by length, padded to one shape."""

import math

import keras
import tensorflow as tf

from data_pipelines.naming import MASK, TARGET

WINDOW = 32  # batches that are sorted together
LENGTHS = (0.25, 0.5, 1.0)  # shares of the longest that few shapes have
ROUNDED = [2**power for power in range(2, 31)]  # lengths of what has no longest, such as tags


def trim_rows(dataset, inputs):
    """Cuts the padding of single rows `(x, y, w)`, labels included, before they meet other rows in a batch."""

    sequences = _sequences(dataset, inputs, rank=1)
    labels = _sequences(dataset, shown_labels(dataset), rank=1)

    def trim(x, y, w):
        trimmed, labelled = dict(x), dict(y)
        for name in (*sequences, *labels):
            mask = x[name + MASK]
            least = inputs[name].least if name in inputs else 1
            length = tf.maximum(tf.reduce_sum(tf.cast(mask, tf.int32)), least)
            trimmed[name], trimmed[name + MASK] = x[name][:length], mask[:length]
        for name in labels:
            labelled[name.removesuffix(TARGET)] = trimmed[name]
        return trimmed, labelled, w

    return dataset.map(trim, tf.data.AUTOTUNE)


def batch_by_budget(dataset, inputs, batch_size, budget):
    """Batches rows `(x, y, w)` with others of like length, as many as a budget of steps allows.

    A row's length is that of its longest sequence.

    Args:
        dataset: of trimmed rows.
        inputs: dict name → modality.
        batch_size: int. Most rows in a batch.
        budget: int. Most steps in a batch, padding included.
    """
    sequences = _needed(dataset, inputs, "token_budget")
    longest = max(inputs[name].most or budget for name in sequences)
    if budget < longest:
        raise ValueError(
            "Pipeline.batches: token_budget must hold the longest row. "
            f"Received: token_budget={budget}, a row of up to {longest} steps. Do: a larger budget, or shorter inputs."
        )
    bounds = sorted({round(1.25**power) for power in range(2, 80) if 1.25**power < longest})
    sizes = [min(batch_size, budget // bound) for bound in (*bounds, longest)]

    def length(x, y, w):
        return tf.reduce_max(tf.stack([tf.shape(x[name])[0] for name in sequences]))

    return dataset.bucket_by_sequence_length(
        length, [bound + 1 for bound in bounds], [max(1, size) for size in sizes], drop_remainder=False
    )


def batch_rows(dataset, batch_size):
    """Batches rows; pads them only where some length is open, since that takes twice the time."""
    shapes = [part.shape for part in keras.tree.flatten(dataset.element_spec)]
    whole = all(shape.is_fully_defined() for shape in shapes)
    return dataset.batch(batch_size) if whole else dataset.padded_batch(batch_size)


def batch_by_length(dataset, inputs, batch_size, seed):
    """Batches rows `(x, y, w)` with others of like length: sorts `WINDOW` batches at a time, then mixes these batches.

    A row's length is the number of values that its sequences hold.
    """
    sequences = _needed(dataset, inputs, "bucket_by_length")

    def in_order(x, y, w):
        sizes = [
            x[name].shape[2:].num_elements() * tf.reduce_sum(tf.cast(x[name + MASK], tf.int32), 1) for name in sequences
        ]
        order = tf.argsort(tf.add_n(sizes), stable=True)
        return keras.tree.map_structure(lambda part: tf.gather(part, order), (x, y, w))

    windows = dataset.padded_batch(WINDOW * batch_size).map(in_order, tf.data.AUTOTUNE)
    batches = trim_rows(windows.unbatch(), inputs).padded_batch(batch_size)
    return batches.shuffle(WINDOW, seed=seed)


def shown_labels(dataset):
    """The names in x of labels that the model sees."""
    return [name for name in dataset.element_spec[0] if name.endswith(TARGET)]


def one_shape(dataset, inputs, targets, batch_size, whole, rounded=False):
    """Pads every sequence to the longest that its modality gives, so that a compiler sees one shape.

    Args:
        dataset: of batches `(x, y, w)`.
        inputs: dict name → modality.
        targets: dict name → modality.
        batch_size: int.
        whole: bool. Whether batches of fewer rows, the last, are left out, so that the batch axis is fixed too.
        rounded: bool. Whether inputs without a longest are padded to a power of two; else they are refused.
            Defaults to `False`.
    """
    most, endless = _most(dataset, inputs, targets, rounded)
    if whole:
        dataset = dataset.filter(lambda x, y, w: tf.shape(next(iter(x.values())))[0] == batch_size)
        fix = lambda part: tf.ensure_shape(part, [batch_size, *part.shape[1:]])  # noqa: E731
        dataset = dataset.map(lambda *parts: keras.tree.map_structure(fix, parts), tf.data.AUTOTUNE)
    return dataset.map(lambda x, y, w: _lengthened(x, y, w, {**most, **_room(x, endless)}), tf.data.AUTOTUNE)


def few_shapes(dataset, inputs, targets, batch_size):
    """Pads batches to one of `LENGTHS`, so that a compiler sees as many shapes, however many sequences there are.

    All sequences of a batch are padded to the same share of the longest that their modalities give, the least in which
    each has room; inputs without a longest, to a power of two. A batch of fewer rows, the last, is filled up with rows
    in which all is absent, of weight 0.

    Args:
        dataset: of batches `(x, y, w)`.
        inputs: dict name → modality.
        targets: dict name → modality.
        batch_size: int.
    """
    most, endless = _most(dataset, inputs, targets, rounded=True)
    sizes = {name: [math.ceil(share * steps) for share in LENGTHS] for name, steps in most.items()}

    def pad(x, y, w):
        step = tf.zeros([], tf.int32)
        for name, known in sizes.items():
            step = tf.maximum(step, tf.searchsorted(known, tf.shape(x[name])[1:2])[0])
        lengths = {name: tf.gather(known, step) for name, known in sizes.items()}
        x, y, w = _lengthened(x, y, w, {**lengths, **_room(x, endless)})
        return keras.tree.map_structure(lambda part: _filled_up(part, batch_size), (x, y, w))

    return dataset.map(pad, tf.data.AUTOTUNE)


def _most(dataset, inputs, targets, rounded):
    """Dict name in x → steps of the longest, of what has an open length in a data set of batches; names without one."""
    free = _sequences(dataset, inputs, rank=2)
    endless = [name for name in free if inputs[name].most is None]
    if endless and not rounded:
        raise ValueError(
            "Pipeline.batches: static_shapes needs inputs whose longest is known. "
            f"Received: {type(inputs[endless[0]]).__name__} {endless[0]!r}. Do: leave one of both out."
        )
    most = {name: inputs[name].most for name in free if name not in endless}
    for name in _sequences(dataset, shown_labels(dataset), rank=2):
        most[name] = targets[name.removesuffix(TARGET)].label_spec().longest
    return most, endless


def _room(x, names):
    """Dict name → the least power of two, of 4 and more, in which a batch's sequences have room."""
    return {name: tf.gather(ROUNDED, tf.searchsorted(ROUNDED, tf.shape(x[name])[1:2])[0]) for name in names}


def _lengthened(x, y, w, lengths):
    """A batch with its sequences, labels included, padded to given lengths."""
    padded, labelled = dict(x), dict(y)
    for name, steps in lengths.items():
        for part in (name, name + MASK):
            rest = [[0, 0]] * (x[part].shape.rank - 2)
            value = tf.pad(x[part], [[0, 0], [0, steps - tf.shape(x[part])[1]], *rest])
            known = None if tf.is_tensor(steps) else steps
            padded[part] = tf.ensure_shape(value, [x[part].shape[0], known, *x[part].shape[2:]])
        if name.endswith(TARGET) and name.removesuffix(TARGET) in y:
            labelled[name.removesuffix(TARGET)] = padded[name]
    return padded, labelled, w


def _filled_up(part, rows):
    """A tensor of at most so many rows, with rows of zeros behind."""
    filled = tf.pad(part, [[0, rows - tf.shape(part)[0]], *[[0, 0]] * (part.shape.rank - 1)])
    return tf.ensure_shape(filled, [rows, *part.shape[1:]])


def _needed(dataset, inputs, argument):
    """The inputs whose length is open, of which there must be one."""
    sequences = _sequences(dataset, inputs, rank=1)
    if not sequences:
        raise ValueError(
            f"Pipeline.batches: {argument} needs an input of variable length, such as Text or Audio. "
            f"Received: inputs={list(inputs)}. Do: leave it out."
        )
    return sequences


def _sequences(dataset, names, rank):
    """The inputs or shown labels of open length, in a dataset of rows (masks of rank 1) or of batches (rank 2)."""
    masks = {name: dataset.element_spec[0][name + MASK].shape for name in names}
    return [name for name, shape in masks.items() if shape.rank == rank and shape[-1] is None]
