"""Decodes a batch of media cells inside the graph, so that one broken cell costs one cell and not the batch."""

import os
import re

import keras
import tensorflow as tf


def read_cell(cell, context):
    """Gives the encoded bytes of a scalar cell: itself, or what the file that it names holds."""
    return cell if context.is_bytes else tf.io.read_file(cell)


def full_path(cell, media_root):
    """The path of a media cell, `""` for an absent one; a relative path starts from `media_root`."""
    cell = cell.decode("utf-8", "replace") if isinstance(cell, bytes) else str(cell)
    cell = cell.strip()
    return os.path.join(media_root, cell) if cell and media_root and "://" not in cell else cell


def unreadable(cell, context, decode):
    """Says why `decode` fails on a media cell: no file, a folder, no bytes, or what the decoder said."""
    if not context.is_bytes:
        path = full_path(cell, "")
        if "://" not in path:
            if not os.path.exists(path):
                return f"there is no file {path!r}"
            if os.path.isdir(path):
                return f"{path!r} is a folder, not a file"
            if os.path.getsize(path) == 0:
                return f"the file {path!r} has 0 bytes"
    try:
        decode(read_cell(tf.constant(cell), context))
    except (tf.errors.OpError, ValueError) as error:
        if isinstance(error, UnicodeDecodeError):
            return _said(error.object.decode("utf-8", "replace"))
        return _said(getattr(error, "message", None) or str(error))
    return "it was unreadable a moment ago"


def _said(message):
    """What was wrong, out of what a TensorFlow graph says about it."""
    text = re.split(r"\[\[\{|\[Op:|\nTraceback ", message)[0].split("}} ")[-1]
    if text.startswith("Graph execution error"):
        text = text.strip().splitlines()[-1]
    text = text.strip().removeprefix("ValueError: ")
    if text.startswith("assertion failed: "):
        text = re.sub(r"\[([^\]]*)\]", r"\1", text.removeprefix("assertion failed: "))
    return text.replace("\n", " ").strip().rstrip(".")[:200]


def decode_cells(cells, decode, empty, tolerant):
    """Decodes every cell of a batch; an absent cell gives `empty`.

    Both ways are plain TensorFlow ops: they export.

    Args:
        cells: string tensor `(B,)`; `""` = absent.
        decode: callable, scalar string → float tensor; raises inside the graph on a broken cell.
        empty: float tensor of the shape that `decode` gives, or of length 0 along a first axis of any length.
        tolerant: bool. False: a broken cell raises, and a batch costs what a hand-written map costs. True: a broken
            cell gives zeros and is marked; about 0.1 ms a cell dearer.
    Returns:
        tuple (value, lengths, bad): value `(B, …)`, padded with zeros along the first axis where cells differ in it;
        lengths int32 `(B,)`, real steps along that axis; bad bool `(B,)`.
    """

    def one(cell):
        return tf.cond(tf.equal(cell, ""), lambda: empty, lambda: decode(cell))

    value, lengths, bad = (_decode_each if tolerant else _decode_all)(cells, one, empty)
    return tf.ensure_shape(value, [None, empty.shape[0] or None, *empty.shape[1:]]), lengths, bad


def _decode_all(cells, one, empty):
    """Decodes a batch in one loop; any error is the batch's error."""
    good = tf.zeros_like(cells, tf.bool)
    if empty.shape[0]:
        value = tf.map_fn(one, cells, fn_output_signature=tf.TensorSpec(empty.shape, empty.dtype))
        return value, tf.fill(tf.shape(cells), empty.shape[0]), good
    count = tf.size(cells)
    pieces = tf.TensorArray(empty.dtype, count, element_shape=[None, *empty.shape[1:]], infer_shape=False)
    lengths = tf.zeros([0], tf.int32)

    def step(place, pieces, lengths):
        value = one(cells[place])
        return place + 1, pieces.write(place, value), tf.concat([lengths, [tf.shape(value)[0]]], 0)

    shapes = (tf.TensorShape([]), None, tf.TensorShape([None]))
    _, pieces, lengths = tf.while_loop(
        lambda place, *rest: place < count, step, (tf.constant(0), pieces, lengths), shape_invariants=shapes
    )
    ragged = tf.RaggedTensor.from_row_lengths(pieces.concat(), lengths, validate=False)
    return ragged.to_tensor(), lengths, good


