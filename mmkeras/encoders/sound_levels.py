"""Brings log-mel frames near to zero mean and unit spread, as encoders want them."""

from keras import ops

from mmkeras.layers.log_mel import CENTRE, SPREAD
from mmkeras.layers.masking import hide

LEAST = 0.1  # a recording that varies less, such as silence, is not blown up further


def levelled(frames, mask, normalize):
    """Frames by fixed numbers, or, with `normalize`, by each recording's own mean and deviation over its real frames.

    Args:
        frames: float tensor `(B, T, C)`.
        mask: bool tensor `(B, T)`.
        normalize: bool.
    Returns:
        float tensor `(B, T, C)`, of the same precision.
    """
    if not normalize:
        return (frames - CENTRE) / SPREAD
    values = ops.cast(frames, "float32")
    count = ops.maximum(ops.sum(ops.cast(mask, "float32"), axis=1), 1.0)[:, None, None] * frames.shape[-1]
    values = values - ops.sum(hide(values, mask), axis=(1, 2), keepdims=True) / count
    variance = ops.sum(hide(ops.square(values), mask), axis=(1, 2), keepdims=True) / count
    return ops.cast(values / ops.sqrt(variance + LEAST**2), frames.dtype)
