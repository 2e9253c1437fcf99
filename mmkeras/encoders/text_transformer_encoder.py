"""Texts by a Transformer."""

import keras

from mmkeras.component import component
from mmkeras.layers.attention_block import AttentionBlock
from mmkeras.layers.masking import hide, mask_or_full
from mmkeras.layers.position_encoding import PositionEncoding
from mmkeras.layers.relative_position import RelativePosition
from mmkeras.layers.token_embedding import TokenEmbedding


@component
class TextTransformerEncoder(keras.layers.Layer):
    """Embeds token ids and lets them attend to each other.

    Args:
        vocabulary_size: int > 0. Ids run from 0 to one less.
        dim: int > 0, a multiple of `num_heads`. Width of a token. Defaults to `64`.
        num_layers: int >= 0; 0 leaves the embeddings as they are. Defaults to `2`.
        num_heads: int > 0. Defaults to `4`.
        use_position: bool. Whether the order of tokens counts. Defaults to `True`.
        dropout: float in [0, 1). Defaults to `0.1`.
    Call arguments:
        inputs: int tensor `(B, T)`.
        mask: bool tensor `(B, T)` or None.
    Returns:
        float tensor `(B, T, D)`, zeros where masked.
    Raises:
        ValueError: `vocabulary_size` < 1.
    Example:
        >>> TextTransformerEncoder(vocabulary_size=10, dim=8)(np.ones((2, 5), "int32")).shape
        TensorShape([2, 5, 8])
    References:
        [Vaswani et al., 2017](https://arxiv.org/abs/1706.03762), the encoder.
    """

    modality = "Text"
    preferred = True

    def __init__(self, vocabulary_size, dim=64, num_layers=2, num_heads=4, use_position=True, dropout=0.1, **kwargs):
        super().__init__(**kwargs)
        if vocabulary_size < 1:
            raise ValueError(
                "TextTransformerEncoder: vocabulary_size must be > 0. "
                f"Received: vocabulary_size={vocabulary_size}. Do: take it from pipe.spec."
            )
        self.vocabulary_size = vocabulary_size
        self.dim = dim
        self.num_layers = num_layers
        self.num_heads = num_heads
        self.use_position = use_position
        self.dropout = dropout
        self.supports_masking = True

    def build(self, input_shape):
        options = {"dtype": self.dtype_policy}
        shape = (*input_shape, self.dim)
        self.embedding = TokenEmbedding(self.vocabulary_size, self.dim, name="embedding", **options)
        self.embedding.build(input_shape)
        self.positions = []
        if self.use_position:
            self.positions = [PositionEncoding(name="place", **options), RelativePosition(name="share", **options)]
        for position in self.positions:
            position.build(shape)
        self.drop = keras.layers.Dropout(self.dropout, **options)
        self.blocks = [
            AttentionBlock(self.num_heads, dropout=self.dropout, name=f"block_{number}", **options)
            for number in range(self.num_layers)
        ]
        for block in self.blocks:
            block.build(shape)

    def call(self, inputs, *, mask=None, training=False):
        mask = mask_or_full(mask, inputs, 2)
        return self.read(self.embedding(hide(inputs, mask)), inputs, mask, training)

    def read(self, vectors, ids, mask, training=False):
        """Tokens from what stands for ids, `(B, T, D)`: how a gradient gets at words, see `mmkeras.explain`."""
        tokens = vectors
        for position in self.positions:
            tokens = position(tokens, mask=mask)
        tokens = self.drop(tokens, training=training)
        for block in self.blocks:
            tokens = block(tokens, mask=mask, training=training)
        return hide(tokens, mask)

    def compute_mask(self, inputs, mask=None):
        return mask_or_full(mask, inputs, 2)

    def compute_output_shape(self, input_shape):
        return (*input_shape, self.dim)

    def get_config(self):
        config = {"vocabulary_size": self.vocabulary_size, "dim": self.dim, "num_layers": self.num_layers}
        more = {"num_heads": self.num_heads, "use_position": self.use_position, "dropout": self.dropout}
        return {**super().get_config(), **config, **more}

    @classmethod
    def from_spec(cls, spec, dim, dropout, **options):
        """The encoder that suits what the pipeline says of the texts."""
        return cls(vocabulary_size=spec["vocabulary_size"], dim=dim, dropout=dropout, **options)

    @classmethod
    def example(cls):
        """A tiny instance with input shape, dtype and mask shape, for the conformance sweep."""
        return cls(vocabulary_size=11, dim=8, num_layers=1, num_heads=2, dropout=0.5), ((5,), "int32", (5,))
