"""A small classifier for each modality, to see how far each has come."""

import keras
from keras import ops

from mmkeras.component import component
from mmkeras.layers.masking import mask_or_full, masked_mean


@component
class UnimodalHeads(keras.layers.Layer):
    """Pools each modality's tokens and tells the classes from them alone, in float32.

    Args:
        num_classes: int > 1. K.
    Call arguments:
        inputs: dict name → float tensor `(B, T_m, D_m)`.
        mask: dict name → bool tensor `(B, T_m)` or None.
    Returns:
        dict name → float32 logits `(B, K)`.
    Raises:
        ValueError: `num_classes` < 2.
    Example:
        >>> logits = UnimodalHeads(3)({"title": np.ones((2, 4, 8), "float32")})
        >>> logits["title"].shape
        TensorShape([2, 3])
    """

    def __init__(self, num_classes, **kwargs):
        super().__init__(**{"dtype": "float32", **kwargs})
        if num_classes < 2:
            raise ValueError(f"UnimodalHeads: num_classes must be > 1. Received: num_classes={num_classes}. Do: 2.")
        self.num_classes = num_classes
        self.supports_masking = True

    def build(self, input_shape):
        self.heads = {}
        for name, shape in sorted(input_shape.items()):
            self.heads[name] = keras.layers.Dense(self.num_classes, name=f"{name}_head", dtype="float32")
            self.heads[name].build((shape[0], shape[-1]))

    def call(self, inputs, *, mask=None):
        return {
            name: head(masked_mean(inputs[name], mask_or_full(mask and mask[name], inputs[name], 2)))
            for name, head in self.heads.items()
        }

    def compute_mask(self, inputs, mask=None):
        return None

    def compute_output_shape(self, input_shape):
        return {name: (shape[0], self.num_classes) for name, shape in input_shape.items()}

    def get_config(self):
        return {**super().get_config(), "num_classes": self.num_classes}


def present_rows(inputs, mask):
    """Dict name → float32 `(B,)`: 1 where the row has the modality."""
    masks = {name: mask_or_full(mask and mask[name], inputs[name], 2) for name in inputs}
    return {name: ops.cast(ops.any(each, axis=1), "float32") for name, each in masks.items()}


def weighted_mean(values, weights):
    """The mean of `(B,)` with weights `(B,)`; 0 where all are 0."""
    return ops.sum(values * weights) / ops.maximum(ops.sum(weights), 1e-9)


def crossentropy(logits, labels):
    """Of each row, `(B,)`, from logits and class indices."""
    return keras.losses.sparse_categorical_crossentropy(labels, logits, from_logits=True)


def labels_and_weights(labels, weights):
    """Class indices `(B,)` as int32, and float32 weights, ones where None."""
    labels = ops.cast(ops.reshape(labels, (-1,)), "int32")
    weights = ops.ones_like(labels, "float32") if weights is None else ops.cast(ops.reshape(weights, (-1,)), "float32")
    return labels, weights
