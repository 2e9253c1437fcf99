"""The time t of flow matching, from noise at 0 to what is drawn at 1."""

import keras
import numpy as np
from keras import ops

WAVES = (0.25, 8.0, 16)  # slowest and fastest sine of t in cycles from 0 to 1, and how many there are
NUM_WAVES = 2 * WAVES[2]


def draw_time(rows, seed):
    """A t for each row in training, sigmoid(N(0, 1)), `(B,)`."""
    return ops.sigmoid(keras.random.normal((rows,), seed=seed))


def choose_time(end, noise):
    """A t for each row in validation: spread over (0, 1), it moves smoothly with what is drawn and not at all with the
    rest of its batch.

    Args:
        end: float tensor `(B, …)`, what is drawn.
        noise: float array `(1, …)`, N(0, 1).
    Returns:
        float tensor `(B,)`.
    """
    phase = ops.sum(end * noise, axis=tuple(range(1, noise.ndim))) * (4.0 / noise.size**0.5) + 0.25
    return 0.02 + 0.96 * ops.abs(2.0 * (phase - ops.floor(phase)) - 1.0)


def waves(time):
    """Sines and cosines of t, `(B,)` → `(B, NUM_WAVES)`."""
    angles = time[:, None] * (2.0 * np.pi * np.geomspace(*WAVES)).astype("float32")[None]
    return ops.concatenate([ops.sin(angles), ops.cos(angles)], axis=-1)
