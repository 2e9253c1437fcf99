"""Masks as plain functions: True = real, everywhere."""

import keras
from keras import ops


def mask_or_full(mask, like, rank):
    """The mask as bool, or one that is all True over the first `rank` axes of `like`."""
    if mask is not None:
        return ops.cast(mask, "bool")
    first = (slice(None),) * rank + (0,) * (len(like.shape) - rank)
    return ops.ones_like(like[first], dtype="bool")


def hide(values, mask):
    """Zeros wherever the mask is False, whatever stood there, NaN included."""
    while len(mask.shape) < len(values.shape):
        mask = ops.expand_dims(mask, -1)
    return ops.where(mask, values, ops.zeros_like(values))


def masked_mean(tokens, mask):
    """The mean of real tokens, `(B, T, D)` → `(B, D)`; zeros where there are none."""
    count = ops.sum(ops.cast(mask, "float32"), axis=1)[:, None]
    total = ops.sum(ops.cast(hide(tokens, mask), "float32"), axis=1)
    return ops.cast(total / ops.maximum(count, 1.0), tokens.dtype)


def at_least_two(tokens, mask):
    """Adds a masked token where there is only one, since Keras warns of a softmax over one; nothing else changes."""
    if tokens.shape[1] != 1:
        return tokens, mask
    return ops.pad(tokens, [[0, 0], [0, 1], [0, 0]]), ops.pad(mask, [[0, 0], [0, 1]])


def sequence_conv(conv, values, mask):
    """Applies a `"valid"` Conv1D of odd kernel so that padding never moves a real step.

    Keras' `padding="same"` with strides pads by the length of the whole batch; this pads the same on both sides.

    Args:
        conv: built or unbuilt `keras.layers.Conv1D` with `padding="valid"`, kernel k odd, stride s.
        values: float tensor `(B, T, C)`.
        mask: bool tensor `(B, T)`.
    Returns:
        tuple of `(B, ceil(T / s), filters)`, zeros where masked, and its mask.
    """
    side = (conv.kernel_size[0] - 1) // 2
    padded = ops.pad(hide(values, mask), [[0, 0], [side, side], [0, 0]])
    mask = mask[:, :: conv.strides[0]]
    return hide(conv(padded), mask), mask


def masked_softmax(scores, mask, axis=-1):
    """Softmax in float32 over what is real; zeros elsewhere, and everywhere where nothing is."""
    scores = ops.where(mask, ops.cast(scores, "float32"), -1e9)
    raised = ops.exp(scores - ops.stop_gradient(ops.max(scores, axis=axis, keepdims=True)))
    raised = ops.where(mask, raised, 0.0)
    return raised / ops.maximum(ops.sum(raised, axis=axis, keepdims=True), 1e-9)


def hide_rows(mask, chance, seed):
    """Hides all of a row's tokens with some chance, as for guidance.

    Args:
        mask: bool tensor `(B, T)`.
        chance: float in [0, 1).
        seed: `keras.random.SeedGenerator`.
    Returns:
        bool tensor `(B, T)`.
    """
    kept = keras.random.uniform((ops.shape(mask)[0], 1), seed=seed) >= chance
    return ops.logical_and(mask, kept)
