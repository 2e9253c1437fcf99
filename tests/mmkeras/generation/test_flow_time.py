"""The time of flow matching: spread in validation, and told by waves."""

import numpy as np
from keras import ops

from mmkeras.generation.flow_time import NUM_WAVES, choose_time, waves

RANDOM = np.random.default_rng(0)


def test_times_are_spread_and_belong_to_the_row():
    noise = RANDOM.normal(size=(1, 6, 3)).astype("float32")
    end = RANDOM.normal(size=(400, 6, 3)).astype("float32")
    times = ops.convert_to_numpy(choose_time(ops.convert_to_tensor(end), noise))
    assert (np.histogram(times, 5, (0, 1))[0] > 48).all()
    again = ops.convert_to_numpy(choose_time(ops.convert_to_tensor(end[::-1].copy()), noise))[::-1]
    np.testing.assert_allclose(again, times, atol=1e-5)


def test_waves_by_hand():
    told = ops.convert_to_numpy(waves(ops.convert_to_tensor(np.array([0.0, 0.5], "float32"))))
    assert told.shape == (2, NUM_WAVES)
    np.testing.assert_allclose(told[0], [0.0] * 16 + [1.0] * 16)
    np.testing.assert_allclose(told[1, [0, 15]], np.sin(2 * np.pi * 0.5 * np.array([0.25, 8.0])), atol=1e-5)
