"""Decodes a batch of media cells inside the graph, so that one broken cell costs one cell and not the batch."""

import os
import re

import keras
import tensorflow as tf

from data_pipelines.cells.media_root import OUTSIDE, lies_below

MAX_BYTES = 2**28  # of memory that decoding one cell may take: 256 MiB


def check_size(kind, size, max_bytes, frames=1):
    """Refuses a size whose pictures, three floats a pixel, no cell could have: beyond 256 MiB, or `max_bytes`.

    Args:
        kind: str. The modality.
        size: tuple (H, W), pixels.
        max_bytes: int. Its argument.
        frames: int. Pictures a cell. Defaults to `1`.
    Raises:
        ValueError: it is too large.
    """
    needed = 12 * size[0] * size[1] * frames
    if needed > max(max_bytes, MAX_BYTES):
        raise ValueError(
            f"{kind}: a cell of size must fit into max_bytes={max_bytes}. Received: size={size}, {needed} bytes. "
            "Do: size=64, or a larger max_bytes."
        )


def is_longer(texts, characters):
    """Whether texts `(B,)` have more characters than that, or more bytes than so many can have: bool `(B,)`."""
    characters_in = tf.strings.length(texts, unit="UTF8_CHAR")
    return (tf.strings.length(texts) > 4 * characters) | (characters_in > characters)


def longer(cell, characters, name):
    """Says that a cell, in bytes, has more characters than the argument of that name allows; None where it has not."""
    if not is_longer(tf.constant([cell]), characters)[0]:
        return None
    return f"{len(cell.decode('utf-8', 'replace'))} characters are more than {name}={characters}"


def read_cell(cell, context):
    """Gives the encoded bytes of a scalar cell: itself, or what the file that it names holds."""
    return cell if context.is_bytes else tf.io.read_file(cell)


def full_path(cell, media_root):
    """The path of a media cell, `""` for an absent one; a relative path starts from `media_root`.

    A path that leaves the folder that a `MediaRoot` keeps to becomes one that no file system opens.
    """
    cell = cell.decode("utf-8", "replace") if isinstance(cell, bytes) else str(cell)
    cell = cell.strip()
    path = os.path.join(media_root, cell) if cell and media_root and "://" not in cell else cell
    within = getattr(media_root, "only_below", None)
    return path if not path or within is None or lies_below(path, within) else OUTSIDE + path


def unreadable(cell, context, decode):
    """Says why `decode` fails on a media cell: no file, a folder, no bytes, or what the decoder said, and of which."""
    refused = full_path(cell, "")
    if refused.startswith(OUTSIDE):
        return f"{refused.removeprefix(OUTSIDE)!r} is not below the folder that only_below names"
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
            said = in_words(error.object.decode("utf-8", "replace"))
        else:
            said = in_words(getattr(error, "message", None) or str(error))
        return in_file(said, cell, context)
    return in_file("it was unreadable a moment ago", cell, context)


def in_file(reason, cell, context):
    """A reason with the file that a media cell names, where it names one and the reason does not."""
    path = "" if context.is_bytes else full_path(cell, "")
    return f"{reason} (file {path!r})" if path and repr(path) not in reason else reason


def in_words(message):
    """What was wrong, out of the message that a TensorFlow graph raises."""
    text = re.split(r"\[\[\{|\[Op:|\nTraceback ", message)[0].split("}} ")[-1]
    if text.startswith("Graph execution error"):
        text = text.strip().splitlines()[-1]
    text = re.sub(r"^Error in user-defined function.*? with iterator: \S+: ", "", text.strip())
    text = text.removeprefix("ValueError: ")
    if text.startswith("assertion failed: "):
        text = re.sub(r"\[([^\]]*)\]", r"\1", text.removeprefix("assertion failed: "))
    # What our own code says names a file and what to do, which must not be cut off.
    return text.replace("\n", " ").strip().rstrip(".")[: 2000 if "Received: " in text else 200]


