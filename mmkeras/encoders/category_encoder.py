"""Labels, one or several."""

import keras
from keras import ops

from mmkeras.component import component
from mmkeras.layers.masking import hide, mask_or_full
from mmkeras.layers.token_embedding import TokenEmbedding


@component
class CategoryEncoder(keras.layers.Layer):
    """Embeds label ids: one token a label.

    Args:
        num_classes: int > 0. Known labels; ids run from 1, and 0 is a label never seen.
        dim: int > 0. Width of a token. Defaults to `64`.
        dropout: float in [0, 1). Share of rows whose label counts as never seen, in training, so that the token for
            labels never seen is learned too. Defaults to `0.1`.
    Call arguments:
        inputs: int tensor `(B,)`, or `(B, T)` for tags.
        mask: bool tensor of the same shape or None.
    Returns:
        float tensor `(B, 1, D)` or `(B, T, D)`, zeros where masked.
    Raises:
        ValueError: `num_classes` < 1.
    Example:
        >>> CategoryEncoder(num_classes=3, dim=8)(np.array([0, 3])).shape
        TensorShape([2, 1, 8])
    """

    modality = ("Category", "Tags")
    preferred = True

    def __init__(self, num_classes, dim=64, dropout=0.1, **kwargs):
        super().__init__(**kwargs)
        if num_classes < 1:
            raise ValueError(f"CategoryEncoder: num_classes must be > 0. Received: num_classes={num_classes}.")
        self.num_classes = num_classes
        self.dim = dim
        self.dropout = dropout
        self.supports_masking = True
        self.seed_generator = keras.random.SeedGenerator()

    def build(self, input_shape):
        self.embedding = TokenEmbedding(self.num_classes + 1, self.dim, name="embedding", dtype=self.dtype_policy)
        self.embedding.build(input_shape)

    def call(self, inputs, *, mask=None, training=False):
        mask = mask_or_full(mask, inputs, len(inputs.shape))
        ids = hide(inputs, mask)
        if training and self.dropout:
            kept = keras.random.uniform(ops.shape(ids), seed=self.seed_generator) >= self.dropout
            ids = ids * ops.cast(kept, ids.dtype)
        return self.read(self.embedding(ids), ids, mask)

    def read(self, vectors, ids, mask, training=False):
        """Tokens from what stands for ids, `(B, T, D)`: how a gradient gets at labels, see `mmkeras.explain`."""
        tokens = hide(vectors, mask)
        return tokens if len(ids.shape) == 2 else tokens[:, None]

    def compute_mask(self, inputs, mask=None):
        mask = mask_or_full(mask, inputs, len(inputs.shape))
        return mask if len(inputs.shape) == 2 else mask[:, None]

    def compute_output_shape(self, input_shape):
        return (*input_shape, self.dim) if len(input_shape) == 2 else (*input_shape, 1, self.dim)

    def get_config(self):
        config = {"num_classes": self.num_classes, "dim": self.dim, "dropout": self.dropout}
        return {**super().get_config(), **config}

    @classmethod
    def from_spec(cls, spec, dim, dropout, **options):
        """The encoder that suits what the pipeline says of the labels."""
        return cls(num_classes=max(1, len(spec["classes"])), dim=dim, dropout=dropout, **options)

    @classmethod
    def example(cls):
        """A tiny instance with input shape, dtype and mask shape, for the conformance sweep."""
        return cls(num_classes=5, dim=8), ((), "int32", ())
