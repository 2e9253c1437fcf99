import numpy as np
from reference import dense, layer_norm, normal, shake, softmax, to_numpy, weights

from mmkeras.fusions import GatedFusion

TOKENS = {"text": normal(3, 3, 8), "image": normal(3, 4, 8, seed=1)}
MASKS = {
    "text": np.array([[1, 1, 0], [0, 0, 0], [0, 0, 0]], bool),
    "image": np.array([[1, 1, 1, 0], [1, 0, 0, 0], [0, 0, 0, 0]], bool),
}


def built(tokens=TOKENS):
    layer = GatedFusion()
    layer.build({name: values.shape for name, values in tokens.items()})
    return shake(layer), weights(layer)


def test_a_softmax_over_modalities_for_each_feature():
    layer, w = built()
    given = to_numpy(layer(TOKENS, mask=MASKS))
    means = np.stack([TOKENS["image"][0, :3].mean(0), TOKENS["text"][0, :2].mean(0)])
    x = layer_norm(means, w, "norm")
    gates = softmax(dense(x.reshape(-1), w, "gates").reshape(2, 8).T).T
    values = np.stack([np.tanh(dense(x[place], w, f"values/dense_{place}")) for place in (0, 1)])
    np.testing.assert_allclose(given[0, 0], (gates * values).sum(0), atol=1e-5)
    np.testing.assert_array_equal(given[2], 0.0)
    np.testing.assert_array_equal(layer.compute_mask(TOKENS, MASKS), [[True], [True], [False]])


def test_a_modality_alone_passes_whole():
    layer, w = built()
    given = to_numpy(layer(TOKENS, mask=MASKS))
    x = layer_norm(TOKENS["image"][1, 0], w, "norm")
    np.testing.assert_allclose(given[1, 0], np.tanh(dense(x, w, "values/dense_0")), atol=1e-5)


def test_one_modality_is_enough():
    layer, w = built({"text": TOKENS["text"]})
    given = to_numpy(layer({"text": TOKENS["text"]}))
    x = layer_norm(TOKENS["text"].mean(1), w, "norm")
    np.testing.assert_allclose(given[:, 0], np.tanh(dense(x, w, "values/dense_0")), atol=1e-5)
