"""Moments gathered in parts against numpy's of the whole."""

import numpy as np

from data_pipelines.cells.moments import joined_moments


def test_parts_give_the_moments_of_the_whole():
    random = np.random.default_rng(0)
    values = random.normal(size=(50, 3)) * [1, 1e3, 1e-3] + [0, 5e4, 1]
    values[random.random(values.shape) < 0.3] = np.nan
    values[:10, 2] = np.nan
    moments = None
    for part in np.split(values, [1, 10, 30]):
        moments = joined_moments(moments, part)
    count, mean, spread = moments
    np.testing.assert_array_equal(count, np.isfinite(values).sum(0))
    np.testing.assert_allclose(mean, np.nanmean(values, 0))
    np.testing.assert_allclose(np.sqrt(spread / count), np.nanstd(values, 0))


def test_far_from_zero_the_spread_is_still_there():
    values = 1.7e9 + np.array([[0.0], [1.0], [2.0], [3.0]])
    _, mean, spread = joined_moments(joined_moments(None, values[:1]), values[1:])
    np.testing.assert_allclose([mean[0], spread[0]], [1.7e9 + 1.5, 5.0])


def test_a_column_without_numbers():
    count, mean, spread = joined_moments(joined_moments(None, np.full((2, 1), np.nan)), np.full((1, 1), np.nan))
    assert (count[0], mean[0], spread[0]) == (0, 0, 0)
