import keras
import numpy as np
from reference import dense, layer_norm, normal, shake, to_numpy, weights

from mmkeras.fusions import MultiplicativeFusion

NAMES = ("age", "image", "text")
TOKENS = {"text": normal(3, 3, 8), "image": normal(3, 4, 8, seed=1), "age": normal(3, 1, 8, seed=2)}
MASKS = {
    "text": np.array([[1, 1, 0], [1, 1, 1], [0, 0, 0]], bool),
    "image": np.array([[1, 1, 1, 0], [1, 0, 0, 0], [0, 0, 0, 0]], bool),
    "age": np.array([[True], [False], [False]]),
}


def built():
    layer = MultiplicativeFusion(width=3)
    layer.build({name: values.shape for name, values in TOKENS.items()})
    return shake(layer), weights(layer)


def vector(w, name, row):
    return layer_norm(TOKENS[name][row, MASKS[name][row]].mean(0), w, "norm")


def bilinear(w, row, first, second):
    z = [dense(vector(w, NAMES[place], row), w, f"narrow/dense_{place}") for place in (first, second)]
    return np.einsum("i,j,ijk->k", *z, w[f"pair_{first}_{second}/kernel"].reshape(3, 3, 8))


def test_votes_and_a_bilinear_term_a_pair():
    layer, w = built()
    given = to_numpy(layer(TOKENS, mask=MASKS))
    votes = sum(dense(vector(w, name, 0), w, f"votes/dense_{place}") for place, name in enumerate(NAMES))
    wanted = votes + bilinear(w, 0, 0, 1) + bilinear(w, 0, 0, 2) + bilinear(w, 0, 1, 2)
    np.testing.assert_allclose(given[0, 0], wanted, atol=2e-5)


def test_an_absent_modality_has_no_terms():
    layer, w = built()
    given = to_numpy(layer(TOKENS, mask=MASKS))
    votes = sum(dense(vector(w, NAMES[place], 1), w, f"votes/dense_{place}") for place in (1, 2))
    np.testing.assert_allclose(given[1, 0], votes + bilinear(w, 1, 1, 2), atol=2e-5)
    np.testing.assert_array_equal(given[2], 0.0)
    np.testing.assert_array_equal(layer.compute_mask(TOKENS, MASKS), [[True], [True], [False]])


def test_one_modality_is_its_vote():
    layer = MultiplicativeFusion()
    given, w = to_numpy(layer({"text": TOKENS["text"]})), weights(layer)
    assert not [path for path in w if path.startswith(("pair", "narrow"))]
    x = layer_norm(TOKENS["text"].mean(1), w, "norm")
    np.testing.assert_allclose(given[:, 0], dense(x, w, "votes/dense_0"), atol=1e-5)


def test_it_trains_without_masks():
    """TensorFlow folds masks that are all True away, and then rewrote the slices of the stack to other shapes."""
    inputs = {name: keras.Input(values.shape[1:], name=name) for name, values in TOKENS.items()}
    model = keras.Model(inputs, MultiplicativeFusion(width=3)(inputs))
    model.compile(keras.optimizers.SGD(0.1), keras.losses.MeanSquaredError())
    count = len(TOKENS["text"])
    assert np.isfinite(model.train_on_batch(TOKENS, np.zeros((count, 1, 8), "float32")))
