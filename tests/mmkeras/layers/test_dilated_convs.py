"""Dilated convolutions: by hand, what the vector does, how far they see."""

import numpy as np
import pytest
from keras import ops

from mmkeras.layers import DilatedConvs

STEPS = np.random.default_rng(0).normal(size=(2, 20, 4)).astype("float32")


def array(tensor):
    return ops.convert_to_numpy(tensor)


def test_a_layer_by_hand():
    layer = DilatedConvs(num_layers=1, kernel_size=3)
    told = array(layer(STEPS))
    seen = (STEPS - STEPS.mean(-1, keepdims=True)) / np.sqrt(STEPS.var(-1, keepdims=True) + 1e-5)
    kernel, padded = array(layer.convs[0].kernel), np.pad(seen, ((0, 0), (1, 1), (0, 0)))
    hidden = sum(padded[:, place : place + 20] @ kernel[place] for place in range(3))
    np.testing.assert_allclose(told, STEPS + array(ops.gelu(hidden)), atol=1e-5)


def test_the_vector_scales_and_shifts():
    layer = DilatedConvs(num_layers=1, kernel_size=1)
    condition = np.ones((2, 3), "float32")
    layer.build((None, None, 4), (None, 3))
    plain = DilatedConvs(num_layers=1, kernel_size=1)
    plain.build((None, None, 4))
    plain.convs[0].set_weights(layer.convs[0].get_weights())
    layer.films[0].set_weights([np.zeros((3, 8), "float32"), np.zeros(8, "float32")])
    np.testing.assert_allclose(array(layer(STEPS, condition)), array(plain(STEPS)), atol=1e-6)
    layer.films[0].set_weights([np.zeros((3, 8), "float32"), np.repeat([-1.0, 2.0], 4).astype("float32")])
    shifted = 2.0 * array(layer.convs[0].kernel)[0].sum(0)
    np.testing.assert_allclose(array(layer(STEPS, condition)) - STEPS, STEPS * 0 + array(ops.gelu(shifted)), atol=1e-5)


def test_it_sees_as_far_as_its_dilations_and_not_behind_a_mask():
    layer = DilatedConvs(num_layers=3, kernel_size=3)
    mask = np.arange(20)[None] < np.array([[20], [12]])
    moved = STEPS.copy()
    moved[:, 10] += [1.0, -1.0, 0.5, 2.0]
    away = np.abs(array(layer(moved, mask=mask)) - array(layer(STEPS, mask=mask))).max(-1) > 0
    assert np.flatnonzero(away[0]).tolist() == list(range(3, 18))
    assert np.flatnonzero(away[1]).tolist() == list(range(3, 12))


def test_the_kernel_is_odd():
    with pytest.raises(ValueError, match=r"kernel_size must be odd\. Received: kernel_size=4\. Do: kernel_size=5"):
        DilatedConvs(kernel_size=4)
