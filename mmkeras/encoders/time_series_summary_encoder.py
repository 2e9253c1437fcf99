"""A series in one token, by convolutions that are learned and by many that are not."""

import keras
from keras import ops

from mmkeras.component import component
from mmkeras.layers.built_dense import built_scale, scale_rows
from mmkeras.layers.masking import hide, mask_or_full
from mmkeras.layers.random_convolutions import RandomConvolutions
from mmkeras.layers.sequence_summary import SequenceSummary


@component
class TimeSeriesSummaryEncoder(keras.layers.Layer):
    """Sums up a series by `SequenceSummary`, and by a linear layer over standardised `RandomConvolutions`.

    Args:
        dim: int > 0. Width of the token. Defaults to `64`.
        filters: sequence of int > 0. Channels of the learned convolutions. Defaults to `(64, 96)`.
        num_kernels: int >= 0. Random kernels of each spread; 0 for none. Defaults to `64`.
        dropout: float in [0, 1). Share of features dropped in training; of the random ones, half. Defaults to `0.2`.
    Call arguments:
        inputs: float tensor `(B, T, C)`; gaps are flagged by channels of their own, as `TimeSeries` gives them.
        mask: bool tensor `(B, T)` or None.
    Returns:
        float tensor `(B, 1, D)`, zeros in an absent row; the mask becomes `(B, 1)`.
    Example:
        >>> TimeSeriesSummaryEncoder(dim=8)(np.ones((2, 20, 6), "float32")).shape
        TensorShape([2, 1, 8])
    References:
        See `mmkeras.layers.RandomConvolutions`. Differs: beside a CNN, and learned together with all other inputs.
    """

    modality = "TimeSeries"
    preferred = False
    summary = True

    def __init__(self, dim=64, filters=(64, 96), num_kernels=64, dropout=0.2, **kwargs):
        super().__init__(**kwargs)
        self.dim = dim
        self.filters = tuple(filters)
        self.num_kernels = num_kernels
        self.dropout = dropout
        self.supports_masking = True

    def build(self, input_shape):
        options = {"dtype": self.dtype_policy}
        self.summary_of = SequenceSummary(self.dim, self.filters, dropout=self.dropout, name="summary", **options)
        self.summary_of.build(input_shape)
        if self.num_kernels:
            self.random = RandomConvolutions(self.num_kernels, name="random", **options)
            self.random.build(input_shape)
            features = self.random.compute_output_shape(input_shape)
            self.scale = built_scale(self, "scale", features[-1])
            self.read = keras.layers.Dense(self.dim, use_bias=False, name="read", **options)
            self.read.build(features)
            self.drop = keras.layers.Dropout(0.5, **options)

    def call(self, inputs, *, mask=None, training=False):
        mask = mask_or_full(mask, inputs, 2)
        x = ops.cast(hide(inputs, mask), self.compute_dtype)
        token = self.summary_of(x, mask=mask, training=training)
        if self.num_kernels:
            present = ops.any(mask, axis=1)
            features = scale_rows(self.scale, self.random(x, mask=mask), present, training)
            token = token + self.read(self.drop(features, training=training))
        return hide(token[:, None], self.compute_mask(inputs, mask))

    def compute_mask(self, inputs, mask=None):
        return ops.any(mask_or_full(mask, inputs, 2), axis=1, keepdims=True)

    def compute_output_shape(self, input_shape):
        return (input_shape[0], 1, self.dim)

    def get_config(self):
        config = {"dim": self.dim, "filters": list(self.filters), "num_kernels": self.num_kernels}
        return {**super().get_config(), **config, "dropout": self.dropout}

    @classmethod
    def from_spec(cls, spec, dim, dropout, **options):
        """The encoder that suits what the pipeline says of the series."""
        return cls(dim=dim, **options)

    @classmethod
    def example(cls):
        """A tiny instance with input shape, dtype and mask shape, for the conformance sweep."""
        return cls(dim=8, filters=(8, 8), num_kernels=2), ((9, 6), "float32", (9,))
