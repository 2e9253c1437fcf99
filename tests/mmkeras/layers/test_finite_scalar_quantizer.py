"""Codes against numpy, integers there and back, and a gradient that goes straight on."""

import keras
import numpy as np
import pytest
from keras import ops

from mmkeras.layers import FiniteScalarQuantizer


def test_channels_are_rounded_to_their_levels():
    layer = FiniteScalarQuantizer((3, 4))
    values = np.linspace(-3, 3, 41, dtype="float32")
    given = ops.convert_to_numpy(layer(np.stack([values, values], 1)))
    odd = np.round(np.tanh(values) * 1.001)
    half = 1.5 * 1.001
    even = np.round(np.tanh(values + np.arctanh(0.5 / half)) * half - 0.5) / 2
    np.testing.assert_allclose(given, np.stack([odd, even], 1), atol=1e-6)
    assert set(given[:, 0].tolist()) == {-1.0, 0.0, 1.0}
    assert set(given[:, 1].tolist()) == {-1.0, -0.5, 0.0, 0.5}


def test_every_id_is_a_code_of_its_own():
    layer = FiniteScalarQuantizer((5, 4, 3))
    ids = np.arange(layer.size)
    codes = layer.codes(ids)
    np.testing.assert_array_equal(layer.ids(codes), ids)
    assert layer.size == 60 and len(np.unique(np.asarray(codes), axis=0)) == 60
    assert np.abs(np.asarray(codes)).max() <= 1.0


def test_the_gradient_is_that_of_the_bound():
    keras.utils.set_random_seed(0)
    dense = keras.layers.Dense(1, use_bias=False, kernel_initializer="ones")
    model = keras.Sequential([keras.Input((1,)), dense, FiniteScalarQuantizer((3,))])
    model.compile(keras.optimizers.SGD(1.0), lambda y, z: ops.sum(z, axis=-1))
    model.train_on_batch(np.array([[0.3]], "float32"), np.array([[0.0]]))
    slope = 1.001 * (1 - np.tanh(0.3) ** 2) * 0.3
    np.testing.assert_allclose(1.0 - np.asarray(dense.kernel)[0, 0], slope, rtol=1e-4)


def test_levels_and_channels_fit():
    with pytest.raises(ValueError, match=r"levels must be > 1. Received: levels=\(3, 1\)"):
        FiniteScalarQuantizer((3, 1))
    with pytest.raises(ValueError, match=r"a channel for each level. Received: 3 channels, levels=\(3, 3\)"):
        FiniteScalarQuantizer((3, 3)).build((None, 3))