def decode_cells(cells, decode, empty, seeds=None):
    """Decodes every cell of a batch on its own: a broken one costs itself, not the batch.

    Plain TensorFlow ops, so it exports.

    Args:
        cells: string tensor `(B,)`; `""` = absent.
        decode: callable, scalar string (and a seed, where there are seeds) → tensor; raises in the graph on a broken
            cell.
        empty: float tensor of the shape that `decode` gives, or of length 0 along a first axis of any length.
        seeds: int32 `(B, 2)` or None. Defaults to `None`.
    Returns:
        tuple (value, lengths, bad): value `(B, …)`, padded with zeros along the first axis where cells differ, and
        `empty` for an absent or broken cell; lengths int32 `(B,)`, real steps along that axis; bad bool `(B,)`.
    """

    def one(place, cell, *seed):
        value = tf.cond(tf.equal(cell, ""), lambda: empty, lambda: decode(cell, *seed))
        return place, tf.shape(value)[0], value

    count = tf.shape(cells)[0]
    parts = (tf.range(count), cells) if seeds is None else (tf.range(count), cells, seeds)
    good = tf.data.Dataset.from_tensor_slices(parts).map(one).ignore_errors()
    end = tf.data.Dataset.from_tensors((count, empty.shape[0], empty))
    batch = good.concatenate(end).padded_batch(tf.cast(count + 1, tf.int64))
    places, lengths, values = batch.get_single_element()
    last = tf.size(places) - 1
    source = tf.tensor_scatter_nd_update(tf.fill([count + 1], last), places[:, None], tf.range(last + 1))[:count]
    value = tf.ensure_shape(tf.gather(values, source), [None, empty.shape[0] or None, *empty.shape[1:]])
    return value, tf.gather(lengths, source), source == last


def encode_strictly(rows, batch_size, decode, encode, find_broken):
    """Decodes rows one by one in parallel, as a hand-written map does, and encodes them in batches.

    Errors drop rows; the numbers of those left show it, and `find_broken`, in Python, says which one it was.

    Args:
        rows: `tf.data.Dataset` of raw rows, dict column → scalar, of known or infinite cardinality.
        batch_size: int > 0.
        decode: callable, raw row → dict name → (value, length); raises in the graph on a broken cell.
        encode: callable (batch of raw rows, batch of what `decode` gave) → nest of tensors.
        find_broken: callable without arguments that raises the message; runs only where a row is lacking.
    Returns:
        `tf.data.Dataset` of what `encode` gives.
    """
    as_it_is = tf.autograph.experimental.do_not_convert  # the parts are graph functions already; to convert costs time
    total = int(rows.cardinality())
    endless = total == tf.data.INFINITE_CARDINALITY
    decode_row = as_it_is(lambda number, row: (number, row, decode(row)))
    numbered = rows.enumerate().map(decode_row, tf.data.AUTOTUNE, deterministic=True)
    batches = numbered.ignore_errors().padded_batch(batch_size)
    if not endless:
        blank = keras.tree.map_structure(_blank, batches.element_spec[1:])
        end = tf.data.Dataset.from_tensors((tf.constant([total], tf.int64), *blank))
        batches = batches.concatenate(end).take(-(-total // batch_size))

    @as_it_is
    def check(place, element):
        numbers, row, decoded = element
        first = place * batch_size
        expected = tf.range(first, first + batch_size if endless else tf.minimum(first + batch_size, total))
        whole = tf.cond(
            tf.size(numbers) == tf.size(expected), lambda: tf.reduce_all(numbers == expected), lambda: False
        )
        told = tf.cond(whole, lambda: True, lambda: tf.py_function(find_broken, [], tf.bool))
        with tf.control_dependencies([told]):
            return encode(keras.tree.map_structure(tf.identity, row), decoded)

    return batches.enumerate().map(check, tf.data.AUTOTUNE)


def _blank(spec):
    return tf.zeros([0 if size is None else size for size in spec.shape], spec.dtype)
