"""Fused tokens → a number."""

import keras
import numpy as np

from mmkeras.component import component
from mmkeras.layers.masking import mask_or_full
from mmkeras.layers.token_pooling import TokenPooling


@component
class NumberDecoder(keras.layers.Layer):
    """Pools the tokens and gives one number, standardised as the pipeline's labels are.

    Args:
        pooling: `"mean"` or `"attention"`, see `TokenPooling`. Defaults to `"attention"`.
        dropout: float in [0, 1). Share of the pooled features dropped in training. Defaults to `0.0`, since dropping
            inputs of a regression shifts its output's spread.
    Call arguments:
        inputs: float tensor `(B, T, D)`.
        mask: bool tensor `(B, T)` or None.
    Returns:
        float32 tensor `(B, 1)`; where every token is absent, the bias: about the mean of the training labels.
    Example:
        >>> NumberDecoder()(np.ones((2, 5, 8), "float32")).shape
        TensorShape([2, 1])
    """

    modality = "Number"
    preferred = True
    pools = True  # it answers from one vector
    regresses = True  # its answers are numbers

    def __init__(self, pooling="attention", dropout=0.0, **kwargs):
        super().__init__(**kwargs)
        self.pooling = pooling
        self.dropout = dropout
        self.supports_masking = True

    def build(self, input_shape):
        self.pool = TokenPooling(self.pooling, name="pool", dtype=self.dtype_policy)
        self.pool.build(input_shape)
        self.drop = keras.layers.Dropout(self.dropout, dtype=self.dtype_policy)
        self.dense = keras.layers.Dense(1, name="dense", dtype="float32")
        self.dense.build((None, input_shape[-1]))

    def call(self, inputs, *, mask=None, training=False):
        pooled = self.pool(inputs, mask=mask_or_full(mask, inputs, 2))
        return self.dense(self.drop(pooled, training=training))

    def compute_mask(self, inputs, mask=None):
        return None

    def compute_output_shape(self, input_shape):
        return (input_shape[0], 1)

    def compute_output_spec(self, inputs, mask=None, training=False):
        return keras.KerasTensor(self.compute_output_shape(inputs.shape), "float32")

    def default_loss(self, label_smoothing=0.0):
        """Mean squared error; `label_smoothing` has no meaning here."""
        return keras.losses.MeanSquaredError()

    def default_metrics(self):
        """Mean absolute error, in standard deviations."""
        return [keras.metrics.MeanAbsoluteError(name="mae")]

    @staticmethod
    def score(labels, weights, predictions):
        """Mean absolute error, root of the mean squared error and R² of arrays `(N, 1)`, `(N,)`, `(N, 1)`."""
        labels, predictions = labels[weights > 0].astype("float64"), predictions[weights > 0].astype("float64")
        error = predictions - labels
        spread = ((labels - labels.mean()) ** 2).sum()
        has_spread = (labels != labels[:1]).any()  # the mean of equal numbers is not always equal to them
        return {
            "mae": float(np.abs(error).mean()),
            "rmse": float(np.sqrt((error**2).mean())),
            "r2": float(1 - (error**2).sum() / spread) if has_spread and spread > 0 else 0.0,
        }

    def get_config(self):
        return {**super().get_config(), "pooling": self.pooling, "dropout": self.dropout}

    @classmethod
    def from_spec(cls, spec, dropout, **options):
        """The decoder that suits what the pipeline says of the target."""
        return cls(**options)

    @classmethod
    def example(cls):
        """A tiny instance, its input shape and a label of its target, for the conformance sweep."""
        return cls(), (5, 8), [0.5]
