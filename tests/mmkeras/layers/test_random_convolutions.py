import numpy as np
from reference import normal, to_numpy

from mmkeras.layers import RandomConvolutions


def test_features_are_shares_peaks_and_levels():
    layer = RandomConvolutions(num_kernels=3)
    series, mask = normal(2, 40, 2), np.ones((2, 40), bool)
    mask[1] = False
    given = to_numpy(layer(series, mask=mask))
    assert given.shape == (2, 5 * 3 * 7) == tuple(layer.compute_output_shape((2, 40, 2)))
    np.testing.assert_array_equal(given[1], 0.0)
    kernel, thresholds = (to_numpy(values[0]) for values in (layer.kernels, layer.thresholds))
    padded = np.pad(series[0], ((4, 4), (0, 0)))
    answer = np.stack([np.einsum("tc,tck->k", padded[t : t + 9], kernel) for t in range(40)])
    level = np.sqrt((answer**2).mean(0) + 1e-6)
    np.testing.assert_allclose(given[0, :3], 2.0 * (answer > level * thresholds[0]).mean(0) - 1.0, atol=1e-5)
    np.testing.assert_allclose(given[0, 9:12], np.tanh(answer.max(0) / level / 3.0), atol=1e-5)
    np.testing.assert_allclose(given[0, 12:15], np.log(level), atol=1e-5)


def test_shares_and_peaks_are_the_same_however_loud_a_series_is():
    layer, series = RandomConvolutions(num_kernels=3), normal(1, 40, 2)
    loud, faint = (to_numpy(layer(scale * series)).reshape(7, 5, 3) for scale in (3.0, 0.3))
    np.testing.assert_allclose(faint[:, :4], loud[:, :4], atol=1e-3)
    np.testing.assert_allclose(loud[:, 4] - faint[:, 4], np.log(10.0), atol=1e-3)
    assert (to_numpy(layer(0.0 * series)).reshape(7, 5, 3)[:, 3] == 0.0).all()


def test_a_seed_draws_the_same_kernels_which_sum_to_zero():
    one, two, other = (RandomConvolutions(num_kernels=4, seed=seed) for seed in (1, 1, 2))
    for layer in (one, two, other):
        layer.build((None, 9, 3))
    assert not one.trainable_weights
    np.testing.assert_array_equal(to_numpy(one.kernels[0]), to_numpy(two.kernels[0]))
    assert np.abs(to_numpy(one.kernels[0]) - to_numpy(other.kernels[0])).max() > 0.1
    np.testing.assert_allclose(to_numpy(one.kernels[0]).sum(0), 0.0, atol=1e-5)
