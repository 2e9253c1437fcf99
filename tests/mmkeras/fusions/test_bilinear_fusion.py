import numpy as np
from reference import dense, layer_norm, normal, shake, to_numpy, weights

from mmkeras.fusions import BilinearFusion

NAMES = ("age", "image", "text")
TOKENS = {"text": normal(4, 3, 8), "image": normal(4, 4, 8, seed=1), "age": normal(4, 1, 8, seed=2)}
MASKS = {
    "text": np.array([[1, 1, 0], [1, 1, 1], [0, 0, 0], [1, 0, 0]], bool),
    "image": np.array([[1, 1, 1, 0], [0, 0, 0, 0], [0, 0, 0, 0], [0, 1, 1, 0]], bool),
    "age": np.array([[True], [False], [False], [False]]),
}


def built(**options):
    layer = BilinearFusion(factor_dim=2, **options)
    layer.build({name: values.shape for name, values in TOKENS.items()})
    return shake(layer), weights(layer)


def factors(w, row, number):
    """The factors of the modalities present, ones for the others."""
    found = np.ones((3, 16))
    for place, name in enumerate(NAMES):
        real = TOKENS[name][row, MASKS[name][row]]
        if len(real):
            found[place] = dense(layer_norm(real.mean(0), w, "norm"), w, f"factors_{number}/dense_{place}")
    return found


def pooled(products):
    s = np.mean([product.reshape(8, 2).sum(1) for product in products], 0)
    s = np.sign(s) * np.abs(s) / np.sqrt(np.abs(s) + 0.01)
    return s / np.sqrt((s**2).sum() + 1e-6)


def test_one_block_over_all_pairs():
    layer, w = built(order=1)
    f = factors(w, 0, 0)
    wanted = pooled([f[0] * f[1], f[0] * f[2], f[1] * f[2]])
    np.testing.assert_allclose(to_numpy(layer(TOKENS, mask=MASKS))[0, 0], dense(wanted, w, "project"), atol=1e-5)


def test_the_second_block_goes_on_with_the_product_of_the_first():
    layer, w = built(order=2)
    first, second = factors(w, 0, 0), factors(w, 0, 1)
    pairs = [(0, 1), (0, 2), (1, 2)]
    products = [first[i] * first[j] for i, j in pairs]
    cascade = [product * second[i] * second[j] for product, (i, j) in zip(products, pairs, strict=True)]
    wanted = np.concatenate([pooled(products), pooled(cascade)])
    np.testing.assert_allclose(to_numpy(layer(TOKENS, mask=MASKS))[0, 0], dense(wanted, w, "project"), atol=1e-5)


def test_an_absent_modality_has_factor_one():
    layer, w = built(order=1)
    given = to_numpy(layer(TOKENS, mask=MASKS))
    text = factors(w, 1, 0)[2]
    np.testing.assert_allclose(given[1, 0], dense(pooled([text, text]), w, "project"), atol=1e-5)
    _, image, text = factors(w, 3, 0)
    np.testing.assert_allclose(given[3, 0], dense(pooled([image, text, image * text]), w, "project"), atol=1e-5)
    np.testing.assert_array_equal(given[2], 0.0)
    np.testing.assert_array_equal(layer.compute_mask(TOKENS, MASKS), [[True], [True], [False], [True]])


def test_one_modality_is_enough():
    layer = BilinearFusion(factor_dim=2, order=1)
    given, w = to_numpy(layer({"text": TOKENS["text"]})), weights(layer)
    alone = dense(layer_norm(TOKENS["text"][0].mean(0), w, "norm"), w, "factors_0/dense_0")
    np.testing.assert_allclose(given[0, 0], dense(pooled([alone]), w, "project"), atol=1e-5)
