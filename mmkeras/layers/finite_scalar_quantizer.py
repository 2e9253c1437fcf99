"""A few numbers rounded to a few levels each: a code that is also an integer."""

import math

import keras
import numpy as np
from keras import ops

from mmkeras.component import component
from mmkeras.layers.masking import hide, mask_or_full

EDGE = 1e-3  # how much further than its last levels a channel can go, so that these are reached


@component
class FiniteScalarQuantizer(keras.layers.Layer):
    """Bounds each channel by a hyperbolic tangent and rounds it to one of its levels; the gradient goes straight on.

    What comes out is one of L₁ · L₂ · … codes: nothing to be learned, and no code that dies.

    Args:
        levels: sequence of int > 1. Levels of each channel; their product is the number of codes.
            Defaults to `(8, 6, 5)`: 240.
    Call arguments:
        inputs: float tensor `(…, len(levels))`.
        mask: bool tensor of the same shape without the last axis, or None.
    Returns:
        float tensor of the shape of `inputs`, in [−1, 1], zeros where masked.
    Raises:
        ValueError: no levels, or one below 2; inputs of another width.
    Example:
        >>> quantize = FiniteScalarQuantizer((3, 3))
        >>> code = quantize(np.array([[9.0, -9.0]], "float32"))
        >>> quantize.ids(code).numpy(), quantize.codes(np.array([2])).numpy()
        (array([2], dtype=int32), array([[ 1., -1.]], dtype=float32))
    References:
        [Mentzer et al., 2023](https://arxiv.org/abs/2309.15505), as in its appendix A.1.
    """

    def __init__(self, levels=(8, 6, 5), **kwargs):
        # Rounding to another level is no small error: numbers keep their 32 bits under a policy of mixed precision.
        super().__init__(autocast=False, **kwargs)
        self.levels = tuple(levels)
        if not self.levels or min(self.levels) < 2:
            raise ValueError(
                f"FiniteScalarQuantizer: levels must be > 1. Received: levels={self.levels}. Do: levels=(8, 6, 5)."
            )
        self.supports_masking = True

    @property
    def size(self):
        """How many codes there are."""
        return math.prod(self.levels)

    def build(self, input_shape):
        if input_shape[-1] != len(self.levels):
            raise ValueError(
                f"FiniteScalarQuantizer: inputs must have a channel for each level. Received: {input_shape[-1]} "
                f"channels, levels={self.levels}. Do: Dense({len(self.levels)}) in front."
            )

    def call(self, inputs, *, mask=None):
        mask = mask_or_full(mask, inputs, len(inputs.shape) - 1)
        values = ops.cast(hide(inputs, mask), "float32")
        counts = np.array(self.levels, "float32")
        half = (counts - 1) * (1 + EDGE) / 2
        # An even number of levels has none in the middle.
        offset = np.where(counts % 2 == 0, 0.5, 0.0).astype("float32")
        bounded = ops.tanh(values + np.arctanh(offset / half)) * half - offset
        rounded = bounded + ops.stop_gradient(ops.round(bounded) - bounded)
        return ops.cast(hide(rounded / self._halves, mask), self.compute_dtype)

    def ids(self, codes):
        """Codes `(…, len(levels))` → int32 `(…)` in 0 … size − 1."""
        digits = ops.round(ops.cast(codes, "float32") * self._halves + self._halves)
        return ops.cast(ops.sum(digits * self._steps.astype("float32"), axis=-1), "int32")

    def codes(self, ids):
        """Integers `(…)` → float32 codes `(…, len(levels))`."""
        digits = ops.cast(ids, "int32")[..., None] // self._steps % np.array(self.levels, "int32")
        return (ops.cast(digits, "float32") - self._halves) / self._halves

    @property
    def _halves(self):
        return (np.array(self.levels) // 2).astype("float32")

    @property
    def _steps(self):
        """What one level more in a channel adds to the id."""
        return np.cumprod([1, *self.levels[:-1]]).astype("int32")

    def compute_mask(self, inputs, mask=None):
        return mask

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "levels": list(self.levels)}

    @classmethod
    def example(cls):
        """A tiny instance with input shape, dtype and mask shape, for the conformance sweep."""
        return cls((4, 3)), ((5, 2), "float32", (5,))
