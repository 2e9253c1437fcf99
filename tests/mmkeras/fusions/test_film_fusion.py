import numpy as np
from reference import dense, gelu, layer_norm, normal, shake, to_numpy, weights

from mmkeras.fusions import FiLMFusion

TOKENS = {"text": normal(3, 3, 8), "image": normal(3, 4, 8, seed=1), "age": normal(3, 1, 8, seed=2)}
MASKS = {
    "text": np.array([[1, 1, 0], [1, 1, 1], [0, 0, 0]], bool),
    "image": np.array([[1, 1, 1, 0], [0, 0, 0, 0], [0, 0, 0, 0]], bool),
    "age": np.array([[True], [False], [False]]),
}


def built():
    layer = FiLMFusion()
    layer.build({name: values.shape for name, values in TOKENS.items()})
    return shake(layer), weights(layer)


def normed(w, row):
    places = enumerate(("age", "image", "text"))
    return [layer_norm(TOKENS[name][row, MASKS[name][row]], w, f"norm_{place}") for place, name in places]


def test_the_others_scale_and_shift():
    layer, w = built()
    given = to_numpy(layer(TOKENS, mask=MASKS))
    age, image, text = normed(w, 0)
    kernel = w["condition_2/kernel"]
    said = age.mean(0) @ kernel[:8] + image.mean(0) @ kernel[8:]
    modulated = (1 + said[:8]) * text + said[8:]
    wanted = text + dense(gelu(modulated), w, "project_2")
    np.testing.assert_allclose(given[0, 5:7], wanted, atol=1e-5)
    np.testing.assert_array_equal(given[0, 7], 0.0)


def test_absent_ones_scale_by_one_and_shift_by_zero():
    layer, w = built()
    given = to_numpy(layer(TOKENS, mask=MASKS))
    text = normed(w, 1)[2]
    np.testing.assert_allclose(given[1, 5:], text + dense(gelu(text), w, "project_2"), atol=1e-5)
    np.testing.assert_array_equal(given[1, :5], 0.0)
    np.testing.assert_array_equal(given[2], 0.0)


def test_one_modality_is_enough():
    layer = FiLMFusion()
    assert layer({"text": TOKENS["text"]}).shape == (3, 3, 8)
    assert layer.conditions == []
