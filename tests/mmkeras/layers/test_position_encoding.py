import numpy as np
from reference import normal, to_numpy

from mmkeras.layers import PositionEncoding


def test_sines_and_cosines_of_the_place():
    x = normal(2, 6, 8)
    layer = PositionEncoding(max_wavelength=100.0)
    layer.build(x.shape)
    layer.scale.assign(0.5)
    wave = np.zeros((6, 8))
    for place in range(6):
        for pair in range(4):
            angle = place / 100.0 ** (2 * pair / 8)
            wave[place, 2 * pair : 2 * pair + 2] = np.sin(angle), np.cos(angle)
    np.testing.assert_allclose(layer(x), x + 0.5 * wave, atol=1e-5)


def test_masked_tokens_are_zero():
    mask = np.array([[True, True, False]])
    given = to_numpy(PositionEncoding()(np.full((1, 3, 4), np.nan, "float32"), mask=mask & False))
    np.testing.assert_array_equal(given, 0.0)


def test_an_odd_width():
    assert PositionEncoding()(np.zeros((1, 3, 5), "float32")).shape == (1, 3, 5)
