"""What a ranking is worth, exactly, with ties counted as if broken at random: as numpy functions."""

import math

import numpy as np

# Equal inputs embedded in batches of other lengths differ by about 1e-7.
DIGITS = 6


def judge_ranking(scores, relevant, ks=(1, 5, 10)):
    """Scores of one query, each the mean over all orders of candidates that have the same score.

    Args:
        scores: float array `(N,)`, higher is better; equal up to six digits is equal.
        relevant: bool array `(N,)`, at least one True.
        ks: ints > 0.
    Returns:
        dict: `rank` (of the first relevant candidate, from 1), `average_precision`, and `R@k`, the chance that the
        first k hold a relevant one.
    Example:
        >>> judge_ranking([0.9, 0.5, 0.5], [False, True, False], ks=(2,))
        {'rank': 2.5, 'average_precision': 0.41666666666666663, 'R@2': 0.5}
    References:
        [McSherry and Najork, 2008](https://doi.org/10.1007/978-3-540-78646-7_38), average precision with ties.
    """
    levels, place = np.unique(-np.round(np.asarray(scores, "float64"), DIGITS), return_inverse=True)
    size = np.bincount(place, minlength=len(levels))
    hits = np.bincount(place, np.asarray(relevant, "float64"), len(levels)).astype(int)
    above, hits_above = np.cumsum(size) - size, np.cumsum(hits) - hits
    first = int(np.argmax(hits > 0))
    total = sum(_precision(*level) for level in zip(size, hits, above, hits_above, strict=True) if level[1])
    return {
        "rank": float(above[first] + (size[first] + 1) / (hits[first] + 1)),
        "average_precision": float(total / hits.sum()),
        **{f"R@{k}": _chance(k - int(above[first]), int(size[first]), int(hits[first])) for k in ks},
    }


def _precision(size, hits, above, hits_above):
    """The expected sum of precisions at the hits of one level of equal scores."""
    place = np.arange(1, size + 1)
    others = (place - 1) * (hits - 1) / max(size - 1, 1)
    return (hits / size * (hits_above + 1 + others) / (above + place)).sum()


def _chance(slots, size, hits):
    """The chance that `slots` drawn of `size` hold one of `hits`."""
    if slots <= 0:
        return 0.0
    return 1.0 - math.comb(size - hits, slots) / math.comb(size, slots) if slots < size else 1.0
