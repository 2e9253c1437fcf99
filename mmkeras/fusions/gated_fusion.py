"""Each feature of each modality behind a gate that sees them all."""

import keras
from keras import ops

from mmkeras.component import component
from mmkeras.fusions.tokens import anything, modality_vectors, shared_dim, with_length
from mmkeras.layers.masking import hide, masked_softmax
from mmkeras.layers.modality_dense import ModalityDense


@component
class GatedFusion(keras.layers.Layer):
    """Weighs each feature of each modality by a learned gate and sums them.

    h = Σ_m g_m ⊙ tanh(W_m x_m + b_m), x_m = LN(mean of the tokens of m), g = softmax over the modalities present of
    V [x_1 … x_M] + c, for each feature on its own.

    Args:
        dropout: float in [0, 1). Share of the features of x dropped in training. Defaults to `0.1`.
    Call arguments:
        inputs: dict name → float tensor `(B, T_m, D)`, one D for all.
        mask: dict name → bool tensor `(B, T_m)` or None; True = real token.
    Returns:
        float tensor `(B, 1, D)`; zeros where every modality is absent, mask `(B, 1)`. An absent modality has gate 0
        and the other gates add up to 1 without it.
    Raises:
        ValueError: no dict of tokens, or modalities that differ in D.
    Example:
        >>> GatedFusion()({"text": np.ones((2, 3, 8)), "image": np.ones((2, 4, 8))}).shape
        TensorShape([2, 1, 8])
    References:
        [Arevalo et al., 2017](https://arxiv.org/abs/1702.01992), gated multimodal unit. Differs: any number of
        modalities, and a softmax over those present where the paper has z and 1 - z, or a sigmoid each.
    """

    def __init__(self, dropout=0.1, **kwargs):
        super().__init__(**kwargs)
        self.dropout = dropout
        self.supports_masking = True

    def build(self, input_shape):
        dim = shared_dim(self, input_shape)
        self.names = sorted(input_shape)
        count, options = len(self.names), {"dtype": self.dtype_policy}
        self.norm = keras.layers.LayerNormalization(epsilon=1e-5, name="norm", **options)
        self.norm.build((None, count, dim))
        self.values = ModalityDense(dim, activation="tanh", name="values", **options)
        self.values.build((None, count, dim))
        self.gates = keras.layers.Dense(count * dim, name="gates", **options)
        self.gates.build((None, count * dim))
        self.drop = keras.layers.Dropout(self.dropout, **options)

    def call(self, inputs, *, mask=None, training=False):
        vectors, present = modality_vectors(inputs, mask, self.names)
        vectors = self.drop(hide(self.norm(vectors), present), training=training)
        flat = ops.reshape(vectors, (-1, vectors.shape[1] * vectors.shape[2]))
        scores = ops.reshape(self.gates(flat), (-1, *vectors.shape[1:]))
        weights = ops.cast(masked_softmax(scores, present[..., None], axis=1), self.compute_dtype)
        return ops.sum(weights * self.values(vectors, mask=present), axis=1, keepdims=True)

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
