import re

import numpy as np
import pytest
from reference import dense, shake, to_numpy, weights

from data_pipelines.field_spec import FieldSpec
from mmkeras.encoders import NumberMLPEncoder
from mmkeras.layers.number_bins import fill_bins

X = np.array([[-0.5, 0.3, 0.9], [0.1, -1.0, 0.0], [0.5, 0.5, 0.5]], "float32")
MASK = np.array([[1, 1, 1], [1, 0, 0], [0, 0, 0]], bool)


def test_two_dense_layers_over_the_bins_of_all():
    layer = NumberMLPEncoder(dim=4, hidden_dim=6, num_bins=2)
    layer.build(X.shape)
    given, w = to_numpy(shake(layer)(X, mask=MASK)), weights(layer)
    features = (to_numpy(fill_bins(X, 2)) * MASK[..., None]).reshape(3, -1)
    hidden = np.maximum(0, dense(np.maximum(0, dense(features, w, "first")), w, "second"))
    np.testing.assert_allclose(given[:2, 0], dense(hidden, w, "project")[:2], atol=1e-5)
    np.testing.assert_array_equal(given[2], 0.0)
    np.testing.assert_array_equal(layer.compute_mask(X, MASK), [[True], [True], [False]])


def test_in_training_numbers_become_gaps():
    layer = NumberMLPEncoder(dim=4, hidden_dim=6, num_bins=2, column_dropout=0.5, dropout=0.0)
    x = np.ones((400, 2), "float32")
    given = to_numpy(layer(x, training=True))[:, 0]
    kinds, counts = np.unique(given.round(5), axis=0, return_counts=True)
    assert len(kinds) == 4
    assert (np.abs(counts - 100) < 40).all()


@pytest.mark.parametrize(("cells", "bins"), [(9, 4), (100, 5), (400, 10), (2000, 22), (10**6, 32)])
def test_few_rows_have_few_bins(cells, bins):
    field = FieldSpec("Number", (3,), details={"cells": cells})
    assert NumberMLPEncoder.from_spec(field, dim=8, dropout=0.1).num_bins == bins
    field = FieldSpec("Number", (3,), details={"cells": cells})
    assert NumberMLPEncoder.from_spec(field, 8, 0.1, num_bins=7).num_bins == 7


def test_from_spec():
    layer = NumberMLPEncoder.from_spec(FieldSpec("Number", (3,)), dim=8, dropout=0.1)
    assert (layer.dim, layer.num_bins) == (8, 32)


def test_bins():
    rule = "NumberMLPEncoder: num_bins must be > 0. Received: num_bins=0. Do: 32."
    with pytest.raises(ValueError, match=re.escape(rule)):
        NumberMLPEncoder(num_bins=0)
