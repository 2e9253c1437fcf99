"""Is one system better than another, on the rows and seeds there are?"""

import numpy as np

DRAWS = 2000
CHUNK = 200


def paired(first, second, seed=0):
    """Compares two systems that were scored on the same rows, over the same seeds.

    The interval comes from a bootstrap that draws rows and seeds anew, both systems together: it holds the noise of the
    test set and that of training. The p-value is of a permutation test that swaps the two systems, row by row, in
    their means over seeds. Seeds alone can't give one: five of them have 32 swaps, so p is 0.06 or more.

    Args:
        first: float array `(S, N)`: seed by row, a score whose mean over rows is the system's.
        second: the same of the other system.
        seed: int. Defaults to `0`.
    Returns:
        dict: `difference` of the means, `low` and `high` of its 95 % interval, `noise` (half of the interval's width),
        `p` (two-sided), `is_clear` (the interval leaves out zero).
    Raises:
        ValueError: shapes that differ.
    References:
        [Owen, 2007](https://doi.org/10.1214/07-AOAS122), the bootstrap that draws rows and columns.
    """
    first, second = np.asarray(first, "float64"), np.asarray(second, "float64")
    if first.shape != second.shape:
        raise ValueError(
            "paired: both systems must have the same seeds and rows. "
            f"Received: {first.shape}, {second.shape}. Do: score both on the same rows."
        )
    random = np.random.default_rng(seed)
    apart = first - second
    means = _redrawn_means(apart, random)
    low, high = (float(value) for value in np.quantile(means, (0.025, 0.975)))
    return {
        "difference": float(apart.mean()),
        "low": low,
        "high": high,
        "noise": (high - low) / 2,
        "p": _swap_test(apart.mean(0), random),
        "is_clear": bool(low > 0 or high < 0),
    }


def _redrawn_means(apart, random):
    seeds, rows = apart.shape
    means = []
    for _ in range(0, DRAWS, CHUNK):
        by_seed = random.multinomial(seeds, np.full(seeds, 1 / seeds), CHUNK) / seeds
        by_row = random.multinomial(rows, np.full(rows, 1 / rows), CHUNK) / rows
        means.append(((by_seed @ apart) * by_row).sum(1))
    return np.concatenate(means)


def _swap_test(apart, random):
    """Share of random sign flips whose mean is at least as far from zero."""
    apart = apart[apart != 0]
    if not len(apart):
        return 1.0
    far = abs(apart.sum()) - 1e-12
    found = 0
    for _ in range(0, DRAWS, CHUNK):
        signs = random.integers(0, 2, (CHUNK, len(apart))) * 2 - 1
        found += int((np.abs(signs @ apart) >= far).sum())
    return (found + 1) / (DRAWS + 1)


def holm(chances):
    """P-values of several tests at once, by Holm's rule: dict → dict."""
    order = sorted(chances, key=chances.get)
    adjusted, most = {}, 0.0
    for place, name in enumerate(order):
        most = max(most, min(1.0, (len(order) - place) * chances[name]))
        adjusted[name] = most
    return adjusted
