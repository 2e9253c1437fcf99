import re

import numpy as np
import pytest
from reference import dense, layer_norm, normal, shake, softmax, to_numpy, weights

from mmkeras.layers import ConformerBlock

X = normal(2, 6, 8)
MASK = np.array([[1, 1, 1, 1, 0, 0], [1, 1, 1, 1, 1, 1]], bool)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def feed_forward(x, w, name):
    hidden = dense(layer_norm(x, w, f"{name}_norm"), w, f"{name}_expand")
    return dense(hidden * sigmoid(hidden), w, f"{name}_reduce")


def attend(x, mask, w):
    x = layer_norm(x, w, "attention_norm")
    query, key, value = (
        np.einsum("btd,dhk->bhtk", x, w[f"attention/{part}/kernel"]) for part in ("query", "key", "value")
    )
    scores = np.where(mask[:, None, None], query @ key.swapaxes(-1, -2) / np.sqrt(query.shape[-1]), -1e9)
    return np.einsum("bhtk,hkd->btd", softmax(scores) @ value, w["attention/attention_output/kernel"])


def convolve(x, mask, w):
    values, gates = np.split(dense(layer_norm(x, w, "conv_norm"), w, "conv_expand"), 2, axis=-1)
    gated = np.pad(values * sigmoid(gates) * mask[..., None], [(0, 0), (1, 1), (0, 0)])
    near = sum(gated[:, k : k + x.shape[1]] * w["conv/kernel"][k, :, 0] for k in range(3)) + w["conv/bias"]
    hidden = layer_norm(near * mask[..., None], w, "inner_norm")
    return dense(hidden * sigmoid(hidden), w, "conv_reduce")


def test_against_numpy():
    layer = ConformerBlock(num_heads=2, hidden_dim=5, kernel_size=3)
    layer.build(X.shape)
    w = weights(shake(layer))
    x = X * MASK[..., None]
    x = x + feed_forward(x, w, "first") / 2
    x = x + attend(x, MASK, w)
    x = x + convolve(x, MASK, w)
    x = layer_norm(x + feed_forward(x, w, "second") / 2, w, "last_norm")
    np.testing.assert_allclose(to_numpy(layer(X, mask=MASK)), x * MASK[..., None], atol=1e-4)


def test_heads():
    rule = (
        'ConformerBlock "block": the width must be a multiple of num_heads. '
        "Received: width=8, num_heads=3. Do: num_heads=1."
    )
    with pytest.raises(ValueError, match=re.escape(rule)):
        ConformerBlock(num_heads=3, name="block").build(X.shape)


def test_kernels():
    rule = "ConformerBlock: kernel_size must be odd. Received: kernel_size=4. Do: kernel_size=5."
    with pytest.raises(ValueError, match=re.escape(rule)):
        ConformerBlock(kernel_size=4)
