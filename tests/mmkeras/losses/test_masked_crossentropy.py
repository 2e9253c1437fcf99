"""Cross-entropy and accuracy of hidden tokens against numpy."""

import numpy as np
import pytest

from mmkeras.losses import MaskedCrossentropy
from mmkeras.metrics.masked_token_accuracy import MaskedTokenAccuracy


@pytest.fixture
def told():
    """Two rows of three tokens, of which two, and none, are hidden."""
    logits = np.random.default_rng(0).normal(size=(2, 3, 4)).astype("float32")
    ids = np.array([[0, 3, 1], [2, 2, 0]], "float32")
    hidden = np.array([[1, 0, 1], [0, 0, 0]], "float32")
    return np.concatenate([logits, ids[..., None], hidden[..., None]], -1)


def test_hidden_tokens_count_and_no_others(told):
    loss = MaskedCrossentropy(reduction="none")
    chances = np.exp(told[..., :4]) / np.exp(told[..., :4]).sum(-1, keepdims=True)
    due = [-(np.log(chances[0, 0, 0]) + np.log(chances[0, 2, 1])) / 2, 0.0]
    np.testing.assert_allclose(loss(np.zeros((2, 1)), told), due, rtol=1e-5)
    smooth = MaskedCrossentropy(0.2, reduction="none")(np.zeros((2, 1)), told)
    even = -np.log(chances[0, [0, 2]]).mean()
    np.testing.assert_allclose(smooth, [0.8 * due[0] + 0.2 * even, 0.0], rtol=1e-5)


def test_accuracy_weighs_rows(told):
    told[0, 0, :4] = [9, 0, 0, 0]
    told[0, 2, :4] = [9, 0, 0, 0]
    told[1, 0, -1] = 1.0
    told[1, 0, :4] = [0, 0, 9, 0]
    metric = MaskedTokenAccuracy()
    metric.update_state(None, told)
    np.testing.assert_allclose(metric.result(), 2 / 3, rtol=1e-6)
    metric.reset_state()
    metric.update_state(None, told, np.array([1.0, 2.0]))
    np.testing.assert_allclose(metric.result(), 3 / 4, rtol=1e-6)


def test_smoothing_is_in_range():
    with pytest.raises(ValueError, match=r"label_smoothing must be in \[0, 1\). Received: label_smoothing=1"):
        MaskedCrossentropy(1)