def _decode_each(cells, one, empty):
    """Decodes cell by cell; places left out by errors come back as zeros, marked bad."""
    count = tf.shape(cells)[0]
    dataset = tf.data.Dataset.from_tensor_slices((tf.range(count), cells))
    dataset = dataset.map(lambda index, cell: (index, one(cell))).ignore_errors()
    dataset = dataset.map(lambda index, value: (index, tf.shape(value)[0], value))
    end = (count, empty.shape[0], empty)
    dataset = dataset.concatenate(tf.data.Dataset.from_tensors(end))
    places, lengths, values = dataset.padded_batch(tf.cast(count + 1, tf.int64)).get_single_element()
    last = tf.size(places) - 1
    source = tf.tensor_scatter_nd_update(tf.fill([count + 1], last), places[:, None], tf.range(last + 1))[:count]
    return tf.gather(values, source), tf.gather(lengths, source), source == last


def encode_tolerantly(batches, encode, finish):
    """Maps `encode` over raw batches; a batch in which it fails is done again, tolerantly.

    Every raw batch goes through a parallel map twice: as an attempt, then as a marker that costs nothing. Errors drop
    attempts; a marker whose attempt is gone is encoded cell by cell. So good batches run at full speed, in order.

    Args:
        batches: `tf.data.Dataset` of raw batches.
        encode: callable (raw batch, tolerant: bool) → nest of tensors.
        finish: callable that takes what `encode` gives, run once for each batch.
    Returns:
        `tf.data.Dataset` of what `finish` gives, one for each raw batch.
    """
    encode = tf.autograph.experimental.do_not_convert(encode)
    raw_spec = batches.element_spec
    specs = tf.function(lambda raw: encode(raw, False), autograph=False).get_concrete_function(raw_spec)
    specs = keras.tree.map_structure(lambda t: tf.TensorSpec(t.shape, t.dtype), specs.structured_outputs)
    blanks = keras.tree.map_structure(_blank, specs)

    def twice(number, raw):
        pair = keras.tree.map_structure(lambda cells: tf.stack([cells, cells]), raw)
        return tf.stack([number, number]), tf.constant([False, True]), pair

    def attempt(number, marker, raw):
        return number, marker, raw, tf.cond(marker, lambda: blanks, lambda: encode(raw, False))

    def notice(last, element):
        number, marker, raw, value = element
        wanted = ~marker | (last != number)
        return tf.where(marker, last, number), (wanted, marker, raw, value)

    def complete(wanted, marker, raw, value):
        value = tf.cond(marker, lambda: encode(raw, True), lambda: value)
        return finish(*keras.tree.map_structure(lambda t, s: tf.ensure_shape(t, s.shape), value, specs))

    dataset = batches.enumerate().map(twice).unbatch()
    dataset = dataset.map(attempt, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True).ignore_errors()
    dataset = dataset.scan(tf.constant(-1, tf.int64), notice).filter(lambda wanted, *rest: wanted)
    return dataset.map(complete)


def encode_strictly(rows, batch_size, decode, encode, find_broken):
    """Decodes rows one by one in parallel, as a hand-written map does, and encodes them in batches.

    Errors drop rows; the numbers of those left show it, and `find_broken`, in Python, says which one it was.

    Args:
        rows: `tf.data.Dataset` of raw rows, dict column → scalar, of known cardinality.
        batch_size: int > 0.
        decode: callable, raw row → dict name → (value, length); raises in the graph on a broken cell.
        encode: callable (batch of raw rows, batch of what `decode` gave) → nest of tensors.
        find_broken: callable without arguments that raises the message; runs only where a row is lacking.
    Returns:
        `tf.data.Dataset` of what `encode` gives.
    """
    decode = tf.autograph.experimental.do_not_convert(decode)
    total = rows.cardinality()
    numbered = rows.enumerate().map(lambda n, row: (n, row, decode(row)), tf.data.AUTOTUNE, deterministic=True)
    batches = numbered.ignore_errors().padded_batch(batch_size)
    blank = keras.tree.map_structure(_blank, batches.element_spec[1:])
    batches = batches.concatenate(tf.data.Dataset.from_tensors((total[None], *blank))).enumerate()

    def check(place, element):
        numbers, row, decoded = element
        first = place * batch_size
        expected = tf.range(first, tf.minimum(first + batch_size, total))
        whole = tf.cond(
            tf.size(numbers) == tf.size(expected), lambda: tf.reduce_all(numbers == expected), lambda: False
        )
        told = tf.cond(whole, lambda: True, lambda: tf.py_function(find_broken, [], tf.bool))
        with tf.control_dependencies([told]):
            return encode(keras.tree.map_structure(tf.identity, row), decoded)

    count = -(-int(total) // batch_size)
    return batches.take(count).map(check, tf.data.AUTOTUNE)


def _blank(spec):
    return tf.zeros([0 if size is None else size for size in spec.shape], spec.dtype)
