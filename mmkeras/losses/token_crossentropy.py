"""Cross-entropy of token ids, padding left out."""

import keras
from keras import ops

from mmkeras.component import component

UNKNOWN = 1


@component
class TokenCrossentropy(keras.losses.Loss):
    """Cross-entropy between token ids and logits, over the real tokens of a batch.

    Ids 0 (padding) and 1 (unknown, which nobody wants to read) do not count. A row's loss is the sum over its tokens by
    the mean number of tokens a row, so that the batch's is the mean over tokens, and row weights weigh rows.

    Args:
        label_smoothing: float in [0, 1). Share of the label spread evenly over all ids but 0 and 1. Defaults to `0.0`.
    Call arguments:
        y_true: int tensor `(B, L)`.
        y_pred: float tensor `(B, L, K)`, logits.
    Raises:
        ValueError: `label_smoothing` outside [0, 1).
    Example:
        >>> float(TokenCrossentropy()(np.array([[2, 0]]), np.zeros((1, 2, 4), "float32")))
        1.3862...
    References:
        [Szegedy et al., 2016](https://arxiv.org/abs/1512.00567), §7.
    """

    def __init__(self, label_smoothing=0.0, name="token_crossentropy", **kwargs):
        super().__init__(name=name, **kwargs)
        if not 0 <= label_smoothing < 1:
            raise ValueError(
                f"TokenCrossentropy: label_smoothing must be in [0, 1). Received: label_smoothing={label_smoothing}."
            )
        self.label_smoothing = label_smoothing

    def call(self, y_true, y_pred):
        labels = ops.cast(y_true, "int32")
        counted = ops.cast(labels > UNKNOWN, y_pred.dtype)
        chances = ops.log_softmax(y_pred)
        right = ops.take_along_axis(chances, labels[..., None], axis=-1)[..., 0]
        if self.label_smoothing:
            every = ops.mean(chances[..., UNKNOWN + 1 :], axis=-1)
            right = (1.0 - self.label_smoothing) * right + self.label_smoothing * every
        mean_count = ops.maximum(ops.mean(ops.sum(counted, axis=1)), 1e-6)
        return -ops.sum(ops.where(counted > 0, right, 0.0), axis=1) / mean_count

    def get_config(self):
        return {**super().get_config(), "label_smoothing": self.label_smoothing}

    @classmethod
    def example(cls):
        """A tiny instance, labels and predictions, for the conformance sweep."""
        return cls(0.1), [[2, 3], [1, 0]], [[[0.0, 0.0, 0.5, 1.0]] * 2] * 2
