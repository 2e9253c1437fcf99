"""One token a modality and nothing between them: the decision is where they meet."""

import keras
from keras import ops

from mmkeras.component import component
from mmkeras.fusions.tokens import modality_vectors, shared_dim, with_length
from mmkeras.layers.masking import hide
from mmkeras.layers.modality_dense import ModalityDense


@component
class LateFusion(keras.layers.Layer):
    """Makes one token of each modality on its own; what they say is combined behind the decoder's weights.

    t_m = W_m LN_m(mean(x_m)) + b_m. No feature of one modality ever meets one of another here, so the decoder's linear
    layer on t_m is that modality's own classifier. `build` pairs it with `LateCategoryDecoder`, which
    predicts from each token and combines the predictions (mean, learned weights, product of experts, evidence). With
    any other decoder it is late fusion of the logits: `pooling="mean"` their mean, `"attention"` learned weights.

    Args:
        dropout: float in [0, 1). Share of each mean's features dropped in training. Defaults to `0.1`.
    Call arguments:
        inputs: dict name → float tensor `(B, T_m, D)`, one D for all.
        mask: dict name → bool tensor `(B, T_m)` or None; True = real token.
    Returns:
        float tensor `(B, M, D)`, modalities in alphabetical order; zeros where absent, mask `(B, M)`.
    Raises:
        ValueError: no dict of tokens, or modalities that differ in D.
    Example:
        >>> LateFusion()({"text": np.ones((2, 3, 8)), "image": np.ones((2, 4, 8))}).shape
        TensorShape([2, 2, 8])
    References:
        [Snoek et al., 2005](https://doi.org/10.1145/1101149.1101236), early versus late fusion. Differs: trained
        jointly; an absent modality has no say. It cannot learn what only two modalities together tell, such as
        whether a sentence fits a picture.
    """

    companions = {"Category": "LateCategoryDecoder"}

    def __init__(self, dropout=0.1, **kwargs):
        super().__init__(**kwargs)
        self.dropout = dropout
        self.supports_masking = True

    def build(self, input_shape):
        dim = shared_dim(self, input_shape)
        self.names = sorted(input_shape)
        shape, options = (None, len(self.names), dim), {"dtype": self.dtype_policy}
        self.norms = []
        for place in range(len(self.names)):
            norm = keras.layers.LayerNormalization(epsilon=1e-5, name=f"norm_{place}", **options)
            norm.build((None, dim))
            self.norms.append(norm)
        self.values = ModalityDense(dim, name="values", **options)
        self.values.build(shape)
        self.drop = keras.layers.Dropout(self.dropout, **options)

    def call(self, inputs, *, mask=None, training=False):
        vectors, present = modality_vectors(inputs, mask, self.names)
        normed = ops.stack([norm(vectors[:, place]) for place, norm in enumerate(self.norms)], axis=1)
        return self.values(self.drop(hide(normed, present), training=training), mask=present)

    def compute_mask(self, inputs, mask=None):
        return modality_vectors(inputs, mask, self.names)[1]

    def compute_output_shape(self, input_shape):
        return with_length(input_shape, len(input_shape))

    def get_config(self):
        return {**super().get_config(), "dropout": self.dropout}

    @classmethod
    def example(cls):
        """A tiny instance and its input shapes, for the conformance sweep."""
        return cls(dropout=0.5), {"text": (5, 8), "image": (4, 8), "audio": (3, 8)}
