"""Where a token stands."""

import keras
from keras import ops

from mmkeras.component import component
from mmkeras.layers.masking import hide


@component
class PositionEncoding(keras.layers.Layer):
    """Adds sines and cosines of a token's place, scaled by one learned number.

    Args:
        max_wavelength: float > 0, in tokens. Defaults to `10000.0`.
    Call arguments:
        inputs: float tensor `(B, T, D)`.
        mask: bool tensor `(B, T)` or None.
    Returns:
        float tensor `(B, T, D)`, zeros where masked.
    Example:
        >>> PositionEncoding()(np.zeros((2, 5, 8), "float32")).shape
        TensorShape([2, 5, 8])
    References:
        [Vaswani et al., 2017](https://arxiv.org/abs/1706.03762), §3.5. Differs: the learned scale, from 1.
    """

    def __init__(self, max_wavelength=10000.0, **kwargs):
        super().__init__(**kwargs)
        self.max_wavelength = max_wavelength
        self.supports_masking = True

    def build(self, input_shape):
        self.scale = self.add_weight(name="scale", shape=(), initializer="ones")

    def call(self, inputs, *, mask=None):
        tokens = self.at(inputs, ops.cast(ops.arange(ops.shape(inputs)[1]), "float32"))
        return tokens if mask is None else hide(tokens, mask)

    def at(self, inputs, place):
        """Tokens `(B, T, D)` that stand at places `(T,)`, float."""
        dim = inputs.shape[-1]
        pair = ops.cast(ops.arange(dim) // 2, "float32")
        angle = place[:, None] * ops.power(self.max_wavelength, -2.0 * pair / dim)[None]
        even = ops.cast(ops.arange(dim) % 2 == 0, "float32")
        wave = ops.sin(angle) * even + ops.cos(angle) * (1.0 - even)
        return inputs + ops.cast(wave, inputs.dtype)[None] * ops.cast(self.scale, inputs.dtype)

    def compute_mask(self, inputs, mask=None):
        return mask

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "max_wavelength": self.max_wavelength}

    @classmethod
    def example(cls):
        """A tiny instance with input shape, dtype and mask shape, for the conformance sweep."""
        return cls(), ((5, 8), "float32", (5,))
