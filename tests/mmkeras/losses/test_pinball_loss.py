"""Pinball loss: by hand, blind to gaps, one a row."""

import numpy as np
import pytest
from keras import ops

from mmkeras.losses import PinballLoss


def test_by_hand_over_what_was_measured():
    labels = np.array([[[1.0, 5.0, 1, 1], [2.0, np.nan, 1, 0]], [[0, 0, 0, 0], [0, 0, 0, 0]]], "float32")
    told = np.full((2, 2, 2, 2), 3.0, "float32")
    told[0, 1, 1] = np.nan
    given = ops.convert_to_numpy(PinballLoss((0.2, 0.5), reduction="none")(labels, told))
    each = []
    for value in (1.0, 5.0, 2.0):
        each += [max(q * (value - 3), (q - 1) * (value - 3)) for q in (0.2, 0.5)]
    np.testing.assert_allclose(given, [np.mean(each), 0.0], rtol=1e-6)


def test_it_is_least_at_the_quantile():
    values = np.random.default_rng(0).exponential(size=2000).astype("float32")
    labels = np.stack([values, np.ones_like(values)], -1)[None]
    loss = [
        float(PinballLoss([0.9])(labels, np.full((1, 2000, 1, 1), q, "float32")))
        for q in np.quantile(values, [0.8, 0.9, 0.95])
    ]
    assert loss[1] < min(loss[0], loss[2])


@pytest.mark.parametrize("quantiles", [(), (0.0, 0.5), (1.2,)])
def test_quantiles_outside_are_refused(quantiles):
    with pytest.raises(ValueError, match=r"quantiles must be in \(0, 1\)\. Received: quantiles=\("):
        PinballLoss(quantiles)
