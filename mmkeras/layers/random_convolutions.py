"""Many convolutions that nobody learns: how often each of them finds something, and how loud it is."""

import math

import keras
import numpy as np
from keras import ops

from mmkeras.component import component
from mmkeras.layers.masking import hide, mask_or_full

BIASES = 3
QUIET = 1e-3  # level below which an answer is silence
LONGEST = 512  # steps that the widest kernel spans at the most


@component
class RandomConvolutions(keras.layers.Layer):
    """Convolves a series with random kernels of many widths; gives shares of steps over a threshold, peak and level.

    The level is the root of the mean square of a kernel's answers to a row; thresholds and the peak are in its units,
    so that a smooth series tells as much at narrow spreads as at wide ones. Kernels of nine weights, which sum to zero,
    on some of the channels, are spread over 1, 2, 4, … steps. With a few hundred series, a linear layer on these
    features beats convolutions that are learned.

    Args:
        num_kernels: int > 0. Of each spread. Defaults to `64`.
        seed: int. Draws the kernels. Defaults to `0`.
    Call arguments:
        inputs: float tensor `(B, T, C)`, standardised.
        mask: bool tensor `(B, T)` or None.
    Returns:
        float tensor `(B, N)`, N = 5 · `num_kernels` · spreads, in [-1, 1], and the logarithm of the level; zeros where
        every step is absent.
    Example:
        >>> RandomConvolutions(num_kernels=2)(np.ones((2, 20, 3), "float32")).shape
        TensorShape([2, 70])
    References:
        [Dempster et al., 2020](https://arxiv.org/abs/1910.13051) and [2021](https://arxiv.org/abs/2012.08791). Differs:
        spreads of powers of two; thresholds are drawn, in units of the row's own level, not taken from the data; the
        peak goes through tanh; the level.
    """

    def __init__(self, num_kernels=64, seed=0, **kwargs):
        super().__init__(**kwargs)
        self.num_kernels = num_kernels
        self.seed = seed
        self.supports_masking = True

    def build(self, input_shape):
        channels, random = input_shape[-1], np.random.default_rng(self.seed)
        self.kernels, self.thresholds = [], []
        for place in range(len(self._spreads())):
            self.kernels.append(self._constant(f"kernel_{place}", self._drawn(random, channels)))
            thresholds = random.normal(size=(BIASES, self.num_kernels)) * 0.7
            self.thresholds.append(self._constant(f"thresholds_{place}", thresholds))

    def _spreads(self):
        return [2**power for power in range(int(math.log2(LONGEST / 8)) + 1)]

    def _drawn(self, random, channels):
        kernels = random.normal(size=(9, channels, self.num_kernels))
        kernels -= kernels.mean(axis=0)
        for kernel in range(self.num_kernels):
            count = int(2 ** random.uniform(0, math.log2(min(channels, 9) + 1)))
            kernels[:, random.permutation(channels)[count:], kernel] = 0.0
        return kernels / np.sqrt((kernels**2).sum(axis=(0, 1)))

    def _constant(self, name, values):
        made = keras.initializers.Constant(values.astype("float32"))
        return self.add_weight(name=name, shape=values.shape, initializer=made, trainable=False)

    def call(self, inputs, *, mask=None):
        mask = mask_or_full(mask, inputs, 2)
        x = ops.cast(hide(inputs, mask), "float32")
        real = ops.cast(mask, "float32")
        count = ops.maximum(ops.sum(real, axis=1), 1.0)[:, None]
        found = []
        for spread, kernel, thresholds in zip(self._spreads(), self.kernels, self.thresholds, strict=True):
            side = 4 * spread
            padded = ops.pad(x, ((0, 0), (side, side), (0, 0)))
            answer = ops.conv(padded, ops.cast(kernel, "float32"), padding="valid", dilation_rate=spread)
            power = ops.einsum("bt,btc->bc", real, ops.square(answer)) / count
            level = ops.sqrt(power + QUIET**2)
            for place in range(BIASES):
                over = ops.cast(answer > level[:, None] * ops.cast(thresholds[place], "float32"), "float32")
                found.append(2.0 * ops.einsum("bt,btc->bc", real, over) / count - 1.0)
            found.append(ops.tanh(ops.max(ops.where(mask[..., None], answer, -1e9), axis=1) / level / 3.0))
            found.append(ops.log(level))
        features = hide(ops.concatenate(found, axis=1), ops.any(mask, axis=1))
        return ops.cast(features, self.compute_dtype)

    def compute_mask(self, inputs, mask=None):
        return None

    def compute_output_shape(self, input_shape):
        return (input_shape[0], (BIASES + 2) * self.num_kernels * len(self._spreads()))

    def get_config(self):
        return {**super().get_config(), "num_kernels": self.num_kernels, "seed": self.seed}

    @classmethod
    def example(cls):
        """A tiny instance with input shape, dtype and mask shape, for the conformance sweep."""
        return cls(2), ((9, 6), "float32", (9,))
