"""How alike two pictures are, one number a picture, as plain functions."""

import keras
import numpy as np
from keras import ops

from mmkeras.component import PACKAGE

SIGMA = 1.5  # pixels, of the window that SSIM looks through
WINDOW = 11
CHUNK = 256  # pictures that are compared at once


def absolute_error(first, second):
    """Mean absolute difference of each picture, `(B, …)` → `(B,)`."""
    return _row_mean(ops.abs(first - second))


def squared_error(first, second):
    """Mean squared difference of each picture, `(B, …)` → `(B,)`."""
    return _row_mean(ops.square(first - second))


@keras.saving.register_keras_serializable(PACKAGE)
def psnr(first, second):
    """Peak signal-to-noise ratio in dB of pictures in [0, 1], `(B, H, W, C)` → `(B,)`; 100 where they agree."""
    return -10.0 / np.log(10.0) * ops.log(ops.maximum(squared_error(_real(first), _real(second)), 1e-10))


@keras.saving.register_keras_serializable(PACKAGE)
def ssim(first, second):
    """Structural similarity of pictures in [0, 1], `(B, H, W, C)` → `(B,)` in [−1, 1], 1 = the same.

    Means, variances and covariances under a Gaussian window of 11 × 11 pixels, where it fits; of smaller pictures,
    the largest odd window that does.

    References:
        [Wang et al., 2004](https://doi.org/10.1109/TIP.2003.819861), with K₁ = 0.01, K₂ = 0.03, averaged over channels.
    """
    first, second = _real(first), _real(second)
    stacked = ops.concatenate([first, second, first * first, second * second, first * second], axis=-1)
    mean_a, mean_b, square_a, square_b, product = ops.split(_blurred(stacked), 5, axis=-1)
    both = mean_a * mean_b
    squares = mean_a * mean_a + mean_b * mean_b
    likeness = (2.0 * both + 0.01**2) / (squares + 0.01**2)
    likeness *= (2.0 * (product - both) + 0.03**2) / (square_a + square_b - squares + 0.03**2)
    return _row_mean(likeness)


def _real(pictures):
    return ops.cast(pictures, "float32")


def _row_mean(values):
    return ops.mean(values, axis=tuple(range(1, len(values.shape))))


def _blurred(pictures):
    """Every channel under the window, first down, then across."""
    height, width, channels = pictures.shape[1:]
    for axis, side in enumerate((height, width)):
        side = min(WINDOW, side - 1 + side % 2)
        weights = np.exp(-((np.arange(side) - side // 2) ** 2) / (2 * SIGMA**2))
        shape = (side, 1) if axis == 0 else (1, side)
        kernel = np.broadcast_to((weights / weights.sum()).reshape(*shape, 1, 1), (*shape, channels, 1))
        pictures = ops.depthwise_conv(pictures, ops.convert_to_tensor(kernel, "float32"), padding="valid")
    return pictures


def mean_likeness(labels, weights, predictions):
    """Mean PSNR in dB and SSIM over the pictures with a weight, of numpy arrays; what decoders score by."""
    labels, predictions = labels[weights > 0], predictions[weights > 0]
    pairs = [slice(first, first + CHUNK) for first in range(0, len(labels), CHUNK)]
    scores = {
        name: [measure(labels[p], predictions[p]) for p in pairs] for name, measure in (("psnr", psnr), ("ssim", ssim))
    }
    return {
        name: float(np.mean(np.concatenate([ops.convert_to_numpy(p) for p in parts]))) for name, parts in scores.items()
    }
