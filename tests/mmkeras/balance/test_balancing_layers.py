import json
import re

import keras
import numpy as np
import pytest
from keras import ops
from reference import softmax, to_numpy
from tiny_fusion import BATCH, KINDS, MASKS, ROWS, K, W, X, Y, losses, tiny_model

from mmkeras.balance import OGMGE, GradientBlend, LabelledModel, MMPareto, UnimodalHeads, UnimodalLosses
from mmkeras.balance.mm_pareto import settle

LAYERS = {cls.__name__: lambda cls=cls: cls("kind", K) for cls in (OGMGE, MMPareto, UnimodalLosses, GradientBlend)}


def labelled(layer, rate=0.02):
    plain = tiny_model(layer)
    model = LabelledModel(plain.input, plain.output)
    model.compile(keras.optimizers.Adam(rate), losses())
    return model


def pooled(name):
    counts = MASKS[name].sum(1, keepdims=True)
    return (X[name] * MASKS[name][..., None]).sum(1) / np.maximum(counts, 1)


def test_heads_see_the_mean_of_real_tokens():
    layer = UnimodalHeads(K)
    given = layer(X, mask=MASKS)
    for name in X:
        head = layer.heads[name]
        wanted = pooled(name) @ to_numpy(head.kernel) + to_numpy(head.bias)
        np.testing.assert_allclose(to_numpy(given[name]), wanted, atol=1e-5)


def test_shares_by_hand():
    logits = {name: np.random.default_rng(place).normal(size=(4, K)) for place, name in enumerate("abc")}
    labels = np.array([0, 1, 2, 1], "int32")
    count = {"a": np.array([1.0, 1, 0, 1]), "b": np.array([1.0, 0, 1, 1]), "c": np.zeros(4)}
    count = {name: rows.astype("float32") for name, rows in count.items()}
    given = OGMGE("kind", K, alpha=0.7).shares({n: v.astype("float32") for n, v in logits.items()}, labels, count)
    score = {n: (softmax(logits[n])[np.arange(4), labels] * count[n]).sum() / count[n].sum() for n in "ab"}
    ratios = {"a": score["a"] / score["b"], "b": score["b"] / score["a"]}
    for name, ratio in ratios.items():
        wanted = 1 - np.tanh(0.7 * ratio) if ratio > 1 else 1.0
        assert float(given[name]) == pytest.approx(wanted, rel=1e-5)
    assert min(float(given[name]) for name in "ab") < 1
    assert float(given["c"]) == 1.0


@pytest.mark.parametrize("noise", [False, True])
def test_the_gradient_is_scaled_and_the_answers_are_not(noise):
    """One step of SGD moves the encoder of the faster modality k times as far, the other as far as without."""
    steps, start = {}, None
    for kind in ("plain", "balanced"):
        layer = OGMGE("kind", K, alpha=0.5, noise=noise, seed=1) if kind == "balanced" else None
        model = tiny_model(layer)
        model = LabelledModel(model.input, model.output)
        start = start or [part.get_weights() for part in model.layers if part is not layer]
        for part, weights in zip((part for part in model.layers if part is not layer), start, strict=True):
            part.set_weights(weights)
        model.compile(keras.optimizers.SGD(1.0), losses())
        before = {name: to_numpy(model.get_layer(f"{name}_encoder").kernel) for name in X}
        tokens = {name: X[name] @ before[name] for name in X}
        if layer is not None:
            logits, count = layer.heads(tokens, mask=MASKS), {}
            for name in X:
                count[name] = (MASKS[name].any(1) * W["kind"]).astype("float32")
            shares = {n: float(k) for n, k in layer.shares(logits, KINDS.astype("int32"), count).items()}
        model.train_on_batch(BATCH, Y, W)
        steps[kind] = {name: to_numpy(model.get_layer(f"{name}_encoder").kernel) - before[name] for name in X}
    assert min(shares.values()) < 1
    for name, share in shares.items():
        if share < 1 and noise:
            assert not np.allclose(steps["balanced"][name], share * steps["plain"][name], rtol=0.01)
        else:
            np.testing.assert_allclose(steps["balanced"][name], share * steps["plain"][name], atol=1e-5)


