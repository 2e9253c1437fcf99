"""Cross-entropy of the tokens that were hidden."""

import keras
from keras import ops

from mmkeras.component import component


@component
class MaskedCrossentropy(keras.losses.Loss):
    """Mean cross-entropy of a row's hidden tokens; the prediction carries what they are, and which were hidden.

    The label is what the pipeline gives, a picture or a text, and is not looked at: the decoder turned it into ids.

    Args:
        label_smoothing: float in [0, 1). Share of the label spread evenly over all ids. Defaults to `0.0`.
    Call arguments:
        y_true: any tensor with a first axis of B.
        y_pred: float tensor `(B, L, K + 2)`: logits, the id, and 1 where it was hidden, else 0.
    Raises:
        ValueError: `label_smoothing` outside [0, 1).
    Example:
        >>> float(MaskedCrossentropy()(np.zeros(1), np.array([[[0.0, 0.0, 1.0, 1.0]]], "float32")))
        0.6931...
    References:
        [Chang et al., 2022](https://arxiv.org/abs/2202.04200), eq. 1. Differs: each row counts the same, whatever
        share of it is hidden.
    """

    def __init__(self, label_smoothing=0.0, name="masked_crossentropy", **kwargs):
        super().__init__(name=name, **kwargs)
        if not 0 <= label_smoothing < 1:
            raise ValueError(
                f"MaskedCrossentropy: label_smoothing must be in [0, 1). Received: label_smoothing={label_smoothing}."
            )
        self.label_smoothing = label_smoothing

    def call(self, y_true, y_pred):
        chances, right, hidden = told(y_pred)
        if self.label_smoothing:
            # Ids that are never said have a probability of 0.
            every = ops.mean(ops.maximum(chances, -30.0), axis=-1)
            right = (1.0 - self.label_smoothing) * right + self.label_smoothing * every
        count = ops.maximum(ops.sum(hidden, axis=1), 1.0)
        return -ops.sum(ops.where(hidden > 0, right, 0.0), axis=1) / count

    def get_config(self):
        return {**super().get_config(), "label_smoothing": self.label_smoothing}

    @classmethod
    def example(cls):
        """A tiny instance, labels and predictions, for the conformance sweep."""
        return cls(0.1), [[2, 3], [1, 0]], [[[0.0, 0.5, 1.0, 1.0], [0.0, 0.5, 0.0, 0.0]]] * 2


def told(y_pred):
    """Log-probabilities `(B, L, K)`, those of the true ids `(B, L)`, and 1.0 where they were hidden `(B, L)`."""
    chances = ops.log_softmax(ops.cast(y_pred[..., :-2], "float32"))
    ids = ops.cast(y_pred[..., -2:-1], "int32")
    return chances, ops.take_along_axis(chances, ids, axis=-1)[..., 0], ops.cast(y_pred[..., -1], "float32")
