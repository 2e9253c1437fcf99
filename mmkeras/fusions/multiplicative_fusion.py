"""Each modality's own vote, and a full bilinear one of each pair."""

import itertools

import keras
from keras import ops

from mmkeras.component import component
from mmkeras.fusions.tokens import anything, modality_vectors, shared_dim, with_length
from mmkeras.layers.masking import hide
from mmkeras.layers.modality_dense import ModalityDense


@component
class MultiplicativeFusion(keras.layers.Layer):
    """Adds a linear term of each modality and a bilinear term of each pair.

    h = Σ_m (V_m x_m + b_m) + Σ_(i<j) z_i W_ij z_j over the modalities present, x_m = LN(mean of the tokens of m),
    z_m = U_m x_m + c_m: the weights with which one modality is read are made of the other.

    Args:
        width: int > 0. Features of z; a pair has width · width · D weights. Defaults to `16`.
        dropout: float in [0, 1). Share of the features of x dropped in training. Defaults to `0.1`.
    Call arguments:
        inputs: dict name → float tensor `(B, T_m, D)`, one D for all.
        mask: dict name → bool tensor `(B, T_m)` or None; True = real token.
    Returns:
        float tensor `(B, 1, D)`; zeros where every modality is absent, mask `(B, 1)`. An absent modality has no terms.
    Raises:
        ValueError: no dict of tokens, or modalities that differ in D.
    Example:
        >>> MultiplicativeFusion(width=4)({"text": np.ones((2, 3, 8)), "image": np.ones((2, 4, 8))}).shape
        TensorShape([2, 1, 8])
    References:
        [Jayakumar et al., 2020](https://openreview.net/forum?id=rylnK6VtDH). Differs: more than two modalities go in
        pairs, and each is brought to `width` before the bilinear term.
    """

    def __init__(self, width=16, dropout=0.1, **kwargs):
        super().__init__(**kwargs)
        self.width = width
        self.dropout = dropout
        self.supports_masking = True

    def build(self, input_shape):
        dim = shared_dim(self, input_shape)
        self.names = sorted(input_shape)
        shape, options = (None, len(self.names), dim), {"dtype": self.dtype_policy}
        self.pairs = list(itertools.combinations(range(len(self.names)), 2))
        self.norm = keras.layers.LayerNormalization(epsilon=1e-5, name="norm", **options)
        self.norm.build(shape)
        self.votes = ModalityDense(dim, name="votes", **options)
        self.votes.build(shape)
        self.interactions = []
        if self.pairs:
            self.narrow = ModalityDense(self.width, name="narrow", **options)
            self.narrow.build(shape)
            self.interactions = [
                keras.layers.Dense(dim, use_bias=False, name=f"pair_{first}_{second}", **options)
                for first, second in self.pairs
            ]
        for interaction in self.interactions:
            interaction.build((None, self.width**2))
        self.drop = keras.layers.Dropout(self.dropout, **options)

    def call(self, inputs, *, mask=None, training=False):
        vectors, present = modality_vectors(inputs, mask, self.names)
        vectors = self.drop(self.norm(vectors), training=training)
        total = ops.sum(self.votes(vectors, mask=present), axis=1)
        if self.pairs:
            narrow = self.narrow(vectors, mask=present)
            for (first, second), interaction in zip(self.pairs, self.interactions, strict=True):
                # Two steps: TensorFlow's graph optimiser loses a new axis that is asked for with the slice of a stack.
                product = ops.expand_dims(narrow[:, first], 2) * ops.expand_dims(narrow[:, second], 1)
                total = total + interaction(ops.reshape(product, (-1, self.width**2)))
        return hide(total, ops.any(present, axis=1))[:, None]

    def compute_mask(self, inputs, mask=None):
        return anything(inputs, mask, self.names)

    def compute_output_shape(self, input_shape):
        return with_length(input_shape, 1)

    def get_config(self):
        return {**super().get_config(), "width": self.width, "dropout": self.dropout}

    @classmethod
    def example(cls):
        """A tiny instance and its input shapes, for the conformance sweep."""
        return cls(width=3, dropout=0.5), {"text": (5, 8), "image": (4, 8), "audio": (3, 8)}
