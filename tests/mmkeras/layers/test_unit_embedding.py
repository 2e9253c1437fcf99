import re

import numpy as np
import pytest
from reference import dense, normal, shake, to_numpy, weights

from mmkeras.layers import UnitEmbedding

X = normal(3, 4, 8)
MASK = np.array([[1, 1, 0, 0], [1, 1, 1, 1], [0, 0, 0, 0]], bool)


def test_pool_project_and_scale():
    layer = UnitEmbedding(5)
    layer.build(X.shape)
    shake(layer)
    given = to_numpy(layer(X, mask=MASK))
    wanted = dense(np.stack([X[0, :2].mean(0), X[1].mean(0)]), weights(layer), "project")
    np.testing.assert_allclose(given[:2], wanted / np.linalg.norm(wanted, axis=1, keepdims=True), atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(given, axis=1), [1, 1, 0], atol=1e-6)
    np.testing.assert_array_equal(to_numpy(layer.compute_mask(X, MASK)), [True, True, False])


def test_float32_lengths_hold_where_tokens_are_bfloat16():
    given = UnitEmbedding(5, dtype="float32")(X.astype("float16"))
    np.testing.assert_allclose(np.linalg.norm(to_numpy(given), axis=1), 1.0, atol=1e-6)


def test_dim():
    with pytest.raises(ValueError, match=re.escape("UnitEmbedding: dim must be > 0. Received: dim=0. Do: dim=64.")):
        UnitEmbedding(0)
