"""Forecast scores, by hand, with gaps."""

import numpy as np
import pytest
from keras import ops

from mmkeras.metrics.forecast_scores import mase, mean_error, median_error, naive_scale, smape


def test_scale_is_the_naive_error_of_the_past():
    past = np.array([1, 4, 2, 6, np.nan, 7.0])
    assert naive_scale(past, 2) == pytest.approx((1 + 2 + 1) / 3)
    assert naive_scale(past) == pytest.approx((3 + 2 + 4) / 3)
    assert mase([[3.0, np.nan]], [[5.0, 1.0]], past, 2) == pytest.approx(2 / (4 / 3))


def test_gaps_count_for_nothing():
    assert mean_error([1, np.nan, 3], [2, 9, 6]) == 2.0
    assert np.isnan(mean_error([np.nan], [1.0]))
    assert smape([1, np.nan, 0, -2], [3, 9, 0, 2]) == pytest.approx((2 * 2 / 4 + 0 + 2 * 4 / 4) / 3)
    assert np.isnan(smape([np.nan], [1.0]))


def test_median_error_is_of_the_middle():
    labels = np.array([[[1.0, 9.0, 1, 0], [2.0, 4.0, 1, 1]], [[0, 0, 0, 0], [0, 0, 0, 0]]], "float32")
    told = np.zeros((2, 2, 2, 3), "float32")
    told[..., 0], told[..., 2] = -50, 50
    np.testing.assert_allclose(ops.convert_to_numpy(median_error(labels, told)), [7 / 3, 0.0], rtol=1e-6)


def test_a_past_without_a_scale_is_refused():
    with pytest.raises(ValueError, match=r"must be measured, and differ\. Received: 0 pairs at season=9"):
        naive_scale([1.0, 2.0], 9)
    with pytest.raises(ValueError, match=r"Received: 3 pairs at season=1"):
        naive_scale([1.0] * 4)
