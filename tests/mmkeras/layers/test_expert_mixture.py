import re

import keras
import numpy as np
import pytest
from reference import dense, gelu, normal, shake, softmax, to_numpy, weights

from mmkeras.layers import ExpertMixture

X = normal(2, 4, 8)
MASK = np.array([[1, 1, 1, 0], [0, 0, 0, 0]], bool)


def built(**options):
    layer = ExpertMixture(**options)
    layer.build(X.shape)
    return shake(layer), weights(layer)


@pytest.mark.parametrize("top_k", [1, 2, 4])
def test_the_best_experts_by_their_chances(top_k):
    layer, w = built(num_experts=4, top_k=top_k, hidden_dim=5)
    given = to_numpy(layer(X, mask=MASK))
    for place in range(3):
        x = X[0, place]
        chances = softmax(x @ w["router/kernel"])
        wanted = 0.0
        for expert in np.argsort(-chances)[:top_k]:
            wanted += chances[expert] * dense(gelu(dense(x, w, f"expand_{expert}")), w, f"reduce_{expert}")
        np.testing.assert_allclose(given[0, place], wanted, atol=1e-5)
    np.testing.assert_array_equal(given[~MASK], 0.0)


def test_the_loss_counts_real_tokens_in_training_only():
    layer, w = built(num_experts=3, top_k=1, balance=0.5)
    layer(X, mask=MASK)
    assert layer.losses == []
    layer(np.where(MASK[..., None], X, 1e3), mask=MASK, training=True)
    chances = softmax(X[0, :3] @ w["router/kernel"])
    share = np.eye(3)[chances.argmax(-1)].mean(0)
    (loss,) = layer.losses
    np.testing.assert_allclose(to_numpy(loss), 0.5 * 3 * (share * chances.mean(0)).sum(), rtol=1e-5)
    layer(X, mask=np.zeros_like(MASK), training=True)
    np.testing.assert_array_equal(to_numpy(layer.losses[0]), 0.0)
    layer, _ = built(balance=0.0)
    layer(X, training=True)
    assert layer.losses == []


def test_the_loss_evens_the_chances():
    """The router sends nearly all tokens to one expert; trained by the balance loss alone, it no longer does."""
    tokens = (normal(64, 1, 8) + 1).astype("float32")
    layer = ExpertMixture(num_experts=4, top_k=1, balance=1.0)
    model = keras.Sequential([keras.Input((1, 8)), layer])
    kernel = np.zeros((8, 4), "float32")
    kernel[:, 0] = 0.3
    layer.router.kernel.assign(kernel)
    model.compile(keras.optimizers.Adam(0.05), keras.losses.MeanSquaredError())

    def favourite():
        return softmax(tokens[:, 0] @ to_numpy(layer.router.kernel)).mean(0).max()

    assert favourite() > 0.7
    nothing = {"y": np.zeros_like(tokens), "sample_weight": np.zeros((64, 1))}
    losses = model.fit(tokens, **nothing, batch_size=64, epochs=50, verbose=0).history["loss"]
    assert favourite() < 0.4
    assert losses[0] > 2.5
    assert losses[-1] < 1.5


def test_top_k_in_range():
    rule = 'ExpertMixture "e": top_k must lie in [1, num_experts]. Received: top_k=3, num_experts=2. Do: top_k=1.'
    with pytest.raises(ValueError, match=re.escape(rule)):
        ExpertMixture(num_experts=2, top_k=3, name="e")
