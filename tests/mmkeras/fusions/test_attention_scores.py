"""The scores are those by which the blocks weigh: checked against numpy, and by what they give."""

import numpy as np
from reference import layer_norm, normal, shake, softmax, to_numpy, weights

from mmkeras.fusions import AttentionFusion, BottleneckFusion, CrossAttentionFusion, GraphFusion, TokenTransformer

TOKENS = {"text": normal(3, 3, 8), "image": normal(3, 4, 8, seed=1)}
MASKS = {
    "text": np.array([[1, 1, 0], [0, 0, 0], [1, 1, 1]], bool),
    "image": np.array([[1] * 4, [1, 0, 0, 0], [0] * 4], bool),
}


def built(layer):
    layer.build({name: values.shape for name, values in TOKENS.items()})
    return shake(layer)


def attention(w, block, x, keys, real):
    """Scores `(H, T, C)` of one row."""
    query, key = (
        np.einsum("td,dhk->htk", part, w[f"{block}/attention/{name}/kernel"])
        for part, name in ((layer_norm(x, w, f"{block}/query_norm"), "query"), (keys, "key"))
    )
    logits = query @ key.swapaxes(-1, -2) / np.sqrt(query.shape[-1])
    return softmax(np.where(real, logits, -1e9))


def test_token_transformer():
    layer = built(TokenTransformer(num_layers=1, num_heads=2))
    found, w = layer.attention_scores(TOKENS, MASKS), weights(layer)
    assert found["places"] == {"image": (0, 4), "text": (4, 7)} and found["outputs"] == list(range(7))
    parts = [
        layer_norm(TOKENS[name] * MASKS[name][..., None], w, f"norm_{place}") + w[f"mark_{place}"]
        for place, name in enumerate(("image", "text"))
    ]
    real = np.concatenate([MASKS["image"], MASKS["text"]], 1)
    joined = np.concatenate(parts, 1) * real[..., None]
    for row in range(3):
        keys = layer_norm(joined[row], w, "block_0/query_norm")
        wanted = attention(w, "block_0", joined[row], keys, real[row]) * real[row][:, None]
        np.testing.assert_allclose(to_numpy(found["layers"][0])[row], wanted, atol=1e-5)


def test_asking_tokens_look_at_the_others_and_the_stand_in_at_all():
    layer = built(AttentionFusion(queries=("text",), num_heads=2))
    found, w = layer.attention_scores(TOKENS, MASKS), weights(layer)
    (given,) = map(to_numpy, found["layers"])
    assert found["places"] == {"": (0, 1), "image": (1, 5), "text": (5, 8)} and found["outputs"] == [5, 6, 7, 0]
    image, text = (layer_norm(TOKENS[name][0], w, f"norm_{place}") for place, name in enumerate(("image", "text")))
    keys = layer_norm(image, w, "block_1_0/context_norm")
    np.testing.assert_allclose(given[0, :, 5:7, 1:5], attention(w, "block_1_0", text[:2], keys, True), atol=1e-5)
    np.testing.assert_array_equal(given[0, :, :5], 0.0)
    np.testing.assert_array_equal(given[1, :, 0], [[0, 1, 0, 0, 0, 0, 0, 0]] * 2)
    np.testing.assert_array_equal(given[2], 0.0)


def test_latents_of_a_bottleneck_look_at_the_modalities_in_equal_parts():
    layer = built(BottleneckFusion(num_latents=2, num_layers=1, num_heads=2))
    found = layer.attention_scores(TOKENS, MASKS)
    assert found["places"] == {"": (0, 2), "image": (2, 6), "text": (6, 9)}
    given, w = to_numpy(found["layers"][0]), weights(layer)
    text = layer_norm(TOKENS["text"][0, :2], w, "norm_1")
    stream = np.concatenate([w["latents"], text])
    scores = attention(w, "block_0_1", stream, layer_norm(stream, w, "block_0_1/query_norm"), True)
    np.testing.assert_allclose(given[0, :, :2, 6:8], scores[:, :2, 2:] / 2, atol=1e-5)
    np.testing.assert_allclose(given[0, :, 6:8, 6:8], scores[:, 2:, 2:], atol=1e-5)
    np.testing.assert_allclose(given[0, :, 6:8, :2], scores[:, 2:, :2], atol=1e-5)
    np.testing.assert_array_equal(given[0, :, 6:8, 2:6], 0.0)
    np.testing.assert_allclose(given[2, :, :2].sum(-1), 1.0, atol=1e-6)


def test_pairs_share_what_a_modality_looks_at():
    layer = built(CrossAttentionFusion(num_layers=2, num_heads=2))
    three = {**TOKENS, "audio": normal(3, 2, 8, seed=2)}
    layer = CrossAttentionFusion(num_layers=2, num_heads=2)
    layer.build({name: values.shape for name, values in three.items()})
    found = layer.attention_scores(three, {**MASKS, "audio": np.ones((3, 2), bool)})
    crossed, again, own = map(to_numpy, found["layers"])
    for given in (crossed, again):
        np.testing.assert_allclose(given[0, :, :2, 2:6].sum(-1), 0.5, atol=1e-6)
        np.testing.assert_allclose(given[1, :, :2, 2:6].sum(-1), 1.0, atol=1e-6)
        np.testing.assert_array_equal(given[:, :, :2, :2], 0.0)
    np.testing.assert_array_equal(own[:, :, :2, 2:], 0.0)
    np.testing.assert_allclose(own[:, :, :2, :2].sum(-1), 1.0, atol=1e-6)


def test_a_modality_is_one_node_of_a_graph():
    found = built(GraphFusion(num_heads=2)).attention_scores(TOKENS, MASKS)
    assert found["places"] == {"image": (0, 1), "text": (1, 2)} and len(found["layers"]) == 2
    given = to_numpy(found["layers"][0])
    assert given.shape == (3, 2, 2, 2)
    np.testing.assert_array_equal(given[1], [[[1, 0], [0, 0]]] * 2)
    assert 0 < given[0, 0, 0, 1] < 1
