"""Shapley values against their definition by orders of arrival, and by their axioms."""

import itertools

import numpy as np
import pytest

from mmkeras.explaining.shapley import presence, shapley_values, subset_predictions


def by_orders(worth):
    """The mean over all orders of arrival of what each one adds as it comes."""
    count = len(worth).bit_length() - 1
    values = np.zeros((worth.shape[1], count))
    orders = list(itertools.permutations(range(count)))
    for order in orders:
        here = 0
        for player in order:
            values[:, player] += (worth[here | 1 << player] - worth[here]) / len(orders)
            here |= 1 << player
    return values


@pytest.mark.parametrize("count", [1, 2, 4])
def test_they_are_the_mean_over_all_orders(count):
    worth = np.random.default_rng(count).normal(size=(2**count, 3))
    values = shapley_values(worth)
    np.testing.assert_allclose(values, by_orders(worth), atol=1e-12)
    np.testing.assert_allclose(values.sum(1), worth[-1] - worth[0], atol=1e-12)


def test_who_changes_nothing_gets_exactly_nothing_and_equals_get_the_same():
    random = np.random.default_rng(0)
    worth = np.zeros((8, 5))
    both, one, none = random.normal(size=(3, 5))
    for subset in range(8):
        worth[subset] = (none, one, both)[(subset & 1) + (subset >> 1 & 1)]
    values = shapley_values(worth)
    np.testing.assert_array_equal(values[:, 2], 0.0)
    np.testing.assert_allclose(values[:, 0], values[:, 1], atol=1e-15)


def test_presence_is_one_bit_an_input():
    x = {"a_mask": np.array([True, False, True]), "b_mask": np.array([[True, False], [False, False], [False, True]])}
    np.testing.assert_array_equal(presence(x, ["a", "b"]), [3, 0, 3])


def test_too_many_inputs_are_refused():
    with pytest.raises(ValueError, match=r"at most 12 inputs\. Received: 13 inputs\. Do: join columns"):
        subset_predictions(None, [str(place) for place in range(13)], "kind")
