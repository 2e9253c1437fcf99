"""All products between modalities, without the tensor that holds them."""

import keras
from keras import ops

from mmkeras.component import component
from mmkeras.fusions.tokens import anything, modality_vectors, shared_dim, with_length
from mmkeras.layers.masking import hide
from mmkeras.layers.modality_dense import ModalityDense


@component
class LowRankTensorFusion(keras.layers.Layer):
    """Multiplies a factor of each modality, R times, and adds the products up.

    h = Σ_r w_r ∏_m (W_m^r x_m + b_m^r), x_m = LN(mean of the tokens of m): a linear layer over the outer product of
    all [x_m, 1], its weights a tensor of rank R. All factors, offsets and w are trained.

    Args:
        rank: int > 0. R. Defaults to `4`.
        dropout: float in [0, 1). Share of the features of x dropped in training. Defaults to `0.1`.
    Call arguments:
        inputs: dict name → float tensor `(B, T_m, D)`, one D for all.
        mask: dict name → bool tensor `(B, T_m)` or None; True = real token.
    Returns:
        float tensor `(B, 1, D)`; zeros where every modality is absent, mask `(B, 1)`. An absent modality has factor 1.
    Raises:
        ValueError: no dict of tokens, or modalities that differ in D.
    Example:
        >>> LowRankTensorFusion()({"text": np.ones((2, 3, 8)), "image": np.ones((2, 4, 8))}).shape
        TensorShape([2, 1, 8])
    References:
        [Liu et al., 2018](https://arxiv.org/abs/1806.00064), low-rank multimodal fusion. Differs: factors start at 1,
        so that the sum of the modalities is there from the first step, and w at 1 / R; no offset behind the sum; a
        normalisation in front and behind.
    """

    def __init__(self, rank=4, dropout=0.1, **kwargs):
        super().__init__(**kwargs)
        self.rank = rank
        self.dropout = dropout
        self.supports_masking = True

    def build(self, input_shape):
        dim = shared_dim(self, input_shape)
        self.names = sorted(input_shape)
        shape, options = (None, len(self.names), dim), {"dtype": self.dtype_policy}
        self.norm = keras.layers.LayerNormalization(epsilon=1e-5, name="norm", **options)
        self.norm.build(shape)
        self.factors = ModalityDense(self.rank * dim, bias_initializer="ones", name="factors", **options)
        self.factors.build(shape)
        self.rank_weights = self.add_weight(
            name="rank_weights", shape=(self.rank,), initializer=keras.initializers.Constant(1 / self.rank)
        )
        self.final = keras.layers.LayerNormalization(epsilon=1e-5, name="final", **options)
        self.final.build((None, dim))
        self.drop = keras.layers.Dropout(self.dropout, **options)

    def call(self, inputs, *, mask=None, training=False):
        vectors, present = modality_vectors(inputs, mask, self.names)
        vectors = self.drop(self.norm(vectors), training=training)
        factors = self.factors(vectors, mask=present)
        product = ops.prod(ops.where(present[..., None], factors, ops.ones_like(factors)), axis=1)
        product = ops.reshape(product, (-1, self.rank, vectors.shape[-1]))
        summed = ops.sum(product * ops.cast(self.rank_weights, self.compute_dtype)[:, None], axis=1)
        return hide(self.final(summed), ops.any(present, axis=1))[:, None]

    def compute_mask(self, inputs, mask=None):
        return anything(inputs, mask, self.names)

    def compute_output_shape(self, input_shape):
        return with_length(input_shape, 1)

    def get_config(self):
        return {**super().get_config(), "rank": self.rank, "dropout": self.dropout}

    @classmethod
    def example(cls):
        """A tiny instance and its input shapes, for the conformance sweep."""
        return cls(rank=2, dropout=0.5), {"text": (5, 8), "image": (4, 8), "audio": (3, 8)}
