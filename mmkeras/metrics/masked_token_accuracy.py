"""How many hidden tokens are right."""

import keras
from keras import ops

from mmkeras.component import component


@component
class MaskedTokenAccuracy(keras.metrics.Mean):
    """The share of hidden tokens whose likeliest id is right.

    Call arguments:
        y_true: any tensor with a first axis of B; not looked at.
        y_pred: float tensor `(B, L, K + 2)`: logits, the id, and 1 where it was hidden, else 0.
        sample_weight: float tensor `(B,)` or None.
    Example:
        >>> metric = MaskedTokenAccuracy()
        >>> metric.update_state(np.zeros(1), np.array([[[3.0, 0.0, 0.0, 1.0], [3.0, 0.0, 1.0, 1.0]]], "float32"))
        >>> float(metric.result())
        0.5
    """

    def __init__(self, name="token_accuracy", **kwargs):
        super().__init__(name=name, **kwargs)

    def update_state(self, y_true, y_pred, sample_weight=None):
        likeliest = ops.cast(ops.argmax(y_pred[..., :-2], axis=-1), "int32")
        right = ops.cast(likeliest == ops.cast(y_pred[..., -2], "int32"), "float32")
        hidden = ops.cast(y_pred[..., -1], "float32")
        weight = hidden if sample_weight is None else hidden * ops.cast(sample_weight, "float32")[:, None]
        super().update_state(right, weight)
