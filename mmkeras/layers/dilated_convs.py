"""Convolutions along time that see further and further, each added to what was there."""

import keras
from keras import ops

from mmkeras.component import component
from mmkeras.layers.masking import hide, mask_or_full


@component
class DilatedConvs(keras.layers.Layer):
    """Residual convolutions with dilations 1, 2, 4, 1, …, scaled and shifted by a vector where one is given.

    x + gelu(conv(LN(x) ⊙ (1 + s) + b)), with s and b linear in the vector.

    Args:
        num_layers: int ≥ 0. Defaults to `6`.
        kernel_size: int > 0, odd, in steps. Defaults to `5`.
        dropout: float in [0, 1). Share of what a convolution adds that is dropped in training. Defaults to `0.0`.
    Call arguments:
        inputs: float tensor `(B, T, D)`.
        condition: float tensor `(B, E)` or None. What the layers are told. Defaults to `None`.
        mask: bool tensor `(B, T)` or None.
        inputs_mask: the same; the name under which Keras hands over a mask by itself where there is a condition.
    Returns:
        float tensor `(B, T, D)`, zeros where masked.
    Raises:
        ValueError: an even kernel.
    Example:
        >>> DilatedConvs(num_layers=2)(np.ones((2, 7, 4), "float32")).shape
        TensorShape([2, 7, 4])
    References:
        [van den Oord et al., 2016](https://arxiv.org/abs/1609.03499), looking both ways and without gates;
        [Perez et al., 2018](https://arxiv.org/abs/1709.07871) for the vector.
    """

    def __init__(self, num_layers=6, kernel_size=5, dropout=0.0, **kwargs):
        super().__init__(**kwargs)
        if kernel_size % 2 == 0:
            raise ValueError(
                f"DilatedConvs: kernel_size must be odd. Received: kernel_size={kernel_size}. "
                f"Do: kernel_size={kernel_size + 1}."
            )
        self.num_layers = num_layers
        self.kernel_size = kernel_size
        self.dropout = dropout
        self.supports_masking = True

    def build(self, inputs_shape, condition_shape=None):
        dim, options = inputs_shape[-1], {"dtype": self.dtype_policy}
        self.convs, self.norms, self.films = [], [], []
        for number in range(self.num_layers):
            dilation = 2 ** (number % 3)
            conv = keras.layers.Conv1D(
                dim, self.kernel_size, padding="same", dilation_rate=dilation, name=f"conv_{number}", **options
            )
            norm = keras.layers.LayerNormalization(epsilon=1e-5, name=f"norm_{number}", **options)
            conv.build((None, None, dim))
            norm.build((None, None, dim))
            self.convs.append(conv)
            self.norms.append(norm)
            if condition_shape is not None:
                film = keras.layers.Dense(2 * dim, name=f"film_{number}", **options)
                film.build(condition_shape)
                self.films.append(film)
        self.drop = keras.layers.Dropout(self.dropout, **options)

    def call(self, inputs, condition=None, *, mask=None, inputs_mask=None, training=False):
        mask = mask_or_full(inputs_mask if mask is None else mask, inputs, 2)
        steps = hide(inputs, mask)
        for number, (conv, norm) in enumerate(zip(self.convs, self.norms, strict=True)):
            seen = norm(steps)
            if condition is not None:
                scale, shift = ops.split(self.films[number](condition)[:, None], 2, axis=-1)
                seen = seen * (1.0 + scale) + shift
            steps = steps + self.drop(ops.gelu(conv(hide(seen, mask))), training=training)
        return hide(steps, mask)

    def compute_mask(self, inputs, mask=None):
        return mask

    def compute_output_shape(self, inputs_shape, condition_shape=None):
        return inputs_shape

    def get_config(self):
        config = {"num_layers": self.num_layers, "kernel_size": self.kernel_size, "dropout": self.dropout}
        return {**super().get_config(), **config}

    @classmethod
    def example(cls):
        """A tiny instance with input shape, dtype and mask shape, for the conformance sweep."""
        return cls(num_layers=2, kernel_size=3, dropout=0.5), ((5, 8), "float32", (5,))
