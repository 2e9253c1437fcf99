"""Numbers with gaps, all of them in one token."""

import keras
from keras import ops

from mmkeras.component import component
from mmkeras.layers.masking import hide, mask_or_full
from mmkeras.layers.number_bins import fill_bins

MANY = 10_000  # training rows where nobody says how many there were
LEAST_BINS, MOST_BINS = 4, 32


@component
class NumberMLPEncoder(keras.layers.Layer):
    """Cuts each number into bins, puts all of them side by side and mixes them by two dense layers.

    Where columns say more together than each alone, this learns from fewer rows than a token a number.

    Args:
        dim: int > 0. Width of the token. Defaults to `64`.
        hidden_dim: int > 0. Width of the dense layers. Defaults to `256`.
        num_bins: int > 0. Defaults to `32`; `build` takes half the root of the number of training rows, 4 to 32, since
            many bins fit few rows too well.
        column_dropout: float in [0, 1). Share of numbers treated as gaps in training. Defaults to `0.1`.
        dropout: float in [0, 1). Share of hidden features dropped in training. Defaults to `0.3`.
    Call arguments:
        inputs: float tensor `(B, N)`, scaled to about [-1, 1].
        mask: bool tensor `(B, N)` or None; False = a gap.
    Returns:
        float tensor `(B, 1, D)`, zeros where all are gaps; the mask becomes `(B, 1)`.
    Raises:
        ValueError: `num_bins` < 1.
    Example:
        >>> NumberMLPEncoder(dim=8)(np.zeros((2, 3), "float32")).shape
        TensorShape([2, 1, 8])
    References:
        [Gorishniy et al., 2022](https://arxiv.org/abs/2203.05556), piecewise linear encoding in front of an MLP.
        Differs: even bins over quantiles; gaps are zeros.
    """

    modality = "Number"
    preferred = False
    summary = True

    def __init__(self, dim=64, hidden_dim=256, num_bins=32, column_dropout=0.1, dropout=0.3, **kwargs):
        super().__init__(**kwargs)
        if num_bins < 1:
            raise ValueError(f"NumberMLPEncoder: num_bins must be > 0. Received: num_bins={num_bins}. Do: 32.")
        self.dim = dim
        self.hidden_dim = hidden_dim
        self.num_bins = num_bins
        self.column_dropout = column_dropout
        self.dropout = dropout
        self.supports_masking = True
        self.seed_generator = keras.random.SeedGenerator()

    def build(self, input_shape):
        options = {"dtype": self.dtype_policy}
        self.width = input_shape[-1] * (self.num_bins + 1)
        self.first = keras.layers.Dense(self.hidden_dim, activation="relu", name="first", **options)
        self.second = keras.layers.Dense(self.hidden_dim, activation="relu", name="second", **options)
        self.project = keras.layers.Dense(self.dim, name="project", **options)
        self.drop = keras.layers.Dropout(self.dropout, **options)
        self.first.build((None, self.width))
        self.second.build((None, self.hidden_dim))
        self.project.build((None, self.hidden_dim))

    def call(self, inputs, *, mask=None, training=False):
        mask = mask_or_full(mask, inputs, 2)
        shown = mask
        if training and self.column_dropout:
            draw = keras.random.uniform(ops.shape(mask), seed=self.seed_generator)
            shown = mask & (draw >= self.column_dropout)
        x = ops.cast(hide(inputs, mask), self.compute_dtype)
        features = hide(fill_bins(x, self.num_bins), shown)
        hidden = ops.reshape(features, (-1, self.width))
        for layer in (self.first, self.second):
            hidden = self.drop(layer(hidden), training=training)
        return hide(self.project(hidden)[:, None], self.compute_mask(inputs, mask))

    def compute_mask(self, inputs, mask=None):
        return ops.any(mask_or_full(mask, inputs, 2), axis=1, keepdims=True)

    def compute_output_shape(self, input_shape):
        return (input_shape[0], 1, self.dim)

    def get_config(self):
        config = {"dim": self.dim, "hidden_dim": self.hidden_dim, "num_bins": self.num_bins}
        return {**super().get_config(), **config, "column_dropout": self.column_dropout, "dropout": self.dropout}

    @classmethod
    def from_spec(cls, spec, dim, dropout, **options):
        """The encoder that suits what the pipeline says of the numbers."""
        bins = min(max(round(spec.details.get("cells", MANY) ** 0.5 / 2), LEAST_BINS), MOST_BINS)
        return cls(dim=dim, dropout=max(dropout, 0.3), **{"num_bins": bins, **options})

    @classmethod
    def example(cls):
        """A tiny instance with input shape, dtype and mask shape, for the conformance sweep."""
        return cls(dim=8, hidden_dim=16, num_bins=3), ((4,), "float32", (4,))
