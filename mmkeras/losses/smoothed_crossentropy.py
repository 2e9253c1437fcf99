"""Cross-entropy of class indices with label smoothing."""

import keras
from keras import ops

from mmkeras.component import component


@component
class SmoothedCrossentropy(keras.losses.Loss):
    """Cross-entropy between class indices and probabilities, labels smoothed.

    Keras smooths one-hot labels only; this takes indices.

    Args:
        label_smoothing: float in [0, 1). Share of the label spread evenly over all classes. Defaults to `0.0`.
    Call arguments:
        y_true: int tensor `(B,)`.
        y_pred: float tensor `(B, K)` that sums to 1.
    Raises:
        ValueError: `label_smoothing` outside [0, 1).
    Example:
        >>> float(SmoothedCrossentropy()(np.array([1]), np.array([[0.5, 0.5]], "float32")))
        0.6931...
    References:
        [Szegedy et al., 2016](https://arxiv.org/abs/1512.00567), §7.
    """

    def __init__(self, label_smoothing=0.0, name="smoothed_crossentropy", **kwargs):
        super().__init__(name=name, **kwargs)
        if not 0 <= label_smoothing < 1:
            raise ValueError(
                f"SmoothedCrossentropy: label_smoothing must be in [0, 1). Received: label_smoothing={label_smoothing}."
            )
        self.label_smoothing = label_smoothing

    def call(self, y_true, y_pred):
        labels = ops.cast(ops.reshape(y_true, (-1,)), "int32")
        if not self.label_smoothing:
            return keras.losses.sparse_categorical_crossentropy(labels, y_pred)
        hot = ops.one_hot(labels, y_pred.shape[-1], dtype=y_pred.dtype)
        return keras.losses.categorical_crossentropy(hot, y_pred, label_smoothing=self.label_smoothing)

    def get_config(self):
        return {**super().get_config(), "label_smoothing": self.label_smoothing}

    @classmethod
    def example(cls):
        """A tiny instance, labels and predictions, for the conformance sweep."""
        return cls(0.1), [2, 0], [[0.2, 0.3, 0.5], [0.0, 1.0, 0.0]]
