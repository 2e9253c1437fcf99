import keras
import numpy as np
from reference import dense, layer_norm, normal, shake, to_numpy, weights

from mmkeras.fusions import LowRankTensorFusion

TOKENS = {"text": normal(3, 3, 8), "image": normal(3, 4, 8, seed=1), "age": normal(3, 1, 8, seed=2)}
MASKS = {
    "text": np.array([[1, 1, 0], [1, 1, 1], [0, 0, 0]], bool),
    "image": np.array([[1, 1, 1, 0], [0, 0, 0, 0], [0, 0, 0, 0]], bool),
    "age": np.array([[True], [False], [False]]),
}


def built():
    layer = LowRankTensorFusion(rank=2)
    layer.build({name: values.shape for name, values in TOKENS.items()})
    return shake(layer), weights(layer)


def fused(w, row):
    """A tensor of weights from the factors, times the outer product of all [x, 1]."""
    vectors, tensors = [], []
    for place, name in enumerate(("age", "image", "text")):
        real = TOKENS[name][row, MASKS[name][row]]
        if len(real):
            vectors.append(np.append(layer_norm(real.mean(0), w, "norm"), 1.0))
            kernel, bias = w[f"factors/dense_{place}/kernel"], w[f"factors/dense_{place}/bias"]
            tensors.append(np.concatenate([kernel, bias[None]]).reshape(9, 2, 8))
    letters = "abc"[: len(vectors)]
    tensor = np.einsum(",".join(f"{x}rk" for x in letters) + f",r->{letters}k", *tensors, w["rank_weights"])
    return np.einsum(f"{letters}k,{','.join(letters)}->k", tensor, *vectors)


def test_a_linear_layer_over_the_outer_product():
    layer, w = built()
    given = to_numpy(layer(TOKENS, mask=MASKS))
    np.testing.assert_allclose(given[0, 0], layer_norm(fused(w, 0), w, "final"), atol=2e-5)


def test_an_absent_modality_has_factor_one():
    layer, w = built()
    given = to_numpy(layer(TOKENS, mask=MASKS))
    np.testing.assert_allclose(given[1, 0], layer_norm(fused(w, 1), w, "final"), atol=2e-5)
    np.testing.assert_array_equal(given[2], 0.0)
    np.testing.assert_array_equal(layer.compute_mask(TOKENS, MASKS), [[True], [True], [False]])
    alone = dense(layer_norm(TOKENS["text"][1].mean(0), w, "norm"), w, "factors/dense_2").reshape(2, 8)
    np.testing.assert_allclose(fused(w, 1), w["rank_weights"] @ alone, atol=1e-5)


def test_all_factors_are_trained():
    """MultiBench kept them in a list that its optimiser never saw."""
    layer, before = built()
    inputs = {name: keras.Input(values.shape[1:], name=name) for name, values in TOKENS.items()}
    model = keras.Model(inputs, layer(inputs))
    model.compile(keras.optimizers.SGD(1.0), "mse")
    model.train_on_batch(TOKENS, normal(3, 1, 8, seed=3))
    after = weights(layer)
    factors = [path for path in before if path.startswith("factors/") or path == "rank_weights"]
    assert len(factors) == 7
    assert {path for path in factors if np.abs(after[path] - before[path]).max() > 1e-6} == set(factors)


def test_one_modality_is_enough():
    assert LowRankTensorFusion()({"text": TOKENS["text"]}).shape == (3, 1, 8)
