import keras
import numpy as np
import pytest
from reference import dense, normal, shake, to_numpy, weights

from data_pipelines.field_spec import FieldSpec
from mmkeras.decoders import NumberDecoder

X, MASK = normal(2, 3, 8), np.array([[1, 1, 0], [0, 0, 0]], bool)


def test_a_number_of_the_mean_token():
    layer = NumberDecoder(pooling="mean")
    layer.build(X.shape)
    given, w = to_numpy(shake(layer)(X, mask=MASK)), weights(layer)
    np.testing.assert_allclose(given[0], dense(X[0, :2].mean(0), w, "dense"), atol=1e-5)
    np.testing.assert_allclose(given[1], w["dense/bias"], atol=1e-6)


def test_score_by_hand():
    labels, told = np.array([[1.0], [2.0], [3.0], [99.0]]), np.array([[1.0], [4.0], [2.0], [0.0]])
    score = NumberDecoder.score(labels, np.array([1.0, 0.5, 1.0, 0.0]), told)
    assert score["mae"] == pytest.approx(1.0)
    assert score["rmse"] == pytest.approx((5 / 3) ** 0.5)
    assert score["r2"] == pytest.approx(1 - 5 / 2)


def test_score_of_labels_that_are_all_the_same():
    assert NumberDecoder.score(np.ones((2, 1)), np.ones(2), np.zeros((2, 1)))["r2"] == 0.0
    assert NumberDecoder.score(np.full((19, 1), 0.1), np.ones(19), np.zeros((19, 1)))["r2"] == 0.0


def test_loss_and_metrics():
    layer = NumberDecoder.from_spec(FieldSpec("Number", ()), dropout=0.3)
    assert layer.dropout == 0.0
    assert isinstance(layer.default_loss(0.1), keras.losses.MeanSquaredError)
    assert [metric.name for metric in layer.default_metrics()] == ["mae"]
