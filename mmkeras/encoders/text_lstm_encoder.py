"""Texts by an LSTM."""

import keras

from mmkeras.component import component
from mmkeras.layers.masking import hide, mask_or_full
from mmkeras.layers.token_embedding import TokenEmbedding


@component
class TextLSTMEncoder(keras.layers.Layer):
    """Embeds token ids and reads them in both directions.

    Args:
        vocabulary_size: int > 0. Ids run from 0 to one less.
        dim: int > 1, even. Width of a token; each direction gives half. Defaults to `64`.
        num_layers: int > 0. Defaults to `1`.
        dropout: float in [0, 1). Share of the embeddings dropped in training. Defaults to `0.1`.
    Call arguments:
        inputs: int tensor `(B, T)`.
        mask: bool tensor `(B, T)` or None.
    Returns:
        float tensor `(B, T, D)`, zeros where masked.
    Raises:
        ValueError: an odd `dim`.
    Example:
        >>> TextLSTMEncoder(vocabulary_size=10, dim=8)(np.ones((2, 5), "int32")).shape
        TensorShape([2, 5, 8])
    References:
        [Hochreiter and Schmidhuber, 1997](https://doi.org/10.1162/neco.1997.9.8.1735).
    """

    modality = "Text"
    preferred = False

    def __init__(self, vocabulary_size, dim=64, num_layers=1, dropout=0.1, **kwargs):
        super().__init__(**kwargs)
        if dim % 2:
            raise ValueError(f"TextLSTMEncoder: dim must be even. Received: dim={dim}. Do: dim={dim + 1}.")
        self.vocabulary_size = vocabulary_size
        self.dim = dim
        self.num_layers = num_layers
        self.dropout = dropout
        self.supports_masking = True

    def build(self, input_shape):
        options = {"dtype": self.dtype_policy}
        shape = (*input_shape, self.dim)
        self.embedding = TokenEmbedding(self.vocabulary_size, self.dim, name="embedding", **options)
        self.embedding.build(input_shape)
        self.drop = keras.layers.Dropout(self.dropout, **options)
        self.readers = [
            keras.layers.Bidirectional(
                keras.layers.LSTM(self.dim // 2, return_sequences=True, **options), name=f"lstm_{number}", **options
            )
            for number in range(self.num_layers)
        ]
        for reader in self.readers:
            reader.build(shape)

    def call(self, inputs, *, mask=None, training=False):
        mask = mask_or_full(mask, inputs, 2)
        return self.read(self.embedding(hide(inputs, mask)), inputs, mask, training)

    def read(self, vectors, ids, mask, training=False):
        """Tokens from what stands for ids, `(B, T, D)`: how a gradient gets at words, see `mmkeras.explain`."""
        tokens = self.drop(vectors, training=training)
        for reader in self.readers:
            tokens = hide(reader(tokens, mask=mask, training=training), mask)
        return tokens

    def compute_mask(self, inputs, mask=None):
        return mask_or_full(mask, inputs, 2)

    def compute_output_shape(self, input_shape):
        return (*input_shape, self.dim)

    def get_config(self):
        config = {"vocabulary_size": self.vocabulary_size, "dim": self.dim, "num_layers": self.num_layers}
        return {**super().get_config(), **config, "dropout": self.dropout}

    @classmethod
    def from_spec(cls, spec, dim, dropout, **options):
        """The encoder that suits what the pipeline says of the texts."""
        return cls(vocabulary_size=spec["vocabulary_size"], dim=dim, dropout=dropout, **options)

    @classmethod
    def example(cls):
        """A tiny instance with input shape, dtype and mask shape, for the conformance sweep."""
        return cls(vocabulary_size=11, dim=8, dropout=0.5), ((5,), "int32", (5,))
