import re

import numpy as np
import pytest
from keras import ops
from reference import normal, softmax, to_numpy

from mmkeras.layers import TokenPooling
from mmkeras.layers.masking import masked_mean

X = normal(3, 4, 8)
MASK = np.array([[1, 1, 0, 0], [1, 1, 1, 1], [0, 0, 0, 0]], bool)


def test_mean_over_real_tokens():
    given = to_numpy(TokenPooling()(X, mask=MASK))
    np.testing.assert_allclose(given[0], X[0, :2].mean(0), atol=1e-6)
    np.testing.assert_allclose(given[1], X[1].mean(0), atol=1e-6)
    np.testing.assert_array_equal(given[2], 0.0)


def test_attention_is_a_mean_weighted_by_a_score():
    layer = TokenPooling("attention")
    given = to_numpy(layer(X, mask=MASK))
    kernel = to_numpy(layer.score.kernel)
    for row, length in enumerate((2, 4)):
        real = X[row, :length]
        np.testing.assert_allclose(given[row], softmax((real @ kernel)[:, 0]) @ real, atol=1e-6)
    np.testing.assert_array_equal(given[2], 0.0)


@pytest.mark.parametrize("kind", ["mean", "attention"])
def test_one_token_is_itself(kind):
    given = to_numpy(TokenPooling(kind)(X[:, :1], mask=MASK[:, :1]))
    np.testing.assert_allclose(given, X[:, 0] * MASK[:, :1], atol=1e-6)


def test_the_mean_of_many_tokens_is_exact_in_bfloat16():
    ones = ops.ones((1, 1000, 2), "bfloat16")
    mean = ops.cast(masked_mean(ones, ops.ones((1, 1000), "bool")), "float32")
    np.testing.assert_array_equal(to_numpy(mean), 1.0)


def test_kinds():
    rule = "TokenPooling: kind must be one of ('mean', 'attention'). Received: kind='max'. Do: kind='mean'."
    with pytest.raises(ValueError, match=re.escape(rule)):
        TokenPooling("max")


def test_scores_say_how_much_each_token_counts():
    for kind in ("mean", "attention"):
        layer = TokenPooling(kind)
        pooled = to_numpy(layer(X, mask=MASK))
        scores = to_numpy(layer.attention_scores(X, MASK))
        np.testing.assert_allclose(np.einsum("bt,btd->bd", scores, X), pooled, atol=1e-6)
        np.testing.assert_array_equal(scores[~MASK], 0.0)
