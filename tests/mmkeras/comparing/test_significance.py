"""Intervals and p-values against what is known of them."""

import math

import numpy as np
import pytest

from mmkeras.comparing.significance import holm, paired


def test_the_interval_is_that_of_a_paired_mean_where_seeds_agree():
    random = np.random.default_rng(0)
    row = random.normal(0.1, 1.0, 400)
    first = np.stack([row, row, row])
    test = paired(first, np.zeros((3, 400)))
    assert test["difference"] == pytest.approx(row.mean())
    assert test["noise"] == pytest.approx(1.96 * row.std() / 20, rel=0.1)
    assert test["low"] < row.mean() < test["high"]
    assert test["is_clear"] == (test["low"] > 0 or test["high"] < 0)


def test_the_noise_of_seeds_counts_too():
    shifts = np.array([-0.2, 0.0, 0.1, 0.2, 0.4])[:, None]
    test = paired(np.zeros((5, 1000)) + shifts, np.zeros((5, 1000)))
    assert test["noise"] == pytest.approx(1.96 * shifts.std() / math.sqrt(5), rel=0.15)


def test_p_is_that_of_mcnemars_exact_test():
    """Of 20 rows on which two systems differ, 16 are for the first: 2 · P(≥ 16 of 20 coins) = 0.0118."""
    first = np.array([[1.0] * 16 + [0.0] * 4 + [1.0] * 80])
    second = np.array([[0.0] * 16 + [1.0] * 4 + [1.0] * 80])
    exact = 2 * sum(math.comb(20, k) for k in range(16, 21)) / 2**20
    assert paired(first, second)["p"] == pytest.approx(exact, abs=0.006)


def test_the_same_is_the_same():
    scores = np.random.default_rng(0).random((2, 30))
    test = paired(scores, scores)
    assert test["p"] == 1.0 and not test["is_clear"] and test["noise"] == 0.0


def test_holm():
    adjusted = holm({"a": 0.01, "b": 0.04, "c": 0.03, "d": 0.9})
    assert adjusted == pytest.approx({"a": 0.04, "c": 0.09, "b": 0.09, "d": 0.9})
    assert holm({}) == {}


def test_shapes_must_agree():
    with pytest.raises(ValueError, match=r"same seeds and rows. Received: \(1, 3\), \(2, 3\)"):
        paired(np.zeros((1, 3)), np.zeros((2, 3)))
