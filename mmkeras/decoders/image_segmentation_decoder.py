"""Fused tokens → the class of every pixel."""

import keras
import numpy as np
from keras import ops

from mmkeras.component import PACKAGE, component
from mmkeras.layers.masking import mask_or_full
from mmkeras.layers.picture_grid import PictureGrid, filters_for
from mmkeras.losses.pixel_crossentropy import PixelCrossentropy


@component
class ImageSegmentationDecoder(keras.layers.Layer):
    """Gives the probability of each class at each pixel, by queries and convolutions.

    Args:
        shape: (H, W) of the mask, any H and W.
        num_classes: int > 1.
        filters: sequence of int > 0, multiples of 8. See `PictureGrid`. Defaults to `(128, 64, 32)`.
        num_heads: int > 0, a divisor of D. Defaults to `4`.
        dropout: float in [0, 1). See `AttentionBlock`. Defaults to `0.1`.
    Call arguments:
        inputs: float tensor `(B, T, D)`.
        mask: bool tensor `(B, T)` or None.
    Returns:
        float32 tensor `(B, H, W, K)` that sums to 1; where every token is absent, how often each class is at a place.
    Raises:
        ValueError: `num_classes` < 2.
    Example:
        >>> ImageSegmentationDecoder(shape=(12, 10), num_classes=4)(np.ones((2, 5, 8), "float32")).shape
        TensorShape([2, 12, 10, 4])
    """

    modality = "Image"
    preferred = False

    def __init__(self, shape, num_classes, filters=(128, 64, 32), num_heads=4, dropout=0.1, **kwargs):
        super().__init__(**kwargs)
        if num_classes < 2:
            raise ValueError(f"ImageSegmentationDecoder: num_classes must be > 1. Received: num_classes={num_classes}.")
        self.shape = tuple(shape)
        self.num_classes = num_classes
        self.filters = tuple(filters)
        self.num_heads = num_heads
        self.dropout = dropout
        self.supports_masking = True

    def build(self, input_shape):
        self.grid = PictureGrid(
            *self.shape, self.filters, self.num_heads, self.dropout, name="grid", dtype=self.dtype_policy
        )
        self.grid.build(input_shape)
        self.classes = keras.layers.Conv2D(
            self.num_classes, 3, padding="same", activation="softmax", name="classes", dtype="float32"
        )
        self.classes.build(self.grid.compute_output_shape(input_shape))

    def call(self, inputs, *, mask=None, training=False):
        return self.classes(self.grid(inputs, mask=mask_or_full(mask, inputs, 2), training=training))

    def compute_mask(self, inputs, mask=None):
        return None

    def compute_output_shape(self, input_shape):
        return (input_shape[0], *self.shape, self.num_classes)

    def compute_output_spec(self, inputs, mask=None, training=False):
        return keras.KerasTensor(self.compute_output_shape(inputs.shape), "float32")

    def default_loss(self, label_smoothing=0.0):
        """Cross-entropy of every pixel, with `label_smoothing` in [0, 1)."""
        return PixelCrossentropy(label_smoothing)

    def default_metrics(self):
        """Share of pixels whose likeliest class is right."""
        return [keras.metrics.MeanMetricWrapper(pixel_accuracy, name="pixel_accuracy")]

    @staticmethod
    def score(labels, weights, predictions):
        """Pixel accuracy and mean intersection over union of arrays `(N, H, W)`, `(N,)`, `(N, H, W, K)`."""
        labels, predictions = labels[weights > 0].astype(int), predictions[weights > 0]
        count = predictions.shape[-1]
        pairs = np.bincount((labels * count + predictions.argmax(-1)).ravel(), minlength=count**2)
        table = pairs.reshape(count, count)
        hits, either = np.diag(table), table.sum(0) + table.sum(1) - np.diag(table)
        met = either > 0
        return {
            "pixel_accuracy": float(hits.sum() / table.sum()),
            "mean_iou": float((hits[met] / either[met]).mean()),
        }

    def get_config(self):
        config = {
            "shape": list(self.shape),
            "num_classes": self.num_classes,
            "filters": list(self.filters),
            "num_heads": self.num_heads,
            "dropout": self.dropout,
        }
        return {**super().get_config(), **config}

    @classmethod
    def from_spec(cls, spec, dropout, **options):
        """The decoder that suits what the pipeline says of the target: queries for about 8 × 8 places."""
        options.setdefault("filters", filters_for(spec.shape))
        return cls(shape=spec.shape[:2], num_classes=spec["num_classes"], dropout=dropout, **options)

    @classmethod
    def example(cls):
        """A tiny instance, its input shape and a label of its target, for the conformance sweep."""
        return cls((3, 5), num_classes=3, filters=(8,), num_heads=2, dropout=0.5), (5, 8), [[0, 1, 2, 1, 0]] * 3


@keras.saving.register_keras_serializable(PACKAGE)
def pixel_accuracy(y_true, y_pred):
    """Share of each picture's pixels whose likeliest class is right, `(B,)`."""
    right = ops.cast(y_true, "int32") == ops.cast(ops.argmax(y_pred, axis=-1), "int32")
    return ops.mean(ops.cast(right, "float32"), axis=(1, 2))
