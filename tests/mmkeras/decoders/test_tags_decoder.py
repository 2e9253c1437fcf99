import re

import numpy as np
import pytest
from reference import dense, normal, shake, to_numpy, weights

from data_pipelines.field_spec import FieldSpec
from mmkeras.decoders import TagsDecoder

X, MASK = normal(2, 3, 8), np.array([[1, 1, 0], [0, 0, 0]], bool)


def test_a_probability_for_each_tag():
    layer = TagsDecoder(num_tags=4, pooling="mean")
    layer.build(X.shape)
    given, w = to_numpy(shake(layer)(X, mask=MASK)), weights(layer)
    np.testing.assert_allclose(given[0], 1 / (1 + np.exp(-dense(X[0, :2].mean(0), w, "dense"))), atol=1e-6)
    np.testing.assert_allclose(given[1], 1 / (1 + np.exp(-w["dense/bias"])), atol=1e-6)


def test_tags_are_rare_at_first():
    assert (to_numpy(TagsDecoder(num_tags=4)(X * 0)) < 0.05).all()


def test_score_by_hand():
    labels = np.array([[1.0, 0, 1], [0, 1, 0], [1, 1, 1]])
    told = np.array([[0.9, 0.6, 0.2], [0.1, 0.8, 0.3], [0.0, 0.0, 0.0]])
    score = TagsDecoder.score(labels, np.array([1.0, 1.0, 0.0]), told)
    assert score["f1_micro"] == pytest.approx(2 * 2 / (3 + 3))
    # By falling probability: hit, hit, miss, miss, hit, miss.
    assert score["average_precision"] == pytest.approx((1 / 1 + 2 / 2 + 3 / 5) / 3)


def test_score_without_any_tag():
    score = TagsDecoder.score(np.zeros((2, 3)), np.ones(2), np.full((2, 3), 0.1))
    assert score == {"f1_micro": 0.0, "average_precision": 0.0}


def test_loss_and_metrics():
    layer = TagsDecoder.from_spec(FieldSpec("Tags", (), details={"classes": ["a", "b", "c"]}), dropout=0.3)
    assert (layer.num_tags, layer.dropout) == (3, 0.3)
    assert layer.default_loss(0.1).get_config()["label_smoothing"] == 0.1
    assert [metric.name for metric in layer.default_metrics()] == ["pr_auc"]


def test_tags():
    with pytest.raises(ValueError, match=re.escape("TagsDecoder: num_tags must be > 0. Received: num_tags=0.")):
        TagsDecoder(0)
