import itertools
import re

import numpy as np
import pytest
from reference import to_numpy, weights

from data_pipelines.field_spec import FieldSpec
from mmkeras.encoders import NumberEncoder

X = np.array([[-2.0, 0.3], [-0.5, 1.5], [0.9, 0.0]], "float32")


def test_a_curve_in_straight_pieces():
    layer = NumberEncoder(dim=5, num_bins=4)
    given, w = to_numpy(layer(X)), weights(layer)
    edges = np.linspace(-1, 1, 5)
    for row in range(3):
        for place, x in enumerate(X[row]):
            filled = [np.clip((x - low) / (high - low), 0, 1) for low, high in itertools.pairwise(edges)]
            token = np.array([*filled, x]) @ w["curves"][place] + w["starts"][place]
            np.testing.assert_allclose(given[row, place], token, atol=1e-6)


def test_gaps():
    layer, mask = NumberEncoder(dim=5), ~np.isnan(X * [[1, np.nan], [1, 1], [np.nan, np.nan]])
    given = to_numpy(layer(np.where(mask, X, np.nan), mask=mask))
    np.testing.assert_array_equal(given, np.where(mask[..., None], to_numpy(layer(X)), 0.0))


def test_each_number_has_its_own_curve():
    given = to_numpy(NumberEncoder(dim=5)(np.zeros((1, 2), "float32")))
    assert not np.allclose(given[0, 0], given[0, 1])


def test_from_spec():
    assert NumberEncoder.from_spec(FieldSpec("Number", (3,)), dim=16, dropout=0.3).dropout == 0.3


def test_bins():
    rule = "NumberEncoder: num_bins must be > 0. Received: num_bins=0. Do: num_bins=8."
    with pytest.raises(ValueError, match=re.escape(rule)):
        NumberEncoder(num_bins=0)
