import re

import numpy as np
import pytest
from reference import normal, to_numpy

from mmkeras.layers import RelativePosition

X, LENGTHS = normal(3, 6, 4), np.array([6, 3, 0])
MASK = np.arange(6)[None] < LENGTHS[:, None]


def test_waves_over_the_share_of_the_way():
    layer = RelativePosition(num_waves=2)
    given = to_numpy(layer(X, mask=MASK))
    mix = to_numpy(layer.mix.kernel)
    for row, length in enumerate(LENGTHS):
        for place in range(length):
            angle = (place + 0.5) / length * np.pi * np.array([1, 2])
            waves = np.concatenate([np.sin(angle), np.cos(angle)])
            np.testing.assert_allclose(given[row, place], X[row, place] + waves @ mix, atol=1e-5)
    np.testing.assert_array_equal(given[~MASK], 0.0)


def test_waves():
    with pytest.raises(ValueError, match=re.escape("num_waves must be > 0. Received: num_waves=0. Do: 16.")):
        RelativePosition(0)
