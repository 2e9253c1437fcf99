"""Means and spreads of columns, gathered part by part."""

import numpy as np


def joined_moments(before, values):
    """Takes more values into the moments of columns; NaN counts for nothing.

    Differences from the mean are summed, since sums of squares cancel out where values are far from zero.

    Args:
        before: None at first, then what this gave.
        values: float64 array `(n, C)`.
    Returns:
        tuple (count, mean, sum of squared differences from the mean), an array `(C,)` each.
    """
    real = np.isfinite(values)
    count = real.sum(0)
    mean = np.where(real, values, 0.0).sum(0) / np.maximum(count, 1)
    spread = (np.where(real, values - mean, 0.0) ** 2).sum(0)
    if before is None:
        return count, mean, spread
    total, gap = before[0] + count, mean - before[1]
    share = count / np.maximum(total, 1)
    return total, before[1] + gap * share, before[2] + spread + gap**2 * before[0] * share
