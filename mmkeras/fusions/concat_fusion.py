"""One vector a modality, side by side."""

import keras
from keras import ops

from mmkeras.component import component
from mmkeras.fusions.tokens import anything, ordered_tokens, shared_dim, with_length
from mmkeras.layers.masking import hide, masked_mean


@component
class ConcatFusion(keras.layers.Layer):
    """Pools each modality to its mean, puts the means side by side and mixes them by a dense layer.

    Args:
        hidden_dim: int > 0 or None. Width of the mixing layer. Defaults to `None`: 2 · D.
        dropout: float in [0, 1). Defaults to `0.1`.
    Call arguments:
        inputs: dict name → float tensor `(B, T_m, D)`, one D for all.
        mask: dict name → bool tensor `(B, T_m)` or None; True = real token.
    Returns:
        float tensor `(B, 1, D)`; zeros where every modality is absent, mask `(B, 1)`. An absent modality gives zeros
        and a flag, so that the mixing layer can tell it from one whose mean is zero.
    Raises:
        ValueError: no dict of tokens, or modalities that differ in D.
    Example:
        >>> ConcatFusion()({"text": np.ones((2, 3, 8)), "image": np.ones((2, 4, 8))}).shape
        TensorShape([2, 1, 8])
    References:
        Late fusion by concatenation, e.g. in [Liang et al., 2021](https://arxiv.org/abs/2107.07502). Differs: means
        over real tokens only, and the flags.
    """

    def __init__(self, hidden_dim=None, dropout=0.1, **kwargs):
        super().__init__(**kwargs)
        self.hidden_dim = hidden_dim
        self.dropout = dropout
        self.supports_masking = True

    def build(self, input_shape):
        dim = shared_dim(self, input_shape)
        self.names = sorted(input_shape)
        options = {"dtype": self.dtype_policy}
        width = len(self.names) * (dim + 1)
        self.norms = [
            keras.layers.LayerNormalization(epsilon=1e-5, name=f"norm_{place}", **options)
            for place in range(len(self.names))
        ]
        for norm in self.norms:
            norm.build((None, dim))
        self.mix = keras.layers.Dense(self.hidden_dim or 2 * dim, activation="gelu", name="mix", **options)
        self.mix.build((None, width))
        self.project = keras.layers.Dense(dim, name="project", **options)
        self.project.build((None, self.hidden_dim or 2 * dim))
        self.drop = keras.layers.Dropout(self.dropout, **options)

    def call(self, inputs, *, mask=None, training=False):
        tokens, masks = ordered_tokens(inputs, mask, self.names)
        parts = []
        for values, real, norm in zip(tokens, masks, self.norms, strict=True):
            present = ops.any(real, axis=1)
            parts += [hide(norm(masked_mean(values, real)), present), ops.cast(present, self.compute_dtype)[:, None]]
        mixed = self.mix(self.drop(ops.concatenate(parts, axis=1), training=training))
        return hide(self.project(mixed)[:, None], self.compute_mask(inputs, mask))

    def compute_mask(self, inputs, mask=None):
        return anything(inputs, mask, self.names)

    def compute_output_shape(self, input_shape):
        return with_length(input_shape, 1)

    def get_config(self):
        return {**super().get_config(), "hidden_dim": self.hidden_dim, "dropout": self.dropout}

    @classmethod
    def example(cls):
        """A tiny instance and its input shapes, for the conformance sweep."""
        return cls(dropout=0.5), {"text": (5, 8), "image": (4, 8), "audio": (3, 8)}
