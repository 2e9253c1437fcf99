"""How far quantiles are off what was measured."""

import keras
from keras import ops

from mmkeras.component import component


@component
class PinballLoss(keras.losses.Loss):
    """Pinball loss of quantiles, averaged over the measured values of a row.

    ρ_q(y − ŷ) = max(q (y − ŷ), (q − 1)(y − ŷ)), least in the mean where ŷ is the quantile q of y.

    Args:
        quantiles: sequence of Q floats in (0, 1). Defaults to `(0.1, 0.5, 0.9)`.
    Call arguments:
        y_true: float tensor `(B, T, 2 C)`: C values, then C flags, 1 = measured, 0 = gap.
        y_pred: float tensor `(B, T, C, Q)`.
    Raises:
        ValueError: a quantile outside (0, 1), or none.
    Example:
        >>> value = PinballLoss([0.5])(np.array([[[3.0, 1.0]]]), np.array([[[[1.0]]]], "float32"))
        >>> float(value)
        1.0
    References:
        [Koenker & Bassett, 1978](https://doi.org/10.2307/1913643). Differs: gaps count for nothing; a row of gaps has
        loss 0.
    """

    def __init__(self, quantiles=(0.1, 0.5, 0.9), name="pinball_loss", **kwargs):
        super().__init__(name=name, **kwargs)
        if not quantiles or not all(0 < level < 1 for level in quantiles):
            raise ValueError(f"PinballLoss: quantiles must be in (0, 1). Received: quantiles={quantiles}. Do: [0.5].")
        self.quantiles = tuple(float(level) for level in quantiles)

    def call(self, y_true, y_pred):
        channels = y_pred.shape[2]
        labels, flags = ops.cast(y_true[..., :channels], "float32"), y_true[..., channels:] > 0
        over = ops.where(flags[..., None], labels[..., None] - ops.cast(y_pred, "float32"), 0.0)
        levels = ops.convert_to_tensor(self.quantiles, "float32")
        missed = ops.mean(ops.maximum(levels * over, (levels - 1.0) * over), axis=-1)
        total = ops.sum(missed, axis=(1, 2))
        return total / ops.maximum(ops.sum(ops.cast(flags, "float32"), axis=(1, 2)), 1.0)

    def get_config(self):
        return {**super().get_config(), "quantiles": list(self.quantiles)}

    @classmethod
    def example(cls):
        """A tiny instance, labels and predictions, for the conformance sweep."""
        labels = [[[0.5, 1.0], [0.0, 0.0]], [[0.0, 0.0], [0.0, 0.0]]]
        return cls((0.2, 0.5)), labels, [[[[0.2, 0.5]], [[9.0, 9.0]]]] * 2
