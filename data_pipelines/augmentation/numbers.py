"""Random changes of numbers and of series of them."""

import math

import tensorflow as tf

from data_pipelines.augmentation.seeds import fresh_seeds

NUMBERS = {"jitter": math.inf}
SERIES = {"jitter": math.inf, "scale": 1.0}


def vary_numbers(values, real, seed, jitter=0.0, scale=0.0):
    """Adds noise to numbers, and stretches every channel of a row as a whole.

    Args:
        values: float32 `(B, C)` or `(B, T, C)`.
        real: bool of the same shape; gaps and padding stay as they are.
        seed: int32 `(2,)`.
        jitter: float >= 0. Standard deviation of the noise.
        scale: float in [0, 1]. Most that a channel grows or shrinks, in shares.
    References:
        Jittering and scaling of [Um et al., 2017](https://arxiv.org/abs/1706.00527). Differs: uniform factors.
    """
    fresh = fresh_seeds(seed)
    varied = values
    if scale:
        shape = (tf.shape(values)[0], *([1] * (values.shape.rank - 2)), tf.shape(values)[-1])
        varied *= 1.0 + tf.random.stateless_uniform(shape, fresh(), -1.0, 1.0) * scale
    if jitter:
        varied += tf.random.stateless_normal(tf.shape(values), fresh()) * jitter
    return tf.where(real, varied, values)
