import re

import keras
import numpy as np
import pytest
from reference import normal, softmax

from mmkeras.losses import SmoothedCrossentropy

LABELS, PREDICTIONS = np.array([2, 0, 1]), softmax(normal(3, 4)).astype("float32")


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.5])
@pytest.mark.parametrize("shape", [(3,), (3, 1)])
def test_as_keras_does_with_one_hot_labels(smoothing, shape):
    wanted = keras.losses.CategoricalCrossentropy(label_smoothing=smoothing)(np.eye(4)[LABELS], PREDICTIONS)
    given = SmoothedCrossentropy(smoothing)(LABELS.reshape(shape), PREDICTIONS)
    np.testing.assert_allclose(float(given), float(wanted), rtol=1e-6)


def test_against_numpy_and_with_weights():
    hot = np.eye(4)[LABELS] * 0.8 + 0.2 / 4
    wanted = -(hot * np.log(PREDICTIONS)).sum(1)
    np.testing.assert_allclose(SmoothedCrossentropy(0.2, reduction=None)(LABELS, PREDICTIONS), wanted, rtol=1e-5)
    weighted = SmoothedCrossentropy(0.2)(LABELS, PREDICTIONS, sample_weight=np.array([1.0, 0.0, 2.0]))
    np.testing.assert_allclose(float(weighted), (wanted * [1, 0, 2]).mean(), rtol=1e-5)


@pytest.mark.parametrize("smoothing", [-0.1, 1.0])
def test_smoothing(smoothing):
    rule = f"SmoothedCrossentropy: label_smoothing must be in [0, 1). Received: label_smoothing={smoothing}."
    with pytest.raises(ValueError, match=re.escape(rule)):
        SmoothedCrossentropy(smoothing)
