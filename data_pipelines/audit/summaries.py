"""Many values in a few figures: range, middle, bins of a histogram, the most common labels."""

import collections

import numpy as np

BINS = 24
LISTED = 100
FAR = 3.0  # quartile ranges beyond the quartiles


def summary(values):
    """Range, quartiles and a histogram of numbers, JSON-ready.

    Args:
        values: sequence of float; NaN and infinite ones are left out.
    Returns:
        dict: `count`, `min`, `low` (first quartile), `median`, `high` (third quartile), `max`, and `bins` with `edges`
        (one more than `counts`) and `counts`. None where there is no number.
    """
    values = np.asarray(values, "float64")
    values = values[np.isfinite(values)]
    if not len(values):
        return None
    low, median, high = np.quantile(values, (0.25, 0.5, 0.75))
    return {
        "count": len(values),
        "min": _plain(values.min()),
        "low": _plain(low),
        "median": _plain(median),
        "high": _plain(high),
        "max": _plain(values.max()),
        "bins": _bins(values),
    }


def counted(values, most=LISTED):
    """Values → how often each occurs, the most common first; ties go by the alphabet."""
    counts = collections.Counter(str(value) for value in values)
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:most])


def outliers(values):
    """Places of values more than three quartile ranges beyond the quartiles; bool array."""
    values = np.asarray(values, "float64")
    real = values[np.isfinite(values)]
    if len(real) < 8:
        return np.zeros(len(values), bool)
    low, high = np.quantile(real, (0.25, 0.75))
    reach = FAR * (high - low)
    return (values < low - reach) | (values > high + reach) if reach > 0 else np.zeros(len(values), bool)


def _bins(values):
    """Edges and counts; a bin a value where there are few whole ones."""
    low, high = values.min(), values.max()
    if (values == np.round(values)).all() and high - low < BINS:
        edges = np.arange(low - 0.5, high + 1)
    elif high > low and np.isfinite(high - low):
        edges = np.linspace(low, high, BINS + 1)
    else:
        edges = np.array([low, np.nextafter(high, np.inf)])
    counts, edges = np.histogram(values, np.unique(edges))
    return {"edges": [_plain(edge) for edge in edges], "counts": counts.tolist()}


def _plain(value):
    """A float with six digits that count."""
    return float(f"{value:.6g}")
