"""Reads masks for segmentation: PNG files whose pixels are numbers of classes, grey or with a palette."""

import zlib

import numpy as np
import tensorflow as tf

from data_pipelines.cells.media_cells import MAX_BYTES
from data_pipelines.formats.image_bounds import CLEAR, MANY_PARTS, has_many_texts

NOT_A_MASK = "a mask must be a PNG whose pixels are numbers, grey or with a palette"
# What makes a PNG with a palette a grey one: another kind in byte 25. The check sum of a header is linear in its bits,
# so that it changes by a constant too.
PALETTE, GREY = b"IHDR" + bytes(9) + b"\x03" + bytes(3), b"IHDR" + bytes(9) + b"\0" + bytes(3)
CHANGED = np.frombuffer(bytes(25) + b"\3\0\0\0" + (zlib.crc32(PALETTE) ^ zlib.crc32(GREY)).to_bytes(4, "big"), "uint8")


def read_classes(data, max_pixels, max_bytes=MAX_BYTES):
    """Decodes a PNG to the numbers that its pixels hold; of one with a palette, places in it, not colours.

    Args:
        data: scalar string, a whole file.
        max_pixels: int. A picture whose header says more is not decoded.
        max_bytes: int. A picture that takes more memory to decode is not decoded. Defaults to 256 MiB.
    Returns:
        int32 `(H, W, 1)`.
    Raises:
        tf.errors.InvalidArgumentError: another format, colours, a damaged file, too many pixels or bytes.
    """
    is_mask = tf.strings.regex_full_match(data, r"(?s)\CPNG\r\n\x1a\n\C{17}[\x00\x03\x04]\C*")
    with tf.control_dependencies([tf.debugging.Assert(is_mask, [NOT_A_MASK])]):
        head = tf.io.decode_raw(tf.strings.substr(data, 0, 33), tf.uint8)
    sides = tf.reduce_sum(tf.cast(tf.reshape(head[16:24], [2, 4]), tf.float32) * [2.0**24, 2.0**16, 2.0**8, 1.0], 1)
    pixels, told = tf.reduce_prod(sides), tf.cast(sides[::-1], tf.int64)
    checks = [
        (pixels <= max_pixels, [told, "pixels are more than max_pixels =", max_pixels]),
        (CLEAR * pixels <= max_bytes, [told, "pixels of a mask take more to decode than max_bytes =", max_bytes]),
        (~has_many_texts(data), [MANY_PARTS]),
    ]
    with tf.control_dependencies([tf.debugging.Assert(*check) for check in checks]):
        plain = tf.cond(head[25] == 3, lambda: _without_palette(data, head), lambda: data)
    bits = tf.cast(head[24], tf.int32)
    few = lambda: tf.cast(tf.io.decode_png(plain, channels=1), tf.int32) // (255 // (2**bits - 1))  # noqa: E731
    many = lambda: tf.cast(tf.io.decode_png(plain, channels=1, dtype=tf.uint16), tf.int32)  # noqa: E731
    return tf.ensure_shape(tf.cond(bits == 16, many, few), (None, None, 1))


def _without_palette(data, head):
    """The same file, called grey, its palette cut out: TensorFlow would give colours."""
    head = tf.bitwise.bitwise_xor(head, CHANGED)
    letters = tf.gather(tf.constant([bytes([byte]) for byte in range(256)]), tf.cast(head, tf.int32))
    body = tf.strings.regex_replace(data, r"(?s)^\C*?(\C{4}IDAT)", r"\1", replace_global=False)
    return tf.strings.join([tf.strings.reduce_join(letters), body])
