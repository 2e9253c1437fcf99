"""Lists of pictures → clips, as `Video` reads them."""

import io

import numpy as np
import tensorflow as tf

FRAMES = 32


def clip_of(pictures, frames=FRAMES):
    """A clip of encoded pictures, as the bytes of an `.npy` file.

    Args:
        pictures: sequence of bytes, in order.
        frames: int > 0. Most pictures taken, evenly spread; only these are decoded. Defaults to `32`.
    Returns:
        bytes of a uint8 array `(F, H, W, 3)`, later pictures resized to the first; `b""` of none; a picture that cannot
        be decoded as it is, so that batches say what is wrong with it.
    """
    count = min(len(pictures), frames)
    if not count:
        return b""
    decoded = []
    for place in ((np.arange(count) + 0.5) * len(pictures) / count).astype(int):
        try:
            pixels = tf.io.decode_image(pictures[place], channels=3, expand_animations=False)
        except tf.errors.InvalidArgumentError:
            return bytes(pictures[place])
        decoded.append(pixels if not decoded or pixels.shape == decoded[0].shape else _resized(pixels, decoded[0]))
    return npy_bytes(np.stack(decoded))


def npy_bytes(array):
    """An array of numbers as the bytes of an `.npy` file, of a type that `TimeSeries` and `Video` read."""
    array = np.ascontiguousarray(array)
    wider = {"b": "u1", "u2": "i4", "u4": "i8", "u8": "f8"}
    kind = wider.get(array.dtype.kind) or wider.get(array.dtype.str[1:]) or array.dtype.newbyteorder("<")
    file = io.BytesIO()
    np.save(file, array.astype(kind, copy=False), allow_pickle=False)
    return file.getvalue()


def _resized(pixels, like):
    resized = tf.image.resize(pixels, like.shape[:2], antialias=True)
    return tf.cast(tf.round(resized), tf.uint8)
