"""Modalities that scale and shift each other's features."""

import keras
from keras import ops

from mmkeras.component import component
from mmkeras.fusions.tokens import joint_mask, modality_norms, ordered_tokens, shared_dim, total_length, with_length
from mmkeras.layers.masking import hide, masked_mean


@component
class FiLMFusion(keras.layers.Layer):
    """Scales and shifts every feature of each modality's tokens by what the other modalities say.

    x + W gelu((1 + γ) ⊙ x + β), x = LN(tokens of m), [γ, β] = Σ over the other modalities k present of
    V_mk mean(LN(tokens of k)).

    Args:
        dropout: float in [0, 1). Share dropped in training, of the means and of what is added. Defaults to `0.1`.
    Call arguments:
        inputs: dict name → float tensor `(B, T_m, D)`, one D for all.
        mask: dict name → bool tensor `(B, T_m)` or None; True = real token.
    Returns:
        float tensor `(B, T, D)`, T = Σ T_m in alphabetical order of names; zeros where absent, mask `(B, T)`. An
        absent modality scales by 1 and shifts by 0.
    Raises:
        ValueError: no dict of tokens, or modalities that differ in D.
    Example:
        >>> FiLMFusion()({"text": np.ones((2, 3, 8)), "image": np.ones((2, 4, 8))}).shape
        TensorShape([2, 7, 8])
    References:
        [Perez et al., 2018](https://arxiv.org/abs/1709.07871), feature-wise linear modulation. Differs: every modality
        modulates every other one, where in the paper a question modulates a picture; no offset in V, which an absent
        modality would leave behind; one layer.
    """

    def __init__(self, dropout=0.1, **kwargs):
        super().__init__(**kwargs)
        self.dropout = dropout
        self.supports_masking = True

    def build(self, input_shape):
        dim = shared_dim(self, input_shape)
        self.names = sorted(input_shape)
        self.norms = modality_norms(self, dim)
        options, places = {"dtype": self.dtype_policy}, range(len(self.names))
        self.conditions = []
        if len(self.names) > 1:
            self.conditions = [
                keras.layers.Dense(2 * dim, use_bias=False, name=f"condition_{place}", **options) for place in places
            ]
        self.projections = [keras.layers.Dense(dim, name=f"project_{place}", **options) for place in places]
        self.drop = keras.layers.Dropout(self.dropout, **options)
        for condition in self.conditions:
            condition.build((None, (len(self.names) - 1) * dim))
        for project in self.projections:
            project.build((None, None, dim))

    def call(self, inputs, *, mask=None, training=False):
        tokens, masks = ordered_tokens(inputs, mask, self.names)
        tokens = [hide(norm(values), real) for norm, values, real in zip(self.norms, tokens, masks, strict=True)]
        means = [masked_mean(values, real) for values, real in zip(tokens, masks, strict=True)]
        answers = []
        for place, (values, project) in enumerate(zip(tokens, self.projections, strict=True)):
            modulated = values
            if self.conditions:
                others = ops.concatenate([mean for other, mean in enumerate(means) if other != place], axis=1)
                said = self.conditions[place](self.drop(others, training=training))[:, None]
                scale, shift = ops.split(said, 2, axis=-1)
                modulated = (1 + scale) * values + shift
            answers.append(values + self.drop(project(ops.gelu(modulated, approximate=False)), training=training))
        return hide(ops.concatenate(answers, axis=1), ops.concatenate(masks, axis=1))

    def compute_mask(self, inputs, mask=None):
        return joint_mask(inputs, mask, self.names)

    def compute_output_shape(self, input_shape):
        return with_length(input_shape, total_length(input_shape))

    def get_config(self):
        return {**super().get_config(), "dropout": self.dropout}

    @classmethod
    def example(cls):
        """A tiny instance and its input shapes, for the conformance sweep."""
        return cls(dropout=0.5), {"text": (5, 8), "image": (4, 8), "audio": (3, 8)}
