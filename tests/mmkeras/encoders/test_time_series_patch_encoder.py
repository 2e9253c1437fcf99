import re

import numpy as np
import pytest
from reference import normal, shake, to_numpy, weights

from mmkeras.encoders import TimeSeriesPatchEncoder


def test_patches_against_numpy():
    layer, x = TimeSeriesPatchEncoder(dim=6, patch_size=3, num_layers=0), normal(2, 7, 2)
    layer.build(x.shape)
    w = weights(shake(layer))
    padded = np.pad(x, [(0, 0), (0, 2), (0, 0)])
    patches = np.stack([padded[:, start : start + 3].reshape(2, -1) for start in (0, 3, 6)], 1)
    tokens = patches @ w["patches/kernel"].reshape(6, 6) + w["patches/bias"]
    placed = layer.place(tokens.astype("float32"), mask=np.ones((2, 3), bool))
    np.testing.assert_allclose(layer(x), placed, atol=1e-5)


def test_a_patch_is_real_where_a_step_is():
    layer = TimeSeriesPatchEncoder(dim=4, patch_size=3)
    mask = np.array([[1, 1, 1, 1, 0, 0, 0], [0, 0, 1, 0, 0, 0, 1], [0] * 7], bool)
    given = to_numpy(layer.compute_mask(normal(3, 7, 2), mask))
    assert given.tolist() == [[True, True, False], [True, False, True], [False] * 3]


def test_lengths():
    layer = TimeSeriesPatchEncoder(dim=4, patch_size=4, num_layers=1, num_heads=2)
    for length in range(1, 10):
        assert layer(normal(1, length, 2)).shape == (1, -(-length // 4), 4)


def test_patch_size():
    with pytest.raises(ValueError, match=re.escape("patch_size must be > 0. Received: patch_size=0.")):
        TimeSeriesPatchEncoder(patch_size=0)
