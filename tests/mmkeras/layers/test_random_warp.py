import numpy as np
import pytest
from reference import normal, to_numpy

from mmkeras.layers import RandomWarp


def test_images_change_in_training_alone():
    images = normal(3, 12, 10, 3)
    layer = RandomWarp()
    np.testing.assert_array_equal(to_numpy(layer(images)), images)
    changed = to_numpy(layer(images, training=True))
    assert changed.shape == images.shape
    assert (np.abs(changed - images).max(axis=(1, 2, 3)) > 0.01).all()


def test_nothing_moves_where_nothing_may():
    images = normal(2, 9, 7, 1)
    given = to_numpy(RandomWarp(0.0, 0.0, 0.0)(images, training=True))
    np.testing.assert_allclose(given, images, atol=1e-5)


def test_a_shift_moves_a_point_no_further_than_it_says():
    images = np.zeros((64, 21, 21, 1), "float32")
    images[:, 10, 10] = 1.0
    given = to_numpy(RandomWarp(0.0, 0.0, 0.1)(images, training=True))[..., 0]
    rows, columns = (np.einsum("bhw,n->b", given, [1.0]) > 0.99), given.reshape(64, -1).argmax(1)
    assert rows.all()
    far = np.abs(np.stack(np.unravel_index(columns, (21, 21))) - 10)
    assert far.max() == 2


def test_a_turn_leaves_the_middle_where_it_is():
    images = np.zeros((8, 21, 21, 1), "float32")
    images[:, 10, 10] = 1.0
    given = to_numpy(RandomWarp(0.5, 0.0, 0.0)(images, training=True))
    np.testing.assert_allclose(given[:, 10, 10, 0], 1.0, atol=1e-4)


def test_shares_are_checked():
    with pytest.raises(ValueError, match="zoom and shift in"):
        RandomWarp(shift=1.5)
