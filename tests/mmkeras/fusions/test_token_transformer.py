import numpy as np
from reference import layer_norm, normal, shake, to_numpy, weights

from mmkeras.fusions import TokenTransformer

TOKENS = {"text": normal(2, 3, 8), "image": normal(2, 4, 8, seed=1)}
MASKS = {"text": np.array([[1, 1, 0], [0, 0, 0]], bool), "image": np.array([[1] * 4, [1, 0, 0, 0]], bool)}


def test_without_layers_tokens_are_normalised_marked_and_normalised():
    layer = TokenTransformer(num_layers=0)
    layer.build({name: values.shape for name, values in TOKENS.items()})
    given, w = to_numpy(shake(layer)(TOKENS, mask=MASKS)), weights(layer)
    parts = [
        layer_norm(TOKENS[name] * MASKS[name][..., None], w, f"norm_{place}") + w[f"mark_{place}"]
        for place, name in enumerate(("image", "text"))
    ]
    mask = np.concatenate([MASKS["image"], MASKS["text"]], 1)
    np.testing.assert_allclose(given, layer_norm(np.concatenate(parts, 1), w, "final") * mask[..., None], atol=1e-5)
    np.testing.assert_array_equal(layer.compute_mask(TOKENS, MASKS), mask)


def test_all_tokens_meet():
    layer = TokenTransformer()
    given = to_numpy(layer(TOKENS))
    for name, others in (("text", slice(0, 4)), ("image", slice(4, 7))):
        changed = to_numpy(layer({**TOKENS, name: TOKENS[name] + normal(2, 1, 8, seed=5)}))
        assert (np.abs(changed - given)[:, others].max(-1) > 1e-6).all()


def test_one_modality_is_enough():
    assert TokenTransformer()({"text": TOKENS["text"]}).shape == (2, 3, 8)
