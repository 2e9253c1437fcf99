"""A dense layer of its own for each modality."""

import keras
from keras import ops

from mmkeras.component import component
from mmkeras.layers.masking import hide, mask_or_full


@component
class ModalityDense(keras.layers.Layer):
    """Applies to the vector of each modality a dense layer of its own.

    y_m = f(W_m x_m + b_m)

    Args:
        units: int > 0. Width K of what it gives.
        activation: str or None. Defaults to `None`: linear.
        bias_initializer: str. Defaults to `"zeros"`.
    Call arguments:
        inputs: float tensor `(B, M, D)`, a vector a modality.
        mask: bool tensor `(B, M)` or None; True = present.
    Returns:
        float tensor `(B, M, K)`; zeros where absent, the bias too.
    Example:
        >>> ModalityDense(6)(np.ones((3, 2, 8), "float32")).shape
        TensorShape([3, 2, 6])
    """

    def __init__(self, units, activation=None, bias_initializer="zeros", **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.activation = activation
        self.bias_initializer = bias_initializer
        self.supports_masking = True

    def build(self, input_shape):
        self.parts = []
        for place in range(input_shape[1]):
            part = keras.layers.Dense(
                self.units,
                activation=self.activation,
                bias_initializer=self.bias_initializer,
                name=f"dense_{place}",
                dtype=self.dtype_policy,
            )
            part.build((None, input_shape[-1]))
            self.parts.append(part)

    def call(self, inputs, *, mask=None):
        mask = mask_or_full(mask, inputs, 2)
        inputs = hide(inputs, mask)
        given = [part(inputs[:, place]) for place, part in enumerate(self.parts)]
        return hide(ops.stack(given, axis=1), mask)

    def compute_mask(self, inputs, mask=None):
        return mask

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.units)

    def get_config(self):
        config = {"units": self.units, "activation": self.activation, "bias_initializer": self.bias_initializer}
        return {**super().get_config(), **config}

    @classmethod
    def example(cls):
        """A tiny instance with input shape, dtype and mask shape, for the conformance sweep."""
        return cls(6, activation="gelu"), ((3, 8), "float32", (3,))
