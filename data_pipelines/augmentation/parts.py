"""Which part of a recording or clip training takes, where it is longer than wanted."""

import tensorflow as tf


def draw_place(seed):
    """Where a drawn part lies, float64 `(2,)` in [0, 1): first how far along the free room it begins.

    Everything that is cropped in a row is cropped at the same place, so that a clip's pictures and its sound, cut to as
    many seconds, stay together.

    Args:
        seed: int32 `(2,)`.
    """
    # Drawn in single precision: in double, 7 and almost 1 would round to 8.
    return tf.cast(tf.random.stateless_uniform([2], seed), tf.float64)


def checked_crop(who, crop):
    """The `crop` argument itself.

    Raises:
        ValueError: it is neither None nor `"random"`.
    """
    if crop not in (None, "random"):
        raise ValueError(f"{who}: crop must be None or 'random'. Received: crop={crop!r}. Do: crop='random'.")
    return crop
