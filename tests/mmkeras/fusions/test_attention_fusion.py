import re

import numpy as np
import pytest
from reference import layer_norm, normal, shake, to_numpy, weights

from mmkeras.fusions import AttentionFusion

TOKENS = {"text": normal(3, 3, 8), "image": normal(3, 4, 8, seed=1)}
MASKS = {
    "text": np.array([[1, 1, 1], [0, 0, 0], [0, 0, 0]], bool),
    "image": np.array([[1, 1, 1, 0], [1, 1, 0, 0], [0, 0, 0, 0]], bool),
}


def fused(queries=("text",), masks=MASKS, tokens=TOKENS):
    layer = AttentionFusion(queries=queries, num_heads=2)
    layer.build({name: values.shape for name, values in tokens.items()})
    return shake(layer), to_numpy(layer(tokens, mask=masks)), to_numpy(layer.compute_mask(tokens, masks))


def test_the_asking_modality_gives_the_tokens():
    layer, given, mask = fused()
    np.testing.assert_array_equal(mask, [[1, 1, 1, 0], [0, 0, 0, 1], [0, 0, 0, 0]])
    np.testing.assert_array_equal(given[~mask], 0.0)
    changed = to_numpy(layer({**TOKENS, "image": TOKENS["image"][:, ::-1] * 2}, mask=MASKS))
    assert (np.abs(changed - given)[0, :3].max(-1) > 1e-4).all()


def test_one_block_a_query_with_the_other_as_context():
    layer, given, _ = fused()
    w = weights(layer)
    image, text = (
        layer_norm(TOKENS[name] * MASKS[name][..., None], w, f"norm_{place}")
        for place, name in enumerate(("image", "text"))
    )
    (block,) = layer.blocks.values()
    asked = block(
        text.astype("float32"), context=image.astype("float32"), mask=MASKS["text"], context_mask=MASKS["image"]
    )
    wanted = layer_norm(to_numpy(asked), w, "final") * MASKS["text"][..., None]
    np.testing.assert_allclose(given[:, :3], wanted, atol=1e-5)


def test_the_mean_stands_in_where_the_asking_modality_is_absent():
    layer, given, _ = fused()
    w = weights(layer)
    mean = layer_norm(TOKENS["image"][1, :2], w, "norm_0").mean(0)
    np.testing.assert_allclose(given[1, 3], layer_norm(mean, w, "final"), atol=1e-5)
    np.testing.assert_array_equal(given[2], 0.0)


def test_all_ask_by_default():
    _, given, mask = fused(queries=None)
    assert given.shape == (3, 8, 8)
    np.testing.assert_array_equal(mask[:, :4], MASKS["image"])
    np.testing.assert_array_equal(mask[:, 4:7], MASKS["text"])
    np.testing.assert_array_equal(mask[:, 7], False)


def test_three_modalities_answer_one_together():
    tokens = {**TOKENS, "age": normal(3, 1, 8, seed=2)}
    masks = {**MASKS, "age": np.array([[True], [False], [True]])}
    layer, given, mask = fused(("text",), masks, tokens)
    assert given.shape == (3, 4, 8)
    np.testing.assert_array_equal(mask[:, 3], [False, True, True])
    changed = to_numpy(layer({**tokens, "age": -tokens["age"]}, mask=masks))
    assert np.abs(changed - given)[0].max() > 1e-4
    np.testing.assert_array_equal(changed[1], given[1])


def test_at_least_two_modalities():
    rule = 'AttentionFusion "f": it must be called on a dict name → tokens (B, T, D) of at least 2. Received: '
    with pytest.raises(ValueError, match=re.escape(rule + "{'text': (None, 3, 8)}.")):
        AttentionFusion(name="f").build({"text": (None, 3, 8)})


def test_queries_among_the_modalities():
    rule = "queries must be among the modalities. Received: queries=('txt',), modalities=['image', 'text']. "
    with pytest.raises(ValueError, match=re.escape(rule + "Do: queries=('image',).")):
        fused(queries=("txt",))
