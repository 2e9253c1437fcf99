"""How many tokens a model hesitates between."""

import keras
from keras import ops

from mmkeras.component import component
from mmkeras.metrics.token_accuracy import token_weights


@component
class Perplexity(keras.metrics.Mean):
    """e to the mean cross-entropy of tokens, where the tokens before them are given; padding left out.

    Call arguments:
        y_true: int tensor `(B, L)`; ids 0 (padding) and 1 (unknown) do not count.
        y_pred: float tensor `(B, L, K)`, logits.
        sample_weight: float tensor `(B,)` or None.
    Example:
        >>> metric = Perplexity()
        >>> metric.update_state(np.array([[2, 3, 0]]), np.zeros((1, 3, 4), "float32"))
        >>> round(float(metric.result()), 4)
        4.0
    References:
        [Jelinek et al., 1977](https://doi.org/10.1121/1.2016299).
    """

    def __init__(self, name="perplexity", **kwargs):
        super().__init__(name=name, **kwargs)

    def update_state(self, y_true, y_pred, sample_weight=None):
        labels = ops.cast(y_true, "int32")
        chances = ops.log_softmax(ops.cast(y_pred, "float32"))
        right = ops.take_along_axis(chances, labels[..., None], axis=-1)[..., 0]
        super().update_state(-right, token_weights(labels, sample_weight))

    def result(self):
        return ops.exp(super().result())
