import re

import numpy as np
import pytest
from reference import dense, gelu, layer_norm, normal, shake, softmax, to_numpy, weights

from mmkeras.fusions import GraphFusion

NAMES = ("age", "image", "text")
TOKENS = {"text": normal(3, 3, 8), "image": normal(3, 4, 8, seed=1), "age": normal(3, 1, 8, seed=2)}
MASKS = {
    "text": np.array([[1, 1, 0], [1, 1, 1], [0, 0, 0]], bool),
    "image": np.array([[1, 1, 1, 0], [1, 0, 0, 0], [0, 0, 0, 0]], bool),
    "age": np.array([[True], [False], [False]]),
}


def built(**options):
    layer = GraphFusion(num_heads=2, **options)
    layer.build({name: values.shape for name, values in TOKENS.items()})
    return shake(layer), weights(layer)


def reference(w, row, num_layers):
    """Node by node, head by head, over the modalities present only."""
    here = [place for place, name in enumerate(NAMES) if MASKS[name][row].any()]
    h = {}
    for place in here:
        mean = TOKENS[NAMES[place]][row, MASKS[NAMES[place]][row]].mean(0)
        h[place] = dense(layer_norm(mean, w, "norm"), w, f"nodes/dense_{place}")
    for number in range(num_layers):
        told = {}
        for i in here:
            parts = []
            for head in range(2):
                features = slice(4 * head, 4 * head + 4)
                sent = np.stack([h[j] @ w[f"send_{number}/kernel"] for j in here])[:, features]
                pair = dense(h[i], w, f"receive_{number}")[features] + sent
                scores = np.where(pair > 0, pair, 0.2 * pair) @ w[f"judge_{number}"][head]
                parts.append(softmax(scores + w[f"edges_{number}"][i, here, head]) @ sent)
            told[i] = dense(gelu(np.concatenate(parts)), w, f"project_{number}")
        h = {place: h[place] + told[place] for place in here}
    return {place: layer_norm(node, w, "final") for place, node in h.items()}


@pytest.mark.parametrize("num_layers", [1, 2])
def test_messages_along_learned_edges(num_layers):
    layer, w = built(num_layers=num_layers)
    given = to_numpy(layer(TOKENS, mask=MASKS))
    wanted = np.array([[1, 1, 1], [0, 1, 1], [0, 0, 0]], bool)
    np.testing.assert_array_equal(layer.compute_mask(TOKENS, MASKS), wanted)
    np.testing.assert_array_equal(given[~wanted], 0.0)
    for row in (0, 1):
        for place, node in reference(w, row, num_layers).items():
            np.testing.assert_allclose(given[row, place], node, atol=2e-5)


def test_a_weak_edge_is_silent():
    layer, _ = built(num_layers=1)
    other = {**TOKENS, "age": TOKENS["age"] + normal(3, 1, 8, seed=5)}
    assert np.abs(to_numpy(layer(TOKENS)) - to_numpy(layer(other)))[:, 2].max() > 1e-3
    edges = to_numpy(layer.edges[0]).copy()
    edges[2, 0] = -1e3
    layer.edges[0].assign(edges)
    moved = np.abs(to_numpy(layer(TOKENS)) - to_numpy(layer(other))).max((0, 2))
    assert moved[2] == 0.0
    assert moved[1] > 1e-3


def test_the_width_in_heads():
    rule = 'GraphFusion "g": the width must be a multiple of num_heads. Received: width=8, num_heads=3. '
    with pytest.raises(ValueError, match=re.escape(rule + "Do: num_heads=1.")):
        GraphFusion(num_heads=3, name="g").build({"text": (None, 3, 8)})


def test_one_modality_is_enough():
    assert GraphFusion()({"text": TOKENS["text"]}).shape == (3, 1, 8)
