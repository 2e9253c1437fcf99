import re

import numpy as np
import pytest
from reference import dense, normal, shake, softmax, to_numpy, weights

from data_pipelines.field_spec import FieldSpec
from mmkeras.decoders import CategoryDecoder

X, MASK = normal(2, 3, 8), np.array([[1, 1, 0], [0, 0, 0]], bool)


def test_probabilities_of_the_mean_token():
    layer = CategoryDecoder(num_classes=3, pooling="mean")
    layer.build(X.shape)
    given, w = to_numpy(shake(layer)(X, mask=MASK)), weights(layer)
    np.testing.assert_allclose(given[0], softmax(dense(X[0, :2].mean(0), w, "dense")), atol=1e-6)
    np.testing.assert_allclose(given[1], softmax(w["dense/bias"]), atol=1e-6)


def test_score_by_hand():
    # Told 0 1 0 1 1 0 for 0 0 0 1 1 2; the last row has no label.
    labels, weights_ = np.array([0, 0, 0, 1, 1, 2, 2]), np.array([1.0, 1, 1, 2, 1, 1, 0])
    told = [0, 1, 0, 1, 1, 0, 2]
    predictions = np.full((7, 4), 0.1)
    predictions[range(7), told] = 0.7
    score = CategoryDecoder.score(labels, weights_, predictions)
    assert score["accuracy"] == pytest.approx(4 / 6)
    assert score["balanced_accuracy"] == pytest.approx((2 / 3 + 1 + 0) / 3)
    assert score["f1_macro"] == pytest.approx((2 * 2 / (3 + 3) + 2 * 2 / (3 + 2) + 0) / 3)
    assert score["log_loss"] == pytest.approx(-(4 * np.log(0.7) + 2 * np.log(0.1)) / 6)
    assert all(isinstance(value, float) for value in score.values())


def test_score_of_a_sure_mistake_is_finite():
    score = CategoryDecoder.score(np.array([0]), np.array([1.0]), np.array([[0.0, 1.0]]))
    assert score["log_loss"] == pytest.approx(-np.log(1e-7))


def test_loss_and_metrics():
    layer = CategoryDecoder(3)
    assert layer.default_loss(0.2).label_smoothing == 0.2
    assert [metric.name for metric in layer.default_metrics()] == ["accuracy"]
    field = FieldSpec("Category", (), details={"classes": ["a", "b"]})
    assert CategoryDecoder.from_spec(field, dropout=0.3).num_classes == 2


def test_classes():
    with pytest.raises(
        ValueError, match=re.escape("CategoryDecoder: num_classes must be > 1. Received: num_classes=1.")
    ):
        CategoryDecoder(1)
