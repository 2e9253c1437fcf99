"""Reads the bytes of `.npy` files in plain TensorFlow ops."""

import tensorflow as tf

MOST_HEADER = 10_000  # bytes, as numpy has it


def is_npy(data):
    """Whether a scalar string begins as an `.npy` file does."""
    return tf.strings.regex_full_match(data, r"(?s)\CNUMPY\C*")


def read_npy(data):
    """Reads the header: a magic word, the header's length, the header as a Python dict; then come the numbers.

    Args:
        data: scalar string, the bytes of a whole `.npy` file.
    Returns:
        tuple (kind, sides, body, in_fortran): scalar string such as `"<f4"`; int32 shape of the array; the bytes of its
        numbers; scalar bool, whether they stand in Fortran order, for `shaped`.
    Raises:
        tf.errors.InvalidArgumentError: a header that is cut short or too long, no axis or more than five.
    """
    newer = tf.strings.substr(data, 6, 1) != b"\x01"
    lead = tf.strings.substr(tf.strings.join([data, "\0" * 16]), 0, 16)
    size = tf.cast(tf.io.decode_raw(tf.strings.substr(lead, 8, 4), tf.uint8), tf.int32)
    size = size[0] + size[1] * 256 + tf.where(newer, size[2] * 2**16, 0)
    start = tf.where(newer, 12, 10)
    known = tf.debugging.Assert(start + size <= tf.strings.length(data), ["the array is cut short in its header"])
    short = tf.debugging.Assert(
        size <= MOST_HEADER, ["the header of an array may have", MOST_HEADER, "bytes, not", size]
    )
    with tf.control_dependencies([known, short]):
        header = tf.strings.substr(data, start, size)
        body = tf.strings.substr(data, start + size, tf.strings.length(data) - start - size)
    kind = tf.strings.regex_replace(header, r"(?s).*'descr':\s*'([^']*)'.*", r"\1")
    shape = tf.strings.regex_replace(header, r"(?s).*'shape':\s*\(([\d, ]*)\).*", r"\1")
    plain = tf.strings.regex_full_match(shape, r"\d{1,9}(, ?\d{1,9}){0,4},?")
    order = tf.strings.regex_full_match(header, r"(?s).*'fortran_order':\s*(True|False).*")
    in_fortran = tf.strings.regex_full_match(header, r"(?s).*'fortran_order':\s*True.*")
    right = tf.debugging.Assert(plain & order, ["an array must be of 1 to 5 axes, not", tf.strings.strip(header)])
    with tf.control_dependencies([right]):
        sides = tf.strings.split(tf.strings.regex_replace(shape, r",\s*$", ""), ",")
    return kind, tf.strings.to_number(sides, tf.int32), body, in_fortran


def shaped(numbers, sides, in_fortran):
    """Numbers `(n,)` as the array that their header describes: what `np.save(x.T)` writes has its last axis first."""
    return tf.cond(
        in_fortran,
        lambda: tf.transpose(tf.reshape(numbers, tf.reverse(sides, [0]))),
        lambda: tf.reshape(numbers, sides),
    )
