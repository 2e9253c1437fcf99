"""Loss of log-mel frames: by hand, blind to padding, one a row."""

import numpy as np
import pytest
from keras import ops

from mmkeras.losses import MelLoss


def test_by_hand():
    labels = np.array([[[1.0, 2.0, 1], [0, 0, 0]], [[0, 0, 0], [0, 0, 0]]], "float32")
    told = np.array([[[3.0, 1.0, 2.0], [9.0, 9.0, -1.0]], [[5.0, 5.0, 0.5], [np.nan, 0, -3.0]]], "float32")
    given = ops.convert_to_numpy(MelLoss(0.5, reduction="none")(labels, told))
    chance = 1 / (1 + np.exp(-told[..., -1].astype("float64")))
    ends = -np.log(np.where(labels[..., -1] > 0, chance, 1 - chance)).mean(1)
    np.testing.assert_allclose(given, [1.5 + 0.5 * ends[0], 0.5 * ends[1]], rtol=1e-5)


def test_several_guesses_squared_by_hand():
    labels = np.array([[[1.0, 2.0, 1], [0, 0, 0]]], "float32")
    told = np.array([[[3.0, 1.0, 1.0, 6.0, 2.0], [9.0, 9.0, 9.0, 9.0, -1.0]]], "float32")
    given = ops.convert_to_numpy(MelLoss(0.0, deviation=2.0)(labels, told))
    np.testing.assert_allclose(given, (4.0 + 1.0 + 0.0 + 16.0) / 4 / 4, rtol=1e-6)


def test_weights_are_not_negative():
    with pytest.raises(ValueError, match=r"end_weight must be ≥ 0\. Received: end_weight=-1"):
        MelLoss(-1)


def test_the_deviation_is_positive():
    with pytest.raises(ValueError, match=r"deviation must be > 0\. Received: deviation=0\.0\. Do: 4\.0"):
        MelLoss(deviation=0.0)
