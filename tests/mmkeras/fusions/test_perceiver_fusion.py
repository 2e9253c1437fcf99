import numpy as np
from reference import layer_norm, normal, shake, to_numpy, weights

from mmkeras.fusions import PerceiverFusion

TOKENS = {"text": normal(3, 3, 8), "image": normal(3, 4, 8, seed=1)}
MASKS = {
    "text": np.array([[1, 1, 0], [0, 0, 0], [0, 0, 0]], bool),
    "image": np.array([[1, 1, 1, 0], [1, 0, 0, 0], [0, 0, 0, 0]], bool),
}


def built(**options):
    layer = PerceiverFusion(num_latents=3, num_heads=2, **options)
    layer.build({name: values.shape for name, values in TOKENS.items()})
    return shake(layer)


def test_latents_read_real_tokens_then_think():
    layer = built(num_layers=2)
    given, w = to_numpy(layer(TOKENS, mask=MASKS)), weights(layer)
    for row in (0, 1):
        parts = [
            layer_norm(TOKENS[name][row, MASKS[name][row]], w, f"norm_{place}")
            for place, name in enumerate(("image", "text"))
        ]
        tokens, latents = np.concatenate(parts)[None].astype("float32"), w["latents"][None]
        for read, think in zip(layer.readers, layer.thinkers, strict=True):
            latents = think(read(latents, tokens))
        np.testing.assert_allclose(given[row], layer_norm(to_numpy(latents)[0], w, "final"), atol=3e-5)
    np.testing.assert_array_equal(given[2], 0.0)
    np.testing.assert_array_equal(layer.compute_mask(TOKENS, MASKS), [[True] * 3, [True] * 3, [False] * 3])


def test_tokens_are_told_apart_by_their_modality():
    layer = built()
    swapped = {"text": TOKENS["image"], "image": TOKENS["text"]}
    assert np.abs(to_numpy(layer(TOKENS)) - to_numpy(layer(swapped))).max() > 1e-3


def test_latents_differ_from_each_other_at_the_start():
    given = to_numpy(PerceiverFusion(num_latents=2)(TOKENS))
    assert np.abs(given[:, 0] - given[:, 1]).max() > 0.1


def test_one_modality_is_enough():
    assert PerceiverFusion()({"text": TOKENS["text"]}).shape == (3, 8, 8)
