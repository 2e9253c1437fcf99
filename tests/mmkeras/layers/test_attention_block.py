import re

import keras
import numpy as np
import pytest
from reference import dense, gelu, layer_norm, normal, shake, softmax, to_numpy, weights

from mmkeras.layers import AttentionBlock

X, CONTEXT = normal(2, 5, 8), normal(2, 3, 8, seed=1)
MASK = np.array([[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]], bool)
CONTEXT_MASK = np.array([[1, 1, 0], [1, 0, 0]], bool)


def expected(layer, x, mask, keys, key_mask):
    """x + MHA(LN(x), keys), then x + W₂ gelu(W₁ LN(x)); nothing comes from masked keys."""
    w = weights(layer)
    x = x * mask[..., None]
    query = np.einsum("btd,dhk->bhtk", layer_norm(x, w, "query_norm"), w["attention/query/kernel"])
    key, value = (np.einsum("btd,dhk->bhtk", keys, w[f"attention/{part}/kernel"]) for part in ("key", "value"))
    scores = np.where(key_mask[:, None, None], query @ key.swapaxes(-1, -2) / np.sqrt(query.shape[-1]), -1e9)
    shares = softmax(scores) * key_mask[:, None, None]
    x = x + np.einsum("bhtk,hkd->btd", shares @ value, w["attention/attention_output/kernel"])
    x = x + dense(gelu(dense(layer_norm(x, w, "hidden_norm"), w, "expand")), w, "reduce")
    return x * mask[..., None]


def test_self_attention():
    layer = AttentionBlock(num_heads=2)
    layer.build(X.shape)
    shake(layer)
    keys = layer_norm(X * MASK[..., None], weights(layer), "query_norm")
    np.testing.assert_allclose(layer(X, mask=MASK), expected(layer, X, MASK, keys, MASK), atol=1e-5)


@pytest.mark.parametrize("key_mask", [CONTEXT_MASK, np.ones_like(CONTEXT_MASK), CONTEXT_MASK & [[1], [0]] > 0])
def test_cross_attention(key_mask):
    layer = AttentionBlock(num_heads=4, hidden_dim=5)
    layer.build(X.shape, CONTEXT.shape)
    shake(layer)
    keys = layer_norm(CONTEXT * key_mask[..., None], weights(layer), "context_norm")
    given = layer(X, context=CONTEXT, mask=MASK, context_mask=key_mask)
    np.testing.assert_allclose(given, expected(layer, X, MASK, keys, key_mask), atol=1e-5)


def test_a_context_that_is_all_absent_gives_nothing():
    layer = AttentionBlock(num_heads=2)
    layer.build(X.shape, CONTEXT.shape)
    shake(layer)
    absent = np.zeros_like(CONTEXT_MASK)
    given = to_numpy(layer(X, context=np.full_like(CONTEXT, np.nan), context_mask=absent))
    np.testing.assert_array_equal(given, layer(X, context=CONTEXT * 7, context_mask=absent))
    w = weights(layer)
    alone = X + dense(gelu(dense(layer_norm(X, w, "hidden_norm"), w, "expand")), w, "reduce")
    np.testing.assert_allclose(given, alone, atol=1e-5)


def test_a_context_of_one_token():
    layer = AttentionBlock(num_heads=2, dropout=0.1)
    one, mask = CONTEXT[:, :1], np.array([[True], [False]])
    layer.build(X.shape, one.shape)
    shake(layer)
    keys = layer_norm(one * mask[..., None], weights(layer), "context_norm")
    given = layer(X, context=one, mask=MASK, context_mask=mask)
    np.testing.assert_allclose(given, expected(layer, X, MASK, keys, mask), atol=1e-5)


def test_masks_that_keras_hands_over_by_itself():
    class Masked(keras.layers.Layer):
        def call(self, x, mask=None):
            return x

        def compute_mask(self, x, mask=None):
            return mask

    layer = AttentionBlock(num_heads=2)
    given = layer(Masked()(X, mask=MASK), context=Masked()(CONTEXT, mask=CONTEXT_MASK))
    np.testing.assert_array_equal(given, layer(X, context=CONTEXT, mask=MASK, context_mask=CONTEXT_MASK))
    np.testing.assert_array_equal(to_numpy(given)[~MASK], 0.0)


def test_width_must_be_a_multiple_of_the_heads():
    rule = 'AttentionBlock "b": the width must be a multiple of num_heads. Received: width=6, num_heads=4. '
    with pytest.raises(ValueError, match=re.escape(rule + "Do: num_heads=3.")):
        AttentionBlock(name="b").build((None, 5, 6))


def test_scores_are_given_on_request():
    layer = AttentionBlock(num_heads=2)
    layer.build(X.shape, CONTEXT.shape)
    shake(layer)
    parts = {"context": CONTEXT, "mask": MASK, "context_mask": CONTEXT_MASK & [[1], [0]] > 0}
    tokens, scores = layer(X, return_attention_scores=True, **parts)
    np.testing.assert_allclose(tokens, layer(X, **parts), atol=1e-6)
    assert scores.shape == (2, 2, 5, 3)
    np.testing.assert_allclose(to_numpy(scores).sum(-1), np.array([[1, 1, 1, 0, 0], [0] * 5])[:, None].repeat(2, 1))
    np.testing.assert_array_equal(scores[..., 2], 0.0)
    one = layer(X, context=CONTEXT[:, :1], return_attention_scores=True)[1]
    np.testing.assert_allclose(one, np.ones((2, 2, 5, 1)), atol=1e-6)
