"""Fused tokens → any number of labels."""

import keras
import numpy as np

from mmkeras.component import component
from mmkeras.layers.masking import mask_or_full
from mmkeras.layers.token_pooling import TokenPooling


@component
class TagsDecoder(keras.layers.Layer):
    """Pools the tokens and gives the probability of each tag on its own.

    Args:
        num_tags: int > 0.
        pooling: `"mean"` or `"attention"`, see `TokenPooling`. Defaults to `"attention"`.
        dropout: float in [0, 1). Share of the pooled features dropped in training. Defaults to `0.1`.
    Call arguments:
        inputs: float tensor `(B, T, D)`.
        mask: bool tensor `(B, T)` or None.
    Returns:
        float32 tensor `(B, K)` in [0, 1]; where every token is absent, what the biases say: the prior.
    Raises:
        ValueError: `num_tags` < 1.
    Example:
        >>> TagsDecoder(num_tags=4)(np.ones((2, 5, 8), "float32")).shape
        TensorShape([2, 4])
    """

    modality = "Tags"
    preferred = True
    pools = True  # it answers from one vector

    def __init__(self, num_tags, pooling="attention", dropout=0.1, **kwargs):
        super().__init__(**kwargs)
        if num_tags < 1:
            raise ValueError(f"TagsDecoder: num_tags must be > 0. Received: num_tags={num_tags}.")
        self.num_tags = num_tags
        self.pooling = pooling
        self.dropout = dropout
        self.supports_masking = True

    def build(self, input_shape):
        self.pool = TokenPooling(self.pooling, name="pool", dtype=self.dtype_policy)
        self.pool.build(input_shape)
        self.drop = keras.layers.Dropout(self.dropout, dtype=self.dtype_policy)
        rare = keras.initializers.Constant(-3.0)
        self.dense = keras.layers.Dense(
            self.num_tags, activation="sigmoid", bias_initializer=rare, name="dense", dtype="float32"
        )
        self.dense.build((None, input_shape[-1]))

    def call(self, inputs, *, mask=None, training=False):
        pooled = self.pool(inputs, mask=mask_or_full(mask, inputs, 2))
        return self.dense(self.drop(pooled, training=training))

    def compute_mask(self, inputs, mask=None):
        return None

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.num_tags)

    def compute_output_spec(self, inputs, mask=None, training=False):
        return keras.KerasTensor(self.compute_output_shape(inputs.shape), "float32")

    def default_loss(self, label_smoothing=0.0):
        """Binary cross-entropy, averaged over tags, with `label_smoothing` in [0, 1)."""
        return keras.losses.BinaryCrossentropy(label_smoothing=label_smoothing)

    def default_metrics(self):
        """Area under the precision-recall curve, over all tags."""
        return [keras.metrics.AUC(curve="PR", multi_label=False, name="pr_auc")]

    @staticmethod
    def score(labels, weights, predictions):
        """Micro F1 at 0.5 and average precision over all tags, of arrays `(N, K)`, `(N,)`, `(N, K)`."""
        labels, predictions = labels[weights > 0] > 0.5, predictions[weights > 0]
        told = predictions >= 0.5
        order = np.argsort(-predictions, axis=None, kind="stable")
        hits = labels.ravel()[order]
        precision = np.cumsum(hits) / np.arange(1, hits.size + 1)
        total = (told.sum() + labels.sum()) or 1
        return {
            "f1_micro": float(2 * (told & labels).sum() / total),
            "average_precision": float((precision * hits).sum() / (hits.sum() or 1)),
        }

    def get_config(self):
        config = {"num_tags": self.num_tags, "pooling": self.pooling, "dropout": self.dropout}
        return {**super().get_config(), **config}

    @classmethod
    def from_spec(cls, spec, dropout, **options):
        """The decoder that suits what the pipeline says of the target."""
        return cls(num_tags=len(spec["classes"]), dropout=dropout, **options)

    @classmethod
    def example(cls):
        """A tiny instance, its input shape and a label of its target, for the conformance sweep."""
        return cls(num_tags=4, dropout=0.5), (5, 8), [0.0, 1.0, 0.0, 1.0]
