"""One vector a modality, added up: every modality has its own vote."""

import keras
from keras import ops

from mmkeras.component import component
from mmkeras.fusions.tokens import anything, ordered_tokens, shared_dim, with_length
from mmkeras.layers.masking import hide, masked_mean, masked_softmax

WEIGHTS = ("equal", "learned")


@component
class SumFusion(keras.layers.Layer):
    """Pools each modality to its mean, projects it and adds the results.

    h = Σ_m W_m mean(x_m) over the modalities present. With a linear decoder behind it, each modality adds its own
    logits: a product of experts. It cannot learn what only two modalities together tell, and needs the fewest rows.

    Args:
        dropout: float in [0, 1). Share of each mean's features dropped in training. Defaults to `0.2`.
        weights: `"equal"`, or `"learned"`: h = Σ_m a_m W_m mean(x_m), with a = softmax over the modalities present of a
            learned number each, so that it is a weighted mean whatever is absent. Defaults to `"equal"`.
    Call arguments:
        inputs: dict name → float tensor `(B, T_m, D)`, one D for all.
        mask: dict name → bool tensor `(B, T_m)` or None; True = real token.
    Returns:
        float tensor `(B, 1, D)`; zeros where every modality is absent, mask `(B, 1)`.
    Raises:
        ValueError: no dict of tokens, modalities that differ in D, or unknown weights.
    Example:
        >>> SumFusion()({"text": np.ones((2, 3, 8)), "image": np.ones((2, 4, 8))}).shape
        TensorShape([2, 1, 8])
    References:
        [Hinton, 2002](https://doi.org/10.1162/089976602760128018), product of experts. Differs: trained jointly, with
        `ModalityDropout` making each expert stand alone.
    """

    def __init__(self, dropout=0.2, weights="equal", **kwargs):
        super().__init__(**kwargs)
        if weights not in WEIGHTS:
            raise ValueError(f"SumFusion: weights must be one of {WEIGHTS}. Received: weights={weights!r}.")
        self.dropout = dropout
        self.weighting = weights
        self.supports_masking = True

    def build(self, input_shape):
        dim = shared_dim(self, input_shape)
        self.names = sorted(input_shape)
        options = {"dtype": self.dtype_policy}
        self.drop = keras.layers.Dropout(self.dropout, **options)
        self.votes = [keras.layers.Dense(dim, name=f"vote_{place}", **options) for place in range(len(self.names))]
        for vote in self.votes:
            vote.build((None, dim))
        if self.weighting == "learned":
            self.weigh = self.add_weight(name="weigh", shape=(len(self.names),), initializer="zeros")

    def call(self, inputs, *, mask=None, training=False):
        tokens, masks = ordered_tokens(inputs, mask, self.names)
        present = ops.stack([ops.any(real, axis=1) for real in masks], axis=1)
        votes = []
        for place, (values, real) in enumerate(zip(tokens, masks, strict=True)):
            pooled = self.drop(masked_mean(values, real), training=training)
            votes.append(hide(self.votes[place](pooled), present[:, place]))
        votes = ops.stack(votes, axis=1)
        if self.weighting == "learned":
            shares = masked_softmax(ops.zeros_like(votes[..., 0]) + ops.cast(self.weigh, votes.dtype), present)
            votes = votes * ops.cast(shares, votes.dtype)[..., None]
        return ops.sum(votes, axis=1, keepdims=True)

    def compute_mask(self, inputs, mask=None):
        return anything(inputs, mask, self.names)

    def compute_output_shape(self, input_shape):
        return with_length(input_shape, 1)

    def get_config(self):
        return {**super().get_config(), "dropout": self.dropout, "weights": self.weighting}

    @classmethod
    def example(cls):
        """A tiny instance and its input shapes, for the conformance sweep."""
        return cls(dropout=0.5, weights="learned"), {"text": (5, 8), "image": (4, 8), "audio": (3, 8)}
