"""Cross-entropy of the class of every pixel."""

import keras
from keras import ops

from mmkeras.component import component


@component
class PixelCrossentropy(keras.losses.Loss):
    """Cross-entropy between class indices and probabilities, averaged over the pixels of a picture; one number each.

    Args:
        label_smoothing: float in [0, 1). Share of the label spread evenly over all classes. Defaults to `0.0`.
    Call arguments:
        y_true: int tensor `(B, H, W)`.
        y_pred: float tensor `(B, H, W, K)` that sums to 1.
    Raises:
        ValueError: `label_smoothing` outside [0, 1).
    Example:
        >>> float(PixelCrossentropy()(np.ones((1, 2, 2)), np.full((1, 2, 2, 2), 0.5, "float32")))
        0.6931...
    References:
        [Long et al., 2015](https://arxiv.org/abs/1411.4038).
    """

    def __init__(self, label_smoothing=0.0, name="pixel_crossentropy", **kwargs):
        super().__init__(name=name, **kwargs)
        if not 0 <= label_smoothing < 1:
            raise ValueError(
                f"PixelCrossentropy: label_smoothing must be in [0, 1). Received: label_smoothing={label_smoothing}."
            )
        self.label_smoothing = label_smoothing

    def call(self, y_true, y_pred):
        chances = ops.clip(y_pred, 1e-7, 1.0)
        likely = ops.take_along_axis(chances, ops.cast(y_true, "int32")[..., None], axis=-1)[..., 0]
        loss = -ops.log(likely)
        if self.label_smoothing:
            evenly = -ops.mean(ops.log(chances), axis=-1)
            loss = (1.0 - self.label_smoothing) * loss + self.label_smoothing * evenly
        return ops.mean(loss, axis=(1, 2))

    def get_config(self):
        return {**super().get_config(), "label_smoothing": self.label_smoothing}

    @classmethod
    def example(cls):
        """A tiny instance, labels and predictions, for the conformance sweep."""
        return cls(0.1), [[[1, 0]], [[0, 0]]], [[[[0.2, 0.8], [1.0, 0.0]]], [[[0.5, 0.5], [0.0, 1.0]]]]
