"""A text in one token, by the words and pairs of words in it and by what a convolution finds."""

import keras
from keras import ops

from mmkeras.component import component
from mmkeras.layers.masking import hide, mask_or_full, sequence_conv
from mmkeras.layers.n_gram_bag import NGramBag
from mmkeras.layers.token_embedding import TokenEmbedding

FEWEST_BUCKETS, MOST_BUCKETS = 1000, 10000  # for pairs of words


@component
class TextSummaryEncoder(keras.layers.Layer):
    """Sums up a text: which words and pairs of words it has, and the strongest answers of a convolution over it.

    Args:
        vocabulary_size: int > 2. Ids run from 0 to one less; 0 is padding, 1 an unknown token.
        dim: int > 0. Width of the token. Defaults to `64`.
        ngrams: int > 0. Longest group of tokens in the bag, see `mmkeras.layers.NGramBag`. Defaults to `2`.
        filters: int > 0. Channels of the convolution. Defaults to `128`.
        kernel_size: int > 0, odd, in tokens. Defaults to `7`.
        dropout: float in [0, 1). Share of features dropped in training. Defaults to `0.3`.
        num_buckets: int in 2 … 60000. For the groups of each length. Defaults to `None`: twice the vocabulary, 1000 to
            10000, since a step costs what all buckets cost.
    Call arguments:
        inputs: int tensor `(B, T)`.
        mask: bool tensor `(B, T)` or None.
    Returns:
        float tensor `(B, 1, D)`, zeros in an absent row; the mask becomes `(B, 1)`.
    Raises:
        ValueError: an even kernel, or `vocabulary_size` < 3.
    Example:
        >>> TextSummaryEncoder(vocabulary_size=10, dim=8)(np.ones((2, 5), "int32")).shape
        TensorShape([2, 1, 8])
    References:
        [Kim, 2014](https://arxiv.org/abs/1408.5882) for the convolution and its maxima. Differs: one width, and the bag
        beside it.
    """

    modality = "Text"
    preferred = False
    summary = True

    def __init__(
        self, vocabulary_size, dim=64, ngrams=2, filters=128, kernel_size=7, dropout=0.3, num_buckets=None, **kwargs
    ):
        super().__init__(**kwargs)
        if kernel_size % 2 == 0:
            raise ValueError(
                f"TextSummaryEncoder: kernel_size must be odd. Received: kernel_size={kernel_size}. Do: 7."
            )
        self.vocabulary_size = vocabulary_size
        self.dim = dim
        self.ngrams = ngrams
        self.filters = filters
        self.kernel_size = kernel_size
        self.dropout = dropout
        self.supports_masking = True
        self.num_buckets = num_buckets or min(max(2 * vocabulary_size, FEWEST_BUCKETS), MOST_BUCKETS)
        self.bag = NGramBag(vocabulary_size, dim, ngrams, self.num_buckets, name="bag", dtype=self.dtype_policy)

    def build(self, input_shape):
        options, near = {"dtype": self.dtype_policy}, keras.initializers.RandomNormal(stddev=0.05)
        self.bag.build(input_shape)
        self.words = TokenEmbedding(self.vocabulary_size, self.dim // 2, near, name="words", **options)
        self.words.build(input_shape)
        self.conv = keras.layers.Conv1D(self.filters, self.kernel_size, name="conv", **options)
        self.conv.build((None, None, self.dim // 2))
        self.project = keras.layers.Dense(self.dim, use_bias=False, name="project", **options)
        self.project.build((None, self.filters))
        self.drop = keras.layers.Dropout(self.dropout, **options)

    def call(self, inputs, *, mask=None, training=False):
        mask = mask_or_full(mask, inputs, 2)
        ids = hide(inputs, mask)
        return self._read(*self._look_up(ids), ids, mask, training)

    def embedding(self, ids):
        """All vectors that begin with a token: those of the bag, and the one that the convolution sees."""
        bag, words = self._look_up(ids)
        return ops.concatenate([*bag, words], axis=-1)

    def read(self, vectors, ids, mask, training=False):
        *bag, words = ops.split(vectors, [self.dim * place for place in range(1, self.ngrams + 1)], axis=-1)
        return self._read(bag, words, ids, mask, training)

    def _look_up(self, ids):
        return self.bag.look_up(ids, ops.not_equal(ids, 0)), self.words(ids)

    def _read(self, bag, words, ids, mask, training):
        found, real = sequence_conv(self.conv, self.drop(words, training=training), mask)
        found = ops.max(hide(ops.relu(found), real), axis=1)
        token = self.bag.add_up(bag, ids, mask, training) + self.project(self.drop(found, training=training))
        return hide(token[:, None], self.compute_mask(ids, mask))

    def compute_mask(self, inputs, mask=None):
        return ops.any(mask_or_full(mask, inputs, 2), axis=1, keepdims=True)

    def compute_output_shape(self, input_shape):
        return (input_shape[0], 1, self.dim)

    def get_config(self):
        config = {"vocabulary_size": self.vocabulary_size, "dim": self.dim, "ngrams": self.ngrams}
        more = {"filters": self.filters, "kernel_size": self.kernel_size, "dropout": self.dropout}
        return {**super().get_config(), **config, **more, "num_buckets": self.num_buckets}

    @classmethod
    def from_spec(cls, spec, dim, dropout, **options):
        return cls(vocabulary_size=spec["vocabulary_size"], dim=dim, **options)

    @classmethod
    def example(cls):
        """A tiny instance with input shape, dtype and mask shape, for the conformance sweep."""
        return cls(vocabulary_size=11, dim=8, filters=8, num_buckets=13), ((5,), "int32", (5,))
