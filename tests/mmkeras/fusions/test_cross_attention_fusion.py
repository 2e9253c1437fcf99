import numpy as np
from reference import layer_norm, normal, shake, to_numpy, weights

from mmkeras.fusions import CrossAttentionFusion

TOKENS = {"text": normal(3, 3, 8), "image": normal(3, 4, 8, seed=1), "age": normal(3, 1, 8, seed=2)}
MASKS = {
    "text": np.array([[1, 1, 0], [1, 1, 1], [0, 0, 0]], bool),
    "image": np.array([[1, 1, 1, 0], [0, 0, 0, 0], [0, 0, 0, 0]], bool),
    "age": np.array([[True], [False], [False]]),
}
PLACES = {"age": slice(0, 1), "image": slice(1, 5), "text": slice(5, 8)}


def built(**options):
    layer = CrossAttentionFusion(num_heads=2, **options)
    layer.build({name: values.shape for name, values in TOKENS.items()})
    return shake(layer)


def normed(w):
    places = enumerate(("age", "image", "text"))
    return [layer_norm(TOKENS[name], w, f"norm_{place}").astype("float32") for place, name in places]


def test_the_mean_over_the_pairs_present():
    layer = built()
    given, w = to_numpy(layer(TOKENS, mask=MASKS)), weights(layer)
    age, image, text = normed(w)
    row, told = slice(0, 1), []
    for place, (context, real) in enumerate(((age, MASKS["age"]), (image, MASKS["image"]))):
        (block,) = layer.pairs[f"{place}_2"]
        shown = context[row][:, real[0]]
        told.append(to_numpy(block(text[row, :2], shown)) - text[row, :2])
    asked = layer.own[2](text[row, :2] + (told[0] + told[1]) / 2)
    np.testing.assert_allclose(given[0, 5:7], layer_norm(to_numpy(asked)[0], w, "final"), atol=2e-5)


def test_a_modality_alone_hears_only_itself():
    layer = built(num_layers=2)
    given, w = to_numpy(layer(TOKENS, mask=MASKS)), weights(layer)
    asked = layer.own[2](normed(w)[2][1:2])
    np.testing.assert_allclose(given[1, 5:], layer_norm(to_numpy(asked)[0], w, "final"), atol=2e-5)
    np.testing.assert_array_equal(given[1, :5], 0.0)
    np.testing.assert_array_equal(given[2], 0.0)


def test_every_pair_matters():
    layer = built()
    given = to_numpy(layer(TOKENS))
    for name in TOKENS:
        changed = to_numpy(layer({**TOKENS, name: TOKENS[name] + normal(1, 1, 8, seed=5)}))
        for place in PLACES.values():
            assert np.abs(changed - given)[:, place].max() > 1e-4


def test_one_modality_is_enough():
    layer = CrossAttentionFusion()
    assert layer({"text": TOKENS["text"]}).shape == (3, 3, 8)
    assert layer.pairs == {}
