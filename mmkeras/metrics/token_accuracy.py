"""How many tokens are right, told those before them."""

import keras
from keras import ops

from mmkeras.component import component


@component
class TokenAccuracy(keras.metrics.Mean):
    """The share of tokens whose likeliest id is right, where the tokens before them are given; padding left out.

    Call arguments:
        y_true: int tensor `(B, L)`; ids 0 (padding) and 1 (unknown) do not count.
        y_pred: float tensor `(B, L, K)`, logits.
        sample_weight: float tensor `(B,)` or None.
    Example:
        >>> metric = TokenAccuracy()
        >>> metric.update_state(np.array([[2, 3, 0]]), np.eye(4, dtype="float32")[[[2, 2, 2]]])
        >>> float(metric.result())
        0.5
    """

    def __init__(self, name="token_accuracy", **kwargs):
        super().__init__(name=name, **kwargs)

    def update_state(self, y_true, y_pred, sample_weight=None):
        labels = ops.cast(y_true, "int32")
        right = ops.cast(ops.cast(ops.argmax(y_pred, axis=-1), "int32") == labels, "float32")
        super().update_state(right, token_weights(labels, sample_weight))


def token_weights(labels, sample_weight):
    """Rows' weights on their real tokens: `(B, L)`."""
    counted = ops.cast(labels > 1, "float32")
    return counted if sample_weight is None else counted * ops.cast(sample_weight, "float32")[:, None]
