"""Words and the pairs that they form, added up."""

import keras
from keras import ops

from mmkeras.component import component
from mmkeras.layers.masking import hide, mask_or_full
from mmkeras.layers.token_embedding import TokenEmbedding

UNKNOWN, STEP = 1, 31


@component
class NGramBag(keras.layers.Layer):
    """Adds up the vectors of tokens and of groups of tokens that follow each other.

    h = Σ_g w_g e_g / √(Σ_g w_g²), over tokens and groups g of up to n. The vectors of groups lie in buckets, found by a
    hash of their ids. Ids go by falling frequency, so a token's w = log(10 + id) / 5 grows like an inverse document
    frequency; a group's is 1.

    Args:
        vocabulary_size: int > 2. Ids run from 0 to one less; 0 is padding, 1 an unknown token, which says nothing.
        dim: int > 0. Width of the vector. Defaults to `64`.
        ngrams: int > 0. Longest group. Defaults to `2`.
        num_buckets: int in 2 … 60000. For the groups of each length. Defaults to `10000`.
        token_dropout: float in [0, 1). Share of tokens and groups dropped in training; the others weigh more.
            Defaults to `0.3`.
    Call arguments:
        inputs: int tensor `(B, T)`.
        mask: bool tensor `(B, T)` or None.
    Returns:
        float tensor `(B, D)`, zeros where nothing is known.
    Raises:
        ValueError: a number out of range.
    Example:
        >>> NGramBag(vocabulary_size=10, dim=8)(np.ones((2, 5), "int32")).shape
        TensorShape([2, 8])
    References:
        [Joulin et al., 2016](https://arxiv.org/abs/1607.01759), hashed groups of words. Differs: the weights, the root
        in place of the count, and the dropping of groups.
    """

    def __init__(self, vocabulary_size, dim=64, ngrams=2, num_buckets=10000, token_dropout=0.3, **kwargs):
        super().__init__(**kwargs)
        if vocabulary_size < 3 or ngrams < 1 or not 2 <= num_buckets <= 60000:
            raise ValueError(
                "NGramBag: vocabulary_size must be > 2, ngrams > 0, num_buckets in 2 … 60000. Received: "
                f"vocabulary_size={vocabulary_size}, ngrams={ngrams}, num_buckets={num_buckets}. Do: the defaults."
            )
        self.vocabulary_size = vocabulary_size
        self.dim = dim
        self.ngrams = ngrams
        self.num_buckets = num_buckets
        self.token_dropout = token_dropout
        self.supports_masking = True
        self.seed_generator = keras.random.SeedGenerator()

    def build(self, input_shape):
        small = keras.initializers.RandomNormal(stddev=0.01)
        sizes = [self.vocabulary_size, *[self.num_buckets] * (self.ngrams - 1)]
        self.tables = [
            TokenEmbedding(size, self.dim, small, name=f"table_{place}", dtype=self.dtype_policy)
            for place, size in enumerate(sizes)
        ]
        for table in self.tables:
            table.build(input_shape)

    def call(self, inputs, *, mask=None, training=False):
        mask = mask_or_full(mask, inputs, 2)
        return self.add_up(self.look_up(inputs, mask), inputs, mask, training)

    def look_up(self, ids, mask):
        """The vectors of each token and of the groups that begin with it: `ngrams` tensors `(B, T, D)`."""
        groups = self._groups(ops.cast(hide(ids, mask), "int32"))
        return [table(found) for table, (found, _) in zip(self.tables, groups, strict=True)]

    def add_up(self, vectors, ids, mask, training=False):
        """What `look_up` gave, as one vector, `(B, D)`."""
        total, squares = 0.0, 0.0
        groups = self._groups(ops.cast(hide(ids, mask), "int32"))
        for those, (_, weights) in zip(vectors, groups, strict=True):
            squares = squares + ops.sum(weights**2, axis=1)
            if training and self.token_dropout:
                draw = keras.random.uniform(ops.shape(weights), seed=self.seed_generator)
                weights = hide(weights, draw >= self.token_dropout) / (1.0 - self.token_dropout)
            total = total + ops.einsum("bt,btd->bd", ops.cast(weights, those.dtype), those)
        return total * ops.cast(ops.rsqrt(ops.maximum(squares, 1.0)), total.dtype)[:, None]

    def _groups(self, ids):
        """For each length, the ids of the groups that start at each token, and their weights, 0 where padding is in."""
        steps = ids.shape[1] or ops.shape(ids)[1]
        # Groups that would begin near the end are all padding.
        padded = ops.pad(ids, ((0, 0), (0, self.ngrams - 1)))
        groups, real = ids, ids > 0
        found = [(ids, hide(ops.log(10.0 + ops.cast(ids, "float32")) / 5.0, ids > UNKNOWN))]
        for length in range(2, self.ngrams + 1):
            after = padded[:, length - 1 : steps + length - 1]
            groups, real = ops.mod(groups * STEP + after, self.num_buckets), real & (after > 0)
            found.append((groups, ops.cast(real, "float32")))
        return found

    def compute_mask(self, inputs, mask=None):
        return None

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.dim)

    def get_config(self):
        config = {"vocabulary_size": self.vocabulary_size, "dim": self.dim, "ngrams": self.ngrams}
        more = {"num_buckets": self.num_buckets, "token_dropout": self.token_dropout}
        return {**super().get_config(), **config, **more}

    @classmethod
    def example(cls):
        """A tiny instance with input shape, dtype and mask shape, for the conformance sweep."""
        return cls(11, 8, num_buckets=13, token_dropout=0.5), ((5,), "int32", (5,))