def test_settled_by_hand():
    agree = to_numpy(settle(np.array([[1.0, 0.0]], "float32"), np.array([[1.0, 1.0]], "float32"), 1.5))
    np.testing.assert_allclose(agree, [[3.0, 1.5]])
    g, u = np.array([[1.0, 0.0]], "float32"), np.array([[-2.0, 1.0]], "float32")
    # The shortest of a g + (1 − a) u: a = u·(u − g) / |u − g|² = 7 / 10.
    short = 2 * (0.7 * g + 0.3 * u)
    wanted = 1.5 * short * np.linalg.norm(g + u) / np.linalg.norm(short)
    given = to_numpy(settle(g, u, 1.5))
    np.testing.assert_allclose(given, wanted, rtol=1e-5)
    assert (given * g).sum() > 0
    assert (given * u).sum() > 0
    np.testing.assert_array_equal(to_numpy(settle(0 * g, 0 * u, 1.5)), 0.0)


@pytest.mark.parametrize("name", LAYERS)
def test_the_loss_is_the_models_and_the_heads(name):
    layer = LAYERS[name]()
    model = labelled(layer)
    given = model.predict_on_batch(BATCH)
    kind, price = (losses()[t](Y[t], given[t], sample_weight=W[t]) for t in ("kind", "price"))
    wanted = float(kind) + float(price)
    for modality, logits in layer.heads(model_tokens(model), mask=MASKS).items():
        lost = -np.log(softmax(to_numpy(logits))[np.arange(ROWS), KINDS])
        rows = MASKS[modality].any(1) * W["kind"]
        wanted += (lost * rows).sum() / rows.sum()
    assert model.train_on_batch(BATCH, Y, W)[0] == pytest.approx(wanted, rel=1e-4)


def model_tokens(model):
    return {name: X[name] @ to_numpy(model.get_layer(f"{name}_encoder").kernel) for name in X}


@pytest.mark.parametrize("name", LAYERS)
def test_fit_evaluate_and_the_file(name, tmp_path):
    model = labelled(LAYERS[name]())
    history = model.fit(BATCH, Y, sample_weight=W, epochs=15, verbose=0, validation_data=(BATCH, Y, W)).history
    assert history["loss"][-1] < 0.7 * history["loss"][0]
    plain = keras.Model(model.input, model.output)
    np.testing.assert_array_equal(plain.predict_on_batch(BATCH)["kind"], model.predict_on_batch(BATCH)["kind"])
    model.save(tmp_path / "m.keras")
    loaded = keras.saving.load_model(tmp_path / "m.keras")
    assert type(loaded) is LabelledModel
    np.testing.assert_array_equal(loaded.predict_on_batch(BATCH)["kind"], model.predict_on_batch(BATCH)["kind"])
    assert np.isfinite(loaded.train_on_batch(BATCH, Y, W)).all()


@pytest.mark.parametrize("name", LAYERS)
def test_a_modality_that_no_row_has_is_finite(name):
    model = labelled(LAYERS[name]())
    absent = {**BATCH, "title_mask": np.zeros_like(MASKS["title"])}
    assert np.isfinite(model.train_on_batch(absent, Y, W)).all()
    assert np.isfinite(model.train_on_batch(absent, Y, {**W, "kind": np.zeros(ROWS, "float32")})).all()
    assert all(np.isfinite(to_numpy(weight)).all() for weight in model.trainable_weights)


@pytest.mark.parametrize("name", LAYERS)
def test_tokens_stay_and_config_survives(name):
    layer = LAYERS[name]()
    given = layer(X, mask=MASKS, training=True)
    for modality in X:
        np.testing.assert_array_equal(to_numpy(given[modality]), X[modality])
    config = layer.get_config()
    assert json.loads(json.dumps(config)) == config
    assert type(layer).from_config(config).get_config() == config
    layer.tell(ops.convert_to_tensor(KINDS), None)
    told = layer(X, mask=MASKS, training=True)
    for modality in X:
        np.testing.assert_array_equal(to_numpy(told[modality]), X[modality])


def test_what_is_refused():
    for call, rule in {
        lambda: OGMGE("kind", K, alpha=-1): "OGMGE: alpha must be >= 0. Received: alpha=-1. Do: alpha=0.5.",
        lambda: MMPareto("kind", K, gamma=0): "MMPareto: gamma must be > 0. Received: gamma=0. Do: gamma=1.5.",
        lambda: UnimodalHeads(1): "UnimodalHeads: num_classes must be > 1. Received: num_classes=1. Do: 2.",
    }.items():
        with pytest.raises(ValueError, match=re.escape(rule)):
            call()
    model = labelled(OGMGE("sort", K, name="ogm"))
    rule = "LabelledModel: the batch must hold the labels that \"ogm\" wants. Received: ['kind', 'price'] without"
    with pytest.raises(ValueError, match=re.escape(rule)):
        model.train_on_batch(BATCH, Y, W)
