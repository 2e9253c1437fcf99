"""How rows of different length meet in batches: trimmed, sorted by length, padded to one shape."""

import keras
import tensorflow as tf

from data_pipelines.batch_encoder import MASK

WINDOW = 32  # batches that are sorted together


def trim_rows(dataset, inputs):
    """Cuts the padding of single rows `(x, y, w)`, before they meet other rows in a batch."""

    def trim(x, y, w):
        trimmed = dict(x)
        for name, modality in inputs.items():
            mask = x[name + MASK]
            if mask.shape.rank == 1 and mask.shape[0] is None:
                length = tf.maximum(tf.reduce_sum(tf.cast(mask, tf.int32)), modality.least)
                trimmed[name], trimmed[name + MASK] = x[name][:length], mask[:length]
        return trimmed, y, w

    return dataset.map(trim, tf.data.AUTOTUNE)


def batch_by_length(dataset, inputs, batch_size, seed):
    """Batches rows `(x, y, w)` with others of like length: sorts `WINDOW` batches at a time, then mixes these batches.

    A row's length is the number of values that its sequences hold.
    """

    def in_order(x, y, w):
        sizes = []
        for name in inputs:
            mask = x[name + MASK]
            if mask.shape.rank == 2 and mask.shape[1] is None:
                step = max(1, x[name].shape[2:].num_elements() or 1)
                sizes.append(step * tf.reduce_sum(tf.cast(mask, tf.int32), 1))
        order = tf.argsort(tf.add_n(sizes), stable=True)
        return keras.tree.map_structure(lambda part: tf.gather(part, order), (x, y, w))

    masks = [spec.shape for name, spec in dataset.element_spec[0].items() if name.endswith(MASK)]
    if not any(shape.rank == 1 and shape[0] is None for shape in masks):
        raise ValueError(
            "Pipeline.batches: bucket_by_length needs an input of variable length, such as Text or Audio. "
            f"Received: inputs={list(inputs)}. Do: leave it out."
        )
    windows = dataset.padded_batch(WINDOW * batch_size).map(in_order, tf.data.AUTOTUNE)
    batches = trim_rows(windows.unbatch(), inputs).padded_batch(batch_size)
    return batches.shuffle(WINDOW, seed=seed)


def one_shape(dataset, inputs, batch_size, whole):
    """Pads every sequence to the longest that its modality gives, so that a compiler sees one shape.

    Args:
        dataset: of batches `(x, y, w)`.
        inputs: dict name → modality.
        batch_size: int.
        whole: bool. Whether batches of fewer rows, the last, are left out, so that the batch axis is fixed too.
    """

    masks = {name: dataset.element_spec[0][name + MASK].shape for name in inputs}
    free = [name for name, shape in masks.items() if shape.rank == 2 and shape[1] is None]
    endless = [name for name in free if inputs[name].most is None]
    if endless:
        raise ValueError(
            "Pipeline.batches: static_shapes needs inputs whose longest is known. "
            f"Received: {type(inputs[endless[0]]).__name__} {endless[0]!r}. Do: leave one of both out."
        )

    def pad(x, y, w):
        padded = dict(x)
        for name in free:
            most = inputs[name].most
            for part in (name, name + MASK):
                rest = [[0, 0]] * (x[part].shape.rank - 2)
                value = tf.pad(x[part], [[0, 0], [0, most - tf.shape(x[part])[1]], *rest])
                padded[part] = tf.ensure_shape(value, [x[part].shape[0], most, *x[part].shape[2:]])
        return padded, y, w

    if whole:
        dataset = dataset.filter(lambda x, y, w: tf.shape(next(iter(x.values())))[0] == batch_size)
        fix = lambda part: tf.ensure_shape(part, [batch_size, *part.shape[1:]])  # noqa: E731
        dataset = dataset.map(lambda *parts: keras.tree.map_structure(fix, parts), tf.data.AUTOTUNE)
    return dataset.map(pad, tf.data.AUTOTUNE)
