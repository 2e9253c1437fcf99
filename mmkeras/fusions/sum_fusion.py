"""One vector a modality, added up: every modality has its own vote."""

import keras
from keras import ops

from mmkeras.component import component
from mmkeras.fusions.tokens import anything, ordered_tokens, shared_dim, with_length
from mmkeras.layers.masking import hide, masked_mean


@component
class SumFusion(keras.layers.Layer):
    """Pools each modality to its mean, projects it and adds the results.

    h = Σ_m W_m mean(x_m) over the modalities present. With a linear decoder behind it, each modality adds its own
    logits: a
    product of experts. It cannot learn what only two modalities together tell, and needs the fewest rows.

    Args:
        dropout: float in [0, 1). Share of each mean's features dropped in training. Defaults to `0.2`.
    Call arguments:
        inputs: dict name → float tensor `(B, T_m, D)`, one D for all.
        mask: dict name → bool tensor `(B, T_m)` or None; True = real token.
    Returns:
        float tensor `(B, 1, D)`; zeros where every modality is absent, mask `(B, 1)`.
    Raises:
        ValueError: no dict of tokens, or modalities that differ in D.
    Example:
        >>> SumFusion()({"text": np.ones((2, 3, 8)), "image": np.ones((2, 4, 8))}).shape
        TensorShape([2, 1, 8])
    References:
        [Hinton, 2002](https://doi.org/10.1162/089976602760128018), product of experts. Differs: trained jointly, with
        `ModalityDropout` making each expert stand alone.
    """

    def __init__(self, dropout=0.2, **kwargs):
        super().__init__(**kwargs)
        self.dropout = dropout
        self.supports_masking = True

    def build(self, input_shape):
        dim = shared_dim(self, input_shape)
        self.names = sorted(input_shape)
        options = {"dtype": self.dtype_policy}
        self.drop = keras.layers.Dropout(self.dropout, **options)
        self.votes = [keras.layers.Dense(dim, name=f"vote_{place}", **options) for place in range(len(self.names))]
        for vote in self.votes:
            vote.build((None, dim))

    def call(self, inputs, *, mask=None, training=False):
        tokens, masks = ordered_tokens(inputs, mask, self.names)
        total = 0.0
        for values, real, vote in zip(tokens, masks, self.votes, strict=True):
            pooled = self.drop(masked_mean(values, real), training=training)
            total = total + hide(vote(pooled), ops.any(real, axis=1))
        return total[:, None]

    def compute_mask(self, inputs, mask=None):
        return anything(inputs, mask, self.names)

    def compute_output_shape(self, input_shape):
        return with_length(input_shape, 1)

    def get_config(self):
        return {**super().get_config(), "dropout": self.dropout}

    @classmethod
    def example(cls):
        """A tiny instance and its input shapes, for the conformance sweep."""
        return cls(dropout=0.5), {"text": (5, 8), "image": (4, 8), "audio": (3, 8)}
