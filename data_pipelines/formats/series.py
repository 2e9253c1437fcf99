"""Reads series of numbers, from text or `.npy` bytes, in plain TensorFlow ops."""

import io
import zipfile

import numpy as np
import tensorflow as tf

from data_pipelines.cells.media_cells import MAX_BYTES
from data_pipelines.cells.number_text import MISSING, WRITTEN
from data_pipelines.formats.npy import is_npy, read_npy, shaped

LARGEST = 2**28  # bytes that an array in an archive may unpack to
OF_TEXT, OF_ARRAY = 128, 24  # bytes of memory that reading a byte of text and a number of an array takes
LINE = rf"({MISSING}|{WRITTEN})([,;|\t ]({MISSING}|{WRITTEN}))*"
DTYPES = {"<f4": tf.float32, "<f8": tf.float64, "<f2": tf.half, "<i4": tf.int32, "<i8": tf.int64, "<i2": tf.int16}
DTYPES |= {"|u1": tf.uint8, "|i1": tf.int8}


def read_series(data, max_bytes=MAX_BYTES):
    """Decodes a series.

    Text has a step a line, or steps divided by `;` or `|`; numbers of one step are divided by `,`, a tab or a space. A
    text without any division into steps is a series of one channel. JSON lists do too: `[1, 2, null]`,
    `[[1, 2], [3, 4]]`. Empty, `nan` and `null` are gaps. A first line of names is left out.

    Args:
        data: scalar string, text or the bytes of an `.npy` file of numbers, `(T,)` or `(T, C)`.
        max_bytes: int. What takes more memory to read is refused, at 128 bytes a byte of text and 24 a number of an
            array. Defaults to 256 MiB: 2 MiB of text, 11 million numbers.
    Returns:
        float64 `(T, C)`, NaN where there is a gap.
    Raises:
        tf.errors.InvalidArgumentError: text that is no number, steps of different length, infinite numbers, an array
            of objects or of more than two axes, a series that is too long.
    """
    is_array = is_npy(data)
    values = tf.cond(is_array, lambda: _from_npy(data, max_bytes), lambda: _from_text(data, max_bytes))
    finite = tf.debugging.Assert(~tf.reduce_any(tf.abs(values) > tf.float32.max), ["the series has infinite numbers"])
    with tf.control_dependencies([finite]):
        return tf.ensure_shape(tf.identity(values), (None, None))


def _fits(size, each, max_bytes, unit):
    told = ["a series of", size, unit, "takes more memory to read than max_bytes =", max_bytes]
    return tf.debugging.Assert(tf.cast(size, tf.int64) <= max_bytes // each, told)


def _from_text(text, max_bytes):
    with tf.control_dependencies([_fits(tf.strings.length(text), OF_TEXT, max_bytes, "bytes of text")]):
        text = tf.identity(text)
    text = tf.strings.regex_replace(text, r"\r\n?", "\n")
    first = tf.strings.regex_replace(text, r"(?s)\n.*", "")
    has_names = tf.strings.regex_full_match(text, r"(?s).*\n.*") & ~tf.strings.regex_full_match(first, LINE)
    text = tf.cond(has_names, lambda: tf.strings.regex_replace(text, r"^[^\n]*\n", ""), lambda: text)
    text = tf.strings.regex_replace(text, r"^[ \n]+|[ \n]+$", "")
    has_steps = tf.strings.regex_full_match(text, r"(?s)\[\s*\[.*|.*[;|\n].*")
    text = tf.strings.regex_replace(text, r"\]\s*,\s*\[|( *\n)+ *| *[;|] *", "|")
    text = tf.strings.regex_replace(text, r"\s*[\[\]]\s*", "")
    text = tf.strings.regex_replace(text, r"\s*,\s*| *\t *| +", ",")
    text = tf.cond(has_steps, lambda: text, lambda: tf.strings.regex_replace(text, ",", "|"))
    text = tf.strings.regex_replace(text, r"\|$", "")
    cells = tf.strings.split(tf.strings.split(text, "|"), ",")
    lengths = cells.row_lengths()
    width = tf.reduce_max(lengths)
    checks = [
        tf.debugging.Assert(
            tf.reduce_all(lengths == width),
            ["steps must have equally many numbers, not", tf.reduce_min(lengths), "and", width],
        )
    ]
    words = cells.flat_values
    written = tf.strings.regex_full_match(words, WRITTEN)
    strange = tf.boolean_mask(words, ~(written | tf.strings.regex_full_match(words, MISSING)))
    strange = tf.strings.substr(tf.strings.reduce_join(strange[:1]), 0, 40)
    checks.append(tf.debugging.Assert(strange == "", ["not a number:", strange]))
    with tf.control_dependencies(checks):
        digits = tf.where(written, tf.strings.strip(words), "nan")
    return tf.reshape(tf.strings.to_number(digits, tf.float64), tf.stack([-1, tf.cast(width, tf.int32)]))


def _from_npy(data, max_bytes):
    kind, sides, body, in_fortran = read_npy(data)
    flat = tf.debugging.Assert(tf.size(sides) <= 2, ["an array must be of shape (T,) or (T, C), not", sides])
    size = tf.reduce_prod(tf.cast(sides, tf.int64))
    each = tf.cast(tf.where(in_fortran, OF_ARRAY + 8, OF_ARRAY), tf.int64)
    with tf.control_dependencies([flat, _fits(size, each, max_bytes, "numbers")]):
        sides = tf.concat([sides, tf.ones([2 - tf.minimum(tf.size(sides), 2)], tf.int32)], 0)

    def read(dtype):
        def go():
            numbers = tf.io.decode_raw(body, dtype)
            whole = tf.debugging.Assert(tf.size(numbers) == tf.reduce_prod(sides), ["the array is cut short"])
            with tf.control_dependencies([whole]):
                return shaped(tf.cast(numbers, tf.float64), sides, in_fortran)

        return go

    def refuse():
        with tf.control_dependencies([tf.debugging.Assert(False, ["an array must hold numbers, not", kind])]):
            return tf.zeros([0, 1], tf.float64)

    ways = [(kind == name, read(dtype)) for name, dtype in DTYPES.items()]
    return tf.ensure_shape(tf.case(ways, default=refuse), (None, None))


def unpack_npz(data):
    """The first array of an `.npz` archive, as the bytes of an `.npy` file.

    Raises:
        ValueError: it is no archive of arrays, or the array is too large or holds objects.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            first = archive.infolist()[0]
            if first.file_size > LARGEST:
                raise ValueError(f"an array may have {LARGEST} bytes, not {first.file_size}")
            array = np.lib.format.read_array(io.BytesIO(archive.read(first)), allow_pickle=False)
    except (zipfile.BadZipFile, IndexError, EOFError, RuntimeError, NotImplementedError) as error:
        raise ValueError(f"this is no archive of arrays ({error})") from error
    plain = io.BytesIO()
    np.lib.format.write_array(plain, np.ascontiguousarray(array), allow_pickle=False)
    return plain.getvalue()
