"""Which way up a JPEG is: cameras note in its Exif block how they were held, and keep the pixels as they came."""

import tensorflow as tf

from data_pipelines.formats.branches import rarely

ORIENTATION = 0x0112
SHORT = 3  # how an Exif block calls an unsigned number of two bytes
MOST_SEGMENTS = 64  # that are looked at, so that no file keeps a reader busy


def turned_upright(picture, data):
    """Turns and mirrors a decoded JPEG as its Exif block asks; one without, or with a damaged one, stays as it is.

    Args:
        picture: uint8 `(H, W, 3)`.
        data: scalar string, the file's bytes.
    Returns:
        uint8 `(H, W, 3)`, or `(W, H, 3)`.
    """
    # A plain JPEG is a JFIF segment of 16 bytes and goes on with its tables.
    plain = tf.strings.substr(data, tf.minimum(20, tf.strings.length(data)), 2) == b"\xff\xdb"
    turned = tf.cond(plain, lambda: picture, rarely(lambda: _turn(picture, _read_orientation(_find_exif(data)))))
    return tf.ensure_shape(turned, (None, None, 3))


def _turn(picture, orientation):
    mirrored = tf.reduce_any(orientation == [[3, 4, 6, 7], [2, 3, 7, 8]], 1)
    picture = tf.reverse(picture, tf.boolean_mask([0, 1], mirrored))
    return tf.cond(orientation > 4, lambda: tf.transpose(picture, [1, 0, 2]), lambda: picture)


def _find_exif(data):
    """The Exif block of a JPEG from its byte order on, or nothing."""

    def segment(at):
        """(code, size with its own two bytes, whether it is the Exif block) of the segment at a place; code 0: none."""
        head = _part(data, at, 10)
        mark, code, high, low = tf.unstack(_numbers(head)[:4], 4)
        size = 256 * high + low
        return tf.where((mark == 255) & (size >= 2), code, 0), size, tf.strings.substr(head, 4, 6) == b"Exif\0\0"

    def goes_on(at):
        code, _, is_exif = segment(at)
        return ((code & 0xF0 == 0xE0) | (code == 0xFE)) & ~((code == 0xE1) & is_exif)

    def following(at):
        return at + 2 + segment(at)[1]

    at = tf.while_loop(goes_on, following, [tf.constant(2, tf.int64)], maximum_iterations=MOST_SEGMENTS)[0]
    code, size, is_exif = segment(at)
    return tf.cond(
        (code == 0xE1) & is_exif, lambda: tf.strings.substr(data, at + 10, tf.maximum(size - 8, 0)), lambda: ""
    )


def _read_orientation(exif):
    """1 to 8, as the standard counts them; 1, upright, where the block says none or is damaged."""
    order = tf.strings.substr(exif, 0, 2)
    little = order == b"II"

    def number(bytes_):
        """Unsigned numbers `(…)` of their bytes `(…, n)`."""
        ordered = tf.where(little, bytes_, tf.reverse(bytes_, [-1]))
        return tf.reduce_sum(ordered * 256 ** tf.range(tf.shape(bytes_)[-1], dtype=tf.int64), -1)

    def number_at(place, size):
        return number(_numbers(_part(exif, place, size)))

    place = number_at(4, 4)
    count = number_at(place, 2)
    start = tf.minimum(place + 2, _size(exif))
    entries = _numbers(tf.strings.substr(exif, start, 12 * count))
    whole = tf.size(entries) // 12
    entries = tf.reshape(entries[: 12 * whole], [whole, 12])
    ours = (number(entries[:, :2]) == ORIENTATION) & (number(entries[:, 2:4]) == SHORT)
    said = tf.reduce_max(tf.where(ours, number(entries[:, 8:10]), 1))
    known = (little | (order == b"MM")) & (number_at(2, 2) == 42) & (said <= 8) & (whole > 0)
    return tf.where(known, said, 1)


def _part(data, at, size):
    """So many bytes from a place on; zeros where there are no more."""
    start = tf.minimum(tf.cast(at, tf.int64), _size(data))
    return tf.strings.substr(tf.strings.join([tf.strings.substr(data, start, size), "\0" * size]), 0, size)


def _size(data):
    return tf.cast(tf.strings.length(data), tf.int64)


def _numbers(data):
    return tf.cast(tf.io.decode_raw(data, tf.uint8), tf.int64)
