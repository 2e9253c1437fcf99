"""Numbers with gaps."""

import keras
from keras import ops

from mmkeras.component import component
from mmkeras.layers.masking import hide, mask_or_full
from mmkeras.layers.number_bins import fill_bins


@component
class NumberEncoder(keras.layers.Layer):
    """Makes one token of each number, by a curve of its own.

    The range [-1, 1] is cut into bins; each bin is filled from 0 to 1 as the number passes through it, and a token is
    a learned mix of its fillings, of the number itself and of a learned start.

    Args:
        dim: int > 0. Width of a token. Defaults to `64`.
        num_bins: int > 0. Defaults to `8`.
        dropout: float in [0, 1). Share of the token's features dropped in training. Defaults to `0.0`.
    Call arguments:
        inputs: float tensor `(B, N)`, scaled to about [-1, 1].
        mask: bool tensor `(B, N)` or None; False = a gap.
    Returns:
        float tensor `(B, N, D)`, zeros at gaps.
    Raises:
        ValueError: `num_bins` < 1.
    Example:
        >>> NumberEncoder(dim=8)(np.zeros((2, 3), "float32")).shape
        TensorShape([2, 3, 8])
    References:
        [Gorishniy et al., 2022](https://arxiv.org/abs/2203.05556), piecewise linear encoding. Differs: the bins are
        even, since the pipeline has made the numbers uniform; gaps are masked.
    """

    modality = "Number"
    preferred = True

    def __init__(self, dim=64, num_bins=8, dropout=0.0, **kwargs):
        super().__init__(**kwargs)
        if num_bins < 1:
            raise ValueError(f"NumberEncoder: num_bins must be > 0. Received: num_bins={num_bins}. Do: num_bins=8.")
        self.dim = dim
        self.num_bins = num_bins
        self.dropout = dropout
        self.supports_masking = True

    def build(self, input_shape):
        count = input_shape[-1]
        scale = keras.initializers.RandomNormal(stddev=(self.num_bins + 1) ** -0.5)
        self.curves = self.add_weight(name="curves", shape=(count, self.num_bins + 1, self.dim), initializer=scale)
        self.starts = self.add_weight(name="starts", shape=(count, self.dim), initializer="random_normal")
        self.drop = keras.layers.Dropout(self.dropout, dtype=self.dtype_policy)

    def call(self, inputs, *, mask=None, training=False):
        mask = mask_or_full(mask, inputs, 2)
        filled = fill_bins(ops.cast(hide(inputs, mask), self.compute_dtype), self.num_bins)
        curves, starts = ops.cast(self.curves, filled.dtype), ops.cast(self.starts, filled.dtype)
        tokens = ops.einsum("bnk,nkd->bnd", filled, curves) + starts
        return hide(self.drop(tokens, training=training), mask)

    def compute_mask(self, inputs, mask=None):
        return mask_or_full(mask, inputs, 2)

    def compute_output_shape(self, input_shape):
        return (*input_shape, self.dim)

    def get_config(self):
        return {**super().get_config(), "dim": self.dim, "num_bins": self.num_bins, "dropout": self.dropout}

    @classmethod
    def from_spec(cls, spec, dim, dropout, **options):
        """The encoder that suits what the pipeline says of the numbers."""
        return cls(dim=dim, dropout=dropout, **options)

    @classmethod
    def example(cls):
        """A tiny instance with input shape, dtype and mask shape, for the conformance sweep."""
        return cls(dim=8, num_bins=3, dropout=0.5), ((4,), "float32", (4,))
