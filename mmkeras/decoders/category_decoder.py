"""Fused tokens → one class."""

import keras
import numpy as np

from mmkeras.component import component
from mmkeras.layers.masking import mask_or_full
from mmkeras.layers.token_pooling import TokenPooling
from mmkeras.losses.smoothed_crossentropy import SmoothedCrossentropy


@component
class CategoryDecoder(keras.layers.Layer):
    """Pools the tokens and gives the probability of each class.

    Args:
        num_classes: int > 1.
        pooling: `"mean"` or `"attention"`, see `TokenPooling`. Defaults to `"attention"`.
        dropout: float in [0, 1). Share of the pooled features dropped in training. Defaults to `0.1`.
    Call arguments:
        inputs: float tensor `(B, T, D)`.
        mask: bool tensor `(B, T)` or None.
    Returns:
        float32 tensor `(B, K)` that sums to 1; where every token is absent, what the biases say: the prior.
    Raises:
        ValueError: `num_classes` < 2.
    Example:
        >>> CategoryDecoder(num_classes=3)(np.ones((2, 5, 8), "float32")).shape
        TensorShape([2, 3])
    """

    modality = "Category"
    preferred = True
    pools = True  # it answers from one vector

    def __init__(self, num_classes, pooling="attention", dropout=0.1, **kwargs):
        super().__init__(**kwargs)
        if num_classes < 2:
            name = type(self).__name__
            raise ValueError(f"{name}: num_classes must be > 1. Received: num_classes={num_classes}.")
        self.num_classes = num_classes
        self.pooling = pooling
        self.dropout = dropout
        self.supports_masking = True

    def build(self, input_shape):
        self.pool = TokenPooling(self.pooling, name="pool", dtype=self.dtype_policy)
        self.pool.build(input_shape)
        self.drop = keras.layers.Dropout(self.dropout, dtype=self.dtype_policy)
        self.dense = keras.layers.Dense(self.num_classes, activation="softmax", name="dense", dtype="float32")
        self.dense.build((None, input_shape[-1]))

    def call(self, inputs, *, mask=None, training=False):
        pooled = self.pool(inputs, mask=mask_or_full(mask, inputs, 2))
        return self.dense(self.drop(pooled, training=training))

    def compute_mask(self, inputs, mask=None):
        return None

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.num_classes)

    def compute_output_spec(self, inputs, mask=None, training=False):
        return keras.KerasTensor(self.compute_output_shape(inputs.shape), "float32")

    def default_loss(self, label_smoothing=0.0):
        """Cross-entropy of class indices, with `label_smoothing` in [0, 1)."""
        return SmoothedCrossentropy(label_smoothing)

    def default_metrics(self):
        """Accuracy."""
        return [keras.metrics.SparseCategoricalAccuracy(name="accuracy")]

    @staticmethod
    def score(labels, weights, predictions):
        """Accuracy, balanced accuracy, macro F1 and log loss of arrays `(N,)`, `(N,)`, `(N, K)`."""
        labels, predictions = labels[weights > 0].astype(int), predictions[weights > 0]
        table = np.zeros((predictions.shape[1],) * 2)
        np.add.at(table, (labels, predictions.argmax(1)), 1)
        hits, told, real = np.diag(table), table.sum(0), table.sum(1)
        met = real > 0
        likely = np.clip(predictions[np.arange(len(labels)), labels], 1e-7, 1.0)
        return {
            "accuracy": float(hits.sum() / table.sum()),
            "balanced_accuracy": float((hits[met] / real[met]).mean()),
            "f1_macro": float((2 * hits[met] / (told + real)[met]).mean()),
            "log_loss": float(-np.log(likely).mean()),
        }

    def get_config(self):
        config = {"num_classes": self.num_classes, "pooling": self.pooling, "dropout": self.dropout}
        return {**super().get_config(), **config}

    @classmethod
    def from_spec(cls, spec, dropout, **options):
        """The decoder that suits what the pipeline says of the target."""
        return cls(num_classes=len(spec["classes"]), dropout=dropout, **options)

    @classmethod
    def example(cls):
        """A tiny instance, its input shape and a label of its target, for the conformance sweep."""
        return cls(num_classes=3, dropout=0.5), (5, 8), 2
