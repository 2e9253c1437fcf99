import numpy as np
from reference import normal, to_numpy

from mmkeras.layers import RandomConvolutions


def test_features_are_shares_and_peaks():
    layer = RandomConvolutions(num_kernels=3)
    series, mask = normal(2, 40, 2), np.ones((2, 40), bool)
    mask[1] = False
    given = to_numpy(layer(series, mask=mask))
    assert given.shape == (2, 4 * 3 * 7) == tuple(layer.compute_output_shape((2, 40, 2)))
    assert np.abs(given).max() <= 1.0
    np.testing.assert_array_equal(given[1], 0.0)
    kernel, thresholds = (to_numpy(values[0]) for values in (layer.kernels, layer.thresholds))
    padded = np.pad(series[0], ((4, 4), (0, 0)))
    answer = np.stack([np.einsum("tc,tck->k", padded[t : t + 9], kernel) for t in range(40)])
    np.testing.assert_allclose(given[0, :3], 2.0 * (answer > thresholds[0]).mean(0) - 1.0, atol=1e-5)
    np.testing.assert_allclose(given[0, 9:12], np.tanh(answer.max(0) / 3.0), atol=1e-5)


def test_a_seed_draws_the_same_kernels_which_sum_to_zero():
    one, two, other = (RandomConvolutions(num_kernels=4, seed=seed) for seed in (1, 1, 2))
    for layer in (one, two, other):
        layer.build((None, 9, 3))
    assert not one.trainable_weights
    np.testing.assert_array_equal(to_numpy(one.kernels[0]), to_numpy(two.kernels[0]))
    assert np.abs(to_numpy(one.kernels[0]) - to_numpy(other.kernels[0])).max() > 0.1
    np.testing.assert_allclose(to_numpy(one.kernels[0]).sum(0), 0.0, atol=1e-5)
