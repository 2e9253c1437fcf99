"""How good a forecast is, beside the simplest one there is."""

import keras
import numpy as np
from keras import ops


@keras.saving.register_keras_serializable("mmkeras")
def median_error(y_true, y_pred):
    """Mean absolute error of the middle quantile, over the measured values of each row.

    Args:
        y_true: float tensor `(B, T, 2 C)`: values, then flags, as `TimeSeries` gives them.
        y_pred: float tensor `(B, T, C, Q)`.
    Returns:
        float32 tensor `(B,)`; 0 for a row of gaps.
    """
    channels, count = y_pred.shape[2:]
    flags = y_true[..., channels:] > 0
    error = ops.abs(ops.cast(y_true[..., :channels], "float32") - ops.cast(y_pred[..., count // 2], "float32"))
    total = ops.sum(ops.where(flags, error, 0.0), axis=(1, 2))
    return total / ops.maximum(ops.sum(ops.cast(flags, "float32"), axis=(1, 2)), 1.0)


def naive_scale(series, season=1):
    """Mean absolute error of the seasonal naive forecast, "as a season ago", inside a series; the scale of MASE.

    Args:
        series: array `(T, …)`, in order of time, of the training part only; NaN is a gap.
        season: int > 0. Steps of a season. Defaults to `1`: as the step before.
    Raises:
        ValueError: a series without two measured values a season apart, or one that never moves.
    """
    series = np.asarray(series, "float64")
    error = np.abs(series[season:] - series[:-season])
    scale = error[np.isfinite(error)]
    if not scale.size or not scale.mean() > 0:
        raise ValueError(
            f"naive_scale: values a season apart must be measured, and differ. Received: {scale.size} pairs at "
            f"season={season}. Do: a longer series."
        )
    return float(scale.mean())


def mase(actual, told, past, season=1):
    """Mean absolute scaled error: below 1, the forecast errs less than the naive one did inside the training part.

    Args:
        actual: array of what was measured; NaN is a gap.
        told: array of the same shape.
        past: array `(T, …)`, the training part of the series, in order of time.
        season: int > 0. Defaults to `1`.
    References:
        [Hyndman & Koehler, 2006](https://doi.org/10.1016/j.ijforecast.2006.03.001).
    """
    return mean_error(actual, told) / naive_scale(past, season)


def mean_error(actual, told):
    """Mean absolute error over what was measured; NaN where nothing was."""
    error = np.abs(np.asarray(actual, "float64") - np.asarray(told, "float64"))
    return float(error[np.isfinite(error)].mean()) if np.isfinite(error).any() else float("nan")


def smape(actual, told):
    """Symmetric mean absolute percentage error, 0 … 2, as in the M4 competition; 0 where both are 0."""
    actual, told = np.asarray(actual, "float64"), np.asarray(told, "float64")
    error, level = np.abs(actual - told), np.abs(actual) + np.abs(told)
    real = np.isfinite(error)
    shares = np.divide(2 * error, level, out=np.zeros_like(error), where=real & (level > 0))
    return float(shares[real].mean()) if real.any() else float("nan")
