import numpy as np
from reference import to_numpy

from mmkeras.layers.number_bins import fill_bins


def test_bins_fill_one_after_the_other():
    given = to_numpy(fill_bins(np.array([[-2.0, -1.0, -0.25, 0.5, 9.0]], "float32"), 4))
    wanted = [[0, 0, 0, 0, -2], [0, 0, 0, 0, -1], [1, 0.5, 0, 0, -0.25], [1, 1, 1, 0, 0.5], [1, 1, 1, 1, 9]]
    np.testing.assert_allclose(given[0], wanted, atol=1e-6)
