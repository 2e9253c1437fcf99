"""Fused tokens → the steps of a series, as quantiles."""

import itertools

import keras
import numpy as np
from keras import ops

from mmkeras.component import component
from mmkeras.layers.attention_block import AttentionBlock
from mmkeras.layers.masking import mask_or_full
from mmkeras.layers.token_pooling import TokenPooling
from mmkeras.losses.pinball_loss import PinballLoss
from mmkeras.metrics.forecast_scores import mean_error, median_error, smape


@component
class SeriesDecoder(keras.layers.Layer):
    """Forecasts every step of a horizon at once: a query a step looks at the tokens, beside a linear way past them.

    h_t = blocks(q_t, tokens); μ_t = W h_t + V_t pool(tokens), the middle quantile; the others lie beyond it by sums of
    softplus(·), so that they never cross.

    Args:
        steps: int > 0. The horizon T.
        channels: int > 0. C. Defaults to `1`.
        quantiles: sequence of an odd number Q of floats in (0, 1), rising, the middle one 0.5. Defaults to
            `(0.1, 0.5, 0.9)`.
        num_layers: int > 0. Attention blocks. Defaults to `2`.
        num_heads: int > 0, a divisor of D. Defaults to `4`.
        dropout: float in [0, 1). Defaults to `0.1`.
    Call arguments:
        inputs: float tensor `(B, N, D)`.
        mask: bool tensor `(B, N)` or None.
    Returns:
        float32 tensor `(B, T, C, Q)`, standardised as the pipeline's labels are; where every token is absent, one
        forecast for all: what is usual.
    Raises:
        ValueError: `steps` or `channels` below 1, or quantiles that do not rise around 0.5.
    Example:
        >>> SeriesDecoder(steps=24)(np.ones((2, 5, 8), "float32")).shape
        TensorShape([2, 24, 1, 3])
    References:
        [Lim et al., 2021](https://arxiv.org/abs/1912.09363), quantiles by direct multi-horizon forecasts, and
        [Nie et al., 2023](https://arxiv.org/abs/2211.14730), the linear head. Differs: queries a step; quantiles are
        sorted by construction.
    """

    modality = "TimeSeries"
    preferred = True

    def __init__(self, steps, channels=1, quantiles=(0.1, 0.5, 0.9), num_layers=2, num_heads=4, dropout=0.1, **kwargs):
        super().__init__(**kwargs)
        if steps < 1 or channels < 1:
            raise ValueError(
                f"SeriesDecoder: steps and channels must be > 0. Received: steps={steps}, channels={channels}."
            )
        levels = [0.0, *quantiles, 1.0]
        rising = all(low < high for low, high in itertools.pairwise(levels))
        if not rising or len(quantiles) % 2 == 0 or quantiles[len(quantiles) // 2] != 0.5:
            raise ValueError(
                "SeriesDecoder: quantiles must rise inside (0, 1), with 0.5 in the middle. "
                f"Received: quantiles={quantiles}. Do: (0.1, 0.5, 0.9)."
            )
        self.steps = steps
        self.channels = channels
        self.quantiles = tuple(float(level) for level in quantiles)
        self.num_layers = num_layers
        self.num_heads = num_heads
        self.dropout = dropout
        self.supports_masking = True

    def build(self, input_shape):
        options, dim = {"dtype": self.dtype_policy}, input_shape[-1]
        self.queries = self.add_weight(name="queries", shape=(self.steps, dim), initializer=_waves)
        self.blocks = [
            AttentionBlock(self.num_heads, dropout=self.dropout, name=f"block_{number}", **options)
            for number in range(self.num_layers)
        ]
        for block in self.blocks:
            block.build((None, self.steps, dim), input_shape)
        self.norm = keras.layers.LayerNormalization(epsilon=1e-5, name="norm", **options)
        self.norm.build((None, self.steps, dim))
        self.pool = TokenPooling("attention", name="pool", **options)
        self.pool.build(input_shape)
        self.skip = keras.layers.Dense(self.steps * self.channels, use_bias=False, name="skip", dtype="float32")
        self.skip.build((None, dim))
        self.dense = keras.layers.Dense(self.channels * len(self.quantiles), name="dense", dtype="float32")
        self.dense.build((None, self.steps, dim))

    def call(self, inputs, *, mask=None, training=False):
        mask = mask_or_full(mask, inputs, 2)
        batch = ops.shape(inputs)[0]
        queries = ops.cast(self.queries, self.compute_dtype)[None]
        hidden = queries + ops.zeros((batch, 1, 1), self.compute_dtype)
        for block in self.blocks:
            hidden = block(hidden, inputs, context_mask=mask, training=training)
        shape = (-1, self.steps, self.channels)
        told = ops.reshape(self.dense(self.norm(hidden)), (*shape, len(self.quantiles)))
        skip = ops.reshape(self.skip(self.pool(inputs, mask=mask)), shape)
        return self._sorted(told, skip)

    def _sorted(self, told, skip):
        """The middle quantile and, on either side of it, sums of gaps that are never negative."""
        half = len(self.quantiles) // 2
        middle = told[..., half : half + 1] + skip[..., None]
        below = ops.flip(ops.cumsum(ops.flip(ops.softplus(told[..., :half]), axis=-1), axis=-1), axis=-1)
        above = ops.cumsum(ops.softplus(told[..., half + 1 :]), axis=-1)
        return ops.concatenate([middle - below, middle, middle + above], axis=-1) if half else middle

    def compute_mask(self, inputs, mask=None):
        return None

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.steps, self.channels, len(self.quantiles))

    def compute_output_spec(self, inputs, mask=None, training=False):
        return keras.KerasTensor(self.compute_output_shape(inputs.shape), "float32")

    def default_loss(self, label_smoothing=0.0):
        """Pinball loss of the quantiles; `label_smoothing` has no meaning here."""
        return PinballLoss(self.quantiles)

    def default_metrics(self):
        """Mean absolute error of the middle quantile, in standard deviations."""
        return [keras.metrics.MeanMetricWrapper(median_error, name="mae")]

    def score(self, labels, weights, predictions):
        """How far the forecast is off, over all that was measured.

        Args:
            labels: array `(N, T, C)` in own units, NaN in a gap.
            weights: array `(N,)`.
            predictions: array `(N, T, C, Q)`.
        Returns:
            dict: `mae` and `smape` of the middle quantile, `pinball` of all, `coverage`: the share of values inside
            the outermost quantiles, and `coverage_wanted`: the share that should be. For MASE, which needs the past,
            see `mmkeras.metrics.forecast_scores`.
        """
        labels = labels[weights > 0].astype("float64")
        predictions = predictions[weights > 0].astype("float64")
        real = np.isfinite(labels)
        middle = predictions[..., predictions.shape[-1] // 2]
        over = (labels[..., None] - predictions)[real]
        levels = np.array(self.quantiles)
        inside = (over[:, 0] >= 0) & (over[:, -1] <= 0)
        return {
            "mae": mean_error(labels, middle),
            "smape": smape(labels, middle),
            "pinball": float(np.maximum(levels * over, (levels - 1) * over).mean()),
            "coverage": float(inside.mean()),
            "coverage_wanted": self.quantiles[-1] - self.quantiles[0],
        }

    def get_config(self):
        config = {"steps": self.steps, "channels": self.channels, "quantiles": list(self.quantiles)}
        more = {"num_layers": self.num_layers, "num_heads": self.num_heads, "dropout": self.dropout}
        return {**super().get_config(), **config, **more}

    @classmethod
    def from_spec(cls, spec, dropout, **options):
        """The decoder that suits what the pipeline says of the target."""
        return cls(steps=spec.label.shape[0], channels=spec["channels"], dropout=dropout, **options)

    @classmethod
    def example(cls):
        """A tiny instance, its input shape and a label of its target, for the conformance sweep."""
        label = [[0.5, -1.0, 1.0, 1.0], [0.2, 0.0, 1.0, 0.0], [0.0, 0.0, 0.0, 0.0]]
        return cls(steps=3, channels=2, num_layers=1, num_heads=2, dropout=0.5), (5, 8), label


def _waves(shape, dtype=None):
    """Queries that know their place from the start: sines and cosines, as of positions."""
    place, pair = np.arange(shape[0])[:, None], np.arange(shape[1]) // 2
    angle = place * 10000.0 ** (-2.0 * pair / shape[1])
    waves = np.where(np.arange(shape[1]) % 2 == 0, np.sin(angle), np.cos(angle))
    return ops.cast(ops.convert_to_tensor(waves.astype("float32")), dtype or "float32")
