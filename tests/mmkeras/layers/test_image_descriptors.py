import numpy as np
import pytest
from reference import to_numpy

from mmkeras.layers.image_descriptors import cell_size, colour_histogram, edge_histograms, thumbnail


def stripes(axis, size=16):
    line = np.arange(size) // 4 % 2
    image = np.broadcast_to(line[:, None] if axis == 0 else line, (size, size)).astype("float32")
    return np.repeat(image[None, ..., None], 3, axis=3)


def test_edges_know_their_direction_and_not_their_sign():
    down, across = (to_numpy(edge_histograms(stripes(axis), cells=2)).reshape(2, 2, 8).sum((0, 1)) for axis in (0, 1))
    assert np.argmax(across) == 0 and np.argmax(down) == 4  # the cosine of twice the angle: 0° and 90°
    dark = to_numpy(edge_histograms(1.0 - stripes(1), cells=2))
    np.testing.assert_allclose(dark, to_numpy(edge_histograms(stripes(1), cells=2)), atol=1e-5)


def test_a_flat_picture_has_no_edges():
    flat = np.full((1, 16, 16, 3), 0.4, "float32")
    assert np.abs(to_numpy(edge_histograms(flat))).max() < 0.1


def test_thumbnails_are_means_of_cells():
    image = np.zeros((1, 16, 16, 3), "float32")
    image[0, :2, :2] = 1.0
    small = to_numpy(thumbnail(image)).reshape(8, 8, 3)
    np.testing.assert_allclose(small[0, 0], 1.0)
    np.testing.assert_allclose(small[1:], -1.0)


def test_colours_are_roots_of_shares():
    image = np.zeros((1, 8, 8, 3), "float32")
    image[0, :, :4] = (1.0, 0.0, 0.0)
    shares = to_numpy(colour_histogram(image))[0]
    assert set(np.flatnonzero(shares > 1e-4)) == {0, 3 * 16}
    np.testing.assert_allclose(shares[[0, 48]], 8.0 * (np.sqrt(0.501) - np.sqrt(0.001)), atol=1e-5)
    between = to_numpy(colour_histogram(np.full((1, 4, 4, 1), 0.5, "float32")))[0]
    assert between[1] == between[2] > between[0] == pytest.approx(0.0, abs=1e-5)
    assert to_numpy(colour_histogram(image[..., :1])).shape == (1, 4)


def test_cells_are_at_least_a_pixel():
    assert (cell_size(64, 7), cell_size(5, 7)) == (9, 1)
