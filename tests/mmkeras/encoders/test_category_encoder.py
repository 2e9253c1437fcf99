import re

import numpy as np
import pytest
from reference import to_numpy

from data_pipelines.field_spec import FieldSpec
from mmkeras.encoders import CategoryEncoder


def test_one_token_a_label():
    layer, ids = CategoryEncoder(num_classes=3, dim=4), np.array([0, 3, 1], "int32")
    given = to_numpy(layer(ids, mask=np.array([True, True, False])))
    table = to_numpy(layer.embedding.embeddings)
    assert table.shape == (4, 4)
    np.testing.assert_array_equal(given[:, 0], [table[0], table[3], np.zeros(4)])


def test_several_labels():
    layer, ids = CategoryEncoder(num_classes=3, dim=4), np.array([[1, 2], [3, 99]], "int32")
    mask = np.array([[True, True], [True, False]])
    given, table = to_numpy(layer(ids, mask=mask)), to_numpy(layer.embedding.embeddings)
    np.testing.assert_array_equal(given, [[table[1], table[2]], [table[3], np.zeros(4)]])
    assert layer.compute_output_shape((None, None)) == (None, None, 4)
    np.testing.assert_array_equal(layer.compute_mask(ids, mask), mask)


def test_dropout_makes_labels_unknown():
    layer, ids = CategoryEncoder(num_classes=2, dim=4, dropout=0.25), np.ones((4000,), "int32")
    given, table = to_numpy(layer(ids, training=True))[:, 0], to_numpy(layer.embedding.embeddings)
    unknown = np.isclose(given, table[0]).all(1)
    assert abs(unknown.mean() - 0.25) < 0.03
    np.testing.assert_array_equal(given[~unknown], np.broadcast_to(table[1], given[~unknown].shape))


def test_from_spec():
    field = FieldSpec("Category", (), details={"classes": ["a", "b"]})
    assert CategoryEncoder.from_spec(field, dim=8, dropout=0.0).num_classes == 2
    field = FieldSpec("Category", (), details={"classes": []})
    assert CategoryEncoder.from_spec(field, dim=8, dropout=0.0).num_classes == 1


def test_classes():
    with pytest.raises(
        ValueError, match=re.escape("CategoryEncoder: num_classes must be > 0. Received: num_classes=0.")
    ):
        CategoryEncoder(num_classes=0)
