"""How far through its sequence a token stands."""

import math

import keras
from keras import ops

from mmkeras.component import component
from mmkeras.layers.masking import hide, mask_or_full


@component
class RelativePosition(keras.layers.Layer):
    """Adds a learned mix of waves over a token's share of the way through the real tokens.

    The middle of a sentence and the middle of its recording get the same waves, however long each is, so that attention
    between modalities can find what belongs together.

    Args:
        num_waves: int > 0. Sines and cosines, of 1 … num_waves half periods over the sequence. Defaults to `16`.
    Call arguments:
        inputs: float tensor `(B, T, D)`.
        mask: bool tensor `(B, T)` or None.
    Returns:
        float tensor `(B, T, D)`, zeros where masked.
    Raises:
        ValueError: `num_waves` < 1.
    Example:
        >>> RelativePosition()(np.zeros((2, 5, 8), "float32")).shape
        TensorShape([2, 5, 8])
    """

    def __init__(self, num_waves=16, **kwargs):
        super().__init__(**kwargs)
        if num_waves < 1:
            raise ValueError(f"RelativePosition: num_waves must be > 0. Received: num_waves={num_waves}. Do: 16.")
        self.num_waves = num_waves
        self.supports_masking = True

    def build(self, input_shape):
        self.mix = keras.layers.Dense(input_shape[-1], use_bias=False, name="mix", dtype=self.dtype_policy)
        self.mix.build((*input_shape[:-1], 2 * self.num_waves))

    def call(self, inputs, *, mask=None):
        mask = mask_or_full(mask, inputs, 2)
        real = ops.cast(mask, "float32")
        share = (ops.cumsum(real, axis=1) - 0.5) / ops.maximum(ops.sum(real, axis=1, keepdims=True), 1.0)
        angle = share[..., None] * (math.pi * ops.arange(1, self.num_waves + 1, dtype="float32"))
        waves = ops.concatenate([ops.sin(angle), ops.cos(angle)], axis=-1)
        return hide(inputs + self.mix(ops.cast(waves, self.compute_dtype)), mask)

    def compute_mask(self, inputs, mask=None):
        return mask

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "num_waves": self.num_waves}

    @classmethod
    def example(cls):
        """A tiny instance with input shape, dtype and mask shape, for the conformance sweep."""
        return cls(num_waves=3), ((5, 8), "float32", (5,))
