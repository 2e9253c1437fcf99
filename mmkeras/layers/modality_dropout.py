"""Hides whole modalities in training, so that a model learns to do without."""

import keras
from keras import ops

from mmkeras.component import component
from mmkeras.layers.masking import hide


@component
class ModalityDropout(keras.layers.Layer):
    """Makes modalities absent at random, row by row, never all that a row has.

    It works on masks: what an encoder finds masked is gone for all that follows.

    Args:
        rate: float in [0, 1). Chance that a present modality is hidden in training. Defaults to `0.2`.
        seed: int or None. Defaults to `None`: keras' global seed.
    Call arguments:
        inputs: dict name → bool tensor `(B,)` or `(B, T)`, the modalities' masks.
    Returns:
        dict of the same masks; outside training the very same values.
    Raises:
        ValueError: a rate outside [0, 1).
    Example:
        >>> shown = ModalityDropout(0.5)({"a": np.ones((4,), bool), "b": np.ones((4, 3), bool)}, training=True)
        >>> shown["b"].shape
        TensorShape([4, 3])
    References:
        [Neverova et al., 2015](https://arxiv.org/abs/1501.00102). Differs: drawn for every row, and at least one
        modality stays.
    """

    passes_through = True  # outside training it gives its dict back

    def __init__(self, rate=0.2, seed=None, **kwargs):
        super().__init__(**kwargs)
        if not 0 <= rate < 1:
            raise ValueError(f"ModalityDropout: rate must be in [0, 1). Received: rate={rate}. Do: rate=0.2.")
        self.rate = rate
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(self, inputs, training=False):
        if not training or not self.rate:
            return {name: ops.cast(mask, "bool") for name, mask in inputs.items()}
        names = sorted(inputs)
        masks = [ops.cast(inputs[name], "bool") for name in names]
        present = ops.stack([_in_row(mask) for mask in masks], axis=1)
        draw = keras.random.uniform(ops.shape(present), seed=self.seed_generator)
        draw = ops.where(present, draw, -1.0)
        best = ops.equal(draw, ops.max(draw, axis=1, keepdims=True))
        kept = present & ((draw >= self.rate) | best)
        return {name: hide(mask, kept[:, place]) for place, (name, mask) in enumerate(zip(names, masks, strict=True))}

    def compute_output_shape(self, input_shape):
        return input_shape

    def compute_output_spec(self, inputs, training=False):
        return {name: keras.KerasTensor(mask.shape, "bool") for name, mask in inputs.items()}

    def get_config(self):
        return {**super().get_config(), "rate": self.rate, "seed": self.seed}


def _in_row(mask):
    """Bool `(B,)`: does the row have anything of this modality?"""
    return mask if len(mask.shape) == 1 else ops.any(mask, axis=-1)
