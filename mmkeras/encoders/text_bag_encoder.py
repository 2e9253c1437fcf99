"""Texts as bags of tokens: the strongest where training texts are few."""

import keras
from keras import ops

from mmkeras.component import component
from mmkeras.layers.masking import hide, mask_or_full
from mmkeras.layers.token_embedding import TokenEmbedding

UNKNOWN = 1


@component
class TextBagEncoder(keras.layers.Layer):
    """Adds up the embeddings of all known tokens, rare ones weighing more, into one token.

    h = Σ w e / √(Σ w²), with w = log(10 + id) / 5: ids go by falling frequency, so w grows like an inverse document
    frequency. In training, tokens are dropped whole, so that no single one decides, and the others weigh more, so
    that the mean is what evaluation gives.

    Args:
        vocabulary_size: int > 2. Ids run from 0 to one less; 0 is padding, 1 an unknown token, which says nothing.
        dim: int > 0. Width of the token. Defaults to `64`.
        token_dropout: float in [0, 1). Share of tokens dropped in training. Defaults to `0.5`.
        dropout: float in [0, 1). Share of embedded features dropped in training. Defaults to `0.1`.
    Call arguments:
        inputs: int tensor `(B, T)`.
        mask: bool tensor `(B, T)` or None.
    Returns:
        float tensor `(B, 1, D)`, zeros in an absent row; the mask becomes `(B, 1)`. A row of unknown tokens only is
        present, and zero.
    Raises:
        ValueError: `vocabulary_size` < 3.
    Example:
        >>> TextBagEncoder(vocabulary_size=10, dim=8)(np.ones((2, 5), "int32")).shape
        TensorShape([2, 1, 8])
    References:
        [Joulin et al., 2016](https://arxiv.org/abs/1607.01759), with letter groups from `Text("ngram")`. Differs: the
        weights, the root, and the dropping of tokens.
    """

    modality = "Text"
    preferred = False

    def __init__(self, vocabulary_size, dim=64, token_dropout=0.5, dropout=0.1, **kwargs):
        super().__init__(**kwargs)
        if vocabulary_size < 3:
            raise ValueError(
                "TextBagEncoder: vocabulary_size must be > 2. "
                f"Received: vocabulary_size={vocabulary_size}. Do: take it from pipe.spec."
            )
        self.vocabulary_size = vocabulary_size
        self.dim = dim
        self.token_dropout = token_dropout
        self.dropout = dropout
        self.supports_masking = True
        self.seed_generator = keras.random.SeedGenerator()

    def build(self, input_shape):
        small = keras.initializers.RandomNormal(stddev=0.01)
        options = {"dtype": self.dtype_policy}
        self.embedding = TokenEmbedding(
            self.vocabulary_size, self.dim, embeddings_initializer=small, name="embedding", **options
        )
        self.embedding.build(input_shape)
        self.drop = keras.layers.Dropout(self.dropout, **options)

    def call(self, inputs, *, mask=None, training=False):
        mask = mask_or_full(mask, inputs, 2)
        ids = hide(inputs, mask)
        return self.read(self.embedding(ids), ids, mask, training)

    def read(self, vectors, ids, mask, training=False):
        """Tokens from what stands for ids, `(B, T, D)`: how a gradient gets at words, see `mmkeras.explain`."""
        weights = hide(ops.log(10.0 + ops.cast(ids, "float32")) / 5.0, ids > UNKNOWN)
        scale = ops.rsqrt(ops.maximum(ops.sum(weights**2, axis=1, keepdims=True), 1.0))
        if training and self.token_dropout:
            draw = keras.random.uniform(ops.shape(ids), seed=self.seed_generator)
            weights = hide(weights, draw >= self.token_dropout) / (1.0 - self.token_dropout)
        tokens = self.drop(vectors, training=training)
        bag = ops.einsum("bt,btd->bd", ops.cast(weights * scale, tokens.dtype), tokens)
        return hide(bag[:, None], self.compute_mask(ids, mask))

    def compute_mask(self, inputs, mask=None):
        return ops.any(mask_or_full(mask, inputs, 2), axis=1, keepdims=True)

    def compute_output_shape(self, input_shape):
        return (input_shape[0], 1, self.dim)

    def get_config(self):
        config = {"vocabulary_size": self.vocabulary_size, "dim": self.dim}
        return {**super().get_config(), **config, "token_dropout": self.token_dropout, "dropout": self.dropout}

    @classmethod
    def from_spec(cls, spec, dim, dropout, **options):
        """The encoder that suits what the pipeline says of the texts."""
        return cls(vocabulary_size=spec["vocabulary_size"], dim=dim, dropout=dropout, **options)

    @classmethod
    def example(cls):
        """A tiny instance with input shape, dtype and mask shape, for the conformance sweep."""
        return cls(vocabulary_size=11, dim=8), ((5,), "int32", (5,))
