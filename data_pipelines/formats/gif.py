"""Cuts a GIF behind its first frame, in plain TensorFlow ops: TensorFlow would unpack every frame and keep one."""

import tensorflow as tf

EXTENSION = 0x21
FULL = 255  # bytes of a block of a frame, but for its last
MOST_BLOCKS = 2**14  # that are no such ones and are walked through one by one, 15 µs each


def first_frame(data):
    """Finds the first frame of a GIF, whose header says nothing of its size.

    Args:
        data: scalar string, a whole file.
    Returns:
        tuple (data, sides): the file up to the end of its first frame; int64 `(2,)`, width and height of that frame, 0
        where there is none or where it lies behind more than `MOST_BLOCKS` blocks.
    """
    numbers = tf.concat([tf.io.decode_raw(data, tf.uint8), tf.zeros([16], tf.uint8)], 0)
    frame, _ = _walk(numbers, 13 + _table(numbers, 10), extensions=True)
    place = tf.minimum(frame, tf.size(numbers) - 16)
    head = tf.cast(numbers[place + 5 : place + 9], tf.int64)
    blocks = _behind_full(numbers, place + 11 + _table(numbers, place + 9))
    end, ends = _walk(numbers, blocks, extensions=False)
    sides = tf.where(ends & (numbers[place] == 0x2C), head[::2] + 256 * head[1::2], 0)
    return tf.strings.join([tf.strings.substr(data, 0, tf.minimum(end, tf.strings.length(data))), ";"]), sides


def _table(numbers, place):
    """The bytes of the table of colours that follows, as the flags at a place say."""
    flags = tf.cast(numbers[place], tf.int32)
    return tf.where(flags >= 128, 3 * tf.bitwise.left_shift(2, flags % 8), 0)


def _behind_full(numbers, place):
    """The place behind all full blocks from a place on."""
    leads = numbers[tf.minimum(place, tf.size(numbers)) :: FULL + 1]
    full = tf.concat([tf.cast(tf.equal(leads, FULL), tf.int32), [0]], 0)
    return place + (FULL + 1) * tf.argmin(full, output_type=tf.int32)


def _walk(numbers, place, extensions):
    """(the place behind a chain of blocks, whether it was reached), or behind all extensions from a place on."""
    last = tf.size(numbers) - 1

    def at(place):
        return tf.cast(numbers[tf.minimum(place, last)], tf.int32)

    def more(place, inside):
        return inside | (at(place) == EXTENSION) if extensions else inside

    def step(place, inside):
        size = at(place)
        return tf.minimum(place + tf.where(inside, 1 + size, 2), last), tf.where(inside, size > 0, True)

    start = (tf.minimum(place, last), tf.constant(not extensions))
    place, inside = tf.while_loop(more, step, start, maximum_iterations=MOST_BLOCKS)
    return place, ~more(place, inside)
