import json
import re

import keras
import numpy as np
import pytest
from keras import ops
from reference import softmax, to_numpy
from tiny_fusion import BATCH, MASKS, ROWS, K, W, X, Y, losses

from mmkeras.balance import GradNorm, LabelledModel
from mmkeras.balance.grad_norm import balanced_gradients
from mmkeras.explaining.gradients import gradient
from mmkeras.fusions import ConcatFusion
from mmkeras.layers import TokenPooling

TARGETS = ("kind", "price")


def model_with(layer, optimizer, price=1.0):
    """Two encoders, a fusion, the layer, and a decoder for each target."""
    keras.utils.set_random_seed(0)
    inputs = {name: keras.Input((4, 6), name=name) for name in X}
    masks = {name: keras.Input((4,), dtype="bool", name=f"{name}_mask") for name in X}
    tokens = {name: keras.layers.Dense(6, name=f"{name}_encoder")(value) for name, value in inputs.items()}
    fused = ConcatFusion(dropout=0.0, name="fusion")(tokens, mask=masks)
    given = layer(fused) if layer is not None else dict.fromkeys(TARGETS, fused)
    heads = {"kind": keras.layers.Dense(K, "softmax", name="kind"), "price": keras.layers.Dense(1, name="price")}
    answers = {name: heads[name](TokenPooling()(given[name])) for name in TARGETS}
    model = LabelledModel({**inputs, **{f"{name}_mask": mask for name, mask in masks.items()}}, answers)
    model.compile(optimizer, losses())
    model.get_layer("price").kernel.assign(price * model.get_layer("price").kernel)
    return model


def slopes_of(model):
    """The gradient of each target's loss at the fused tokens, and the loss."""
    tokens = {name: model.get_layer(f"{name}_encoder")(X[name]) for name in X}
    fuse = model.get_layer("fusion")
    fused, mask = to_numpy(fuse(tokens, mask=MASKS)), fuse.compute_mask(tokens, MASKS)
    slopes, lost = {}, {}
    for name in TARGETS:

        def loss(values, name=name):
            answer = model.get_layer(name)(TokenPooling()(values, mask=mask))
            return losses()[name](Y[name], answer, sample_weight=W[name])

        slopes[name], lost[name] = gradient(loss, fused), float(loss(ops.convert_to_tensor(fused)))
    return slopes, lost


def test_gradients_by_hand():
    slopes = [np.array([[3.0, 4.0]]), np.array([[0.0, 1.0]]), np.zeros((1, 2))]
    weights, left = np.array([0.6, 1.2, 1.2]), np.array([0.5, 1.0, 7.0])
    total, pull = balanced_gradients([s.astype("float32") for s in slopes], weights, left, 2.0)
    np.testing.assert_allclose(to_numpy(total), [[1.8, 2.4 + 1.2]], rtol=1e-6)
    # Lengths 3 and 1.2, their mean 2.1; what is left, 0.5 and 1 of a mean of 0.75. The third has no label here.
    wanted = 2.1 * (np.array([0.5, 1.0]) / 0.75) ** 2
    signs = np.sign(np.array([3.0, 1.2]) - wanted)
    assert signs.tolist() == [1.0, -1.0]
    np.testing.assert_allclose(to_numpy(pull), [5.0, -1.0, 0.0], rtol=1e-6)


def test_a_step_by_hand():
    layer = GradNorm(TARGETS, alpha=1.0)
    model = model_with(layer, keras.optimizers.SGD(0.1))
    scores, left = np.array([0.3, -0.2], "float32"), np.array([0.9, 0.5], "float32")
    layer.scores.assign(scores)
    layer.left.assign(left)
    slopes, lost = slopes_of(model)
    layer.first.assign(np.array([2 * lost["kind"], 0.0], "float32"))
    before = to_numpy(model.get_layer("title_encoder").kernel)
    total, weights = model.train_on_batch(BATCH, Y, W), 2 * softmax(scores)
    assert total[0] == pytest.approx(lost["kind"] + lost["price"], rel=1e-5)
    lengths = np.array([np.linalg.norm(slopes[name]) for name in TARGETS])
    wanted = (weights * lengths).mean() * left / left.mean()
    pull = np.sign(weights * lengths - wanted) * lengths
    step = weights * (pull - (weights / 2 * pull).sum())  # back through the softmax
    np.testing.assert_allclose(to_numpy(layer.scores), scores - 0.1 * step, rtol=1e-4)
    np.testing.assert_allclose(to_numpy(layer.left), [0.5, 1.0], rtol=1e-5)
    np.testing.assert_allclose(to_numpy(layer.first), [2 * lost["kind"], lost["price"]], rtol=1e-5)
    whole = sum(weight * slopes[name] for weight, name in zip(weights, TARGETS, strict=True))
    tokens = {name: model.get_layer(f"{name}_encoder") for name in X}

    def fused(kernel):
        parts = {name: ops.matmul(X[name], kernel if name == "title" else tokens[name].kernel) for name in X}
        return ops.sum(model.get_layer("fusion")(parts, mask=MASKS) * whole)

    moved = to_numpy(model.get_layer("title_encoder").kernel) - before
    model.get_layer("picture_encoder").kernel.assign(model_with(None, "sgd").get_layer("picture_encoder").kernel)
    model.get_layer("fusion").set_weights(model_with(None, "sgd").get_layer("fusion").get_weights())
    np.testing.assert_allclose(moved, -0.1 * gradient(fused, before), atol=1e-6)


def test_gradients_come_to_one_length():
    """The price's loss is steep: without the layer its gradients are many times as long."""
    layer = GradNorm(TARGETS, alpha=0.0)
    model = model_with(layer, keras.optimizers.SGD(0.01), price=3.0)
    model.get_layer("price").trainable = model.get_layer("kind").trainable = False
    for name in X:
        model.get_layer(f"{name}_encoder").trainable = False
    model.get_layer("fusion").trainable = False
    lengths = np.array([np.linalg.norm(slope) for slope in slopes_of(model)[0].values()])
    assert lengths[1] > 10 * lengths[0]
    model.compile(keras.optimizers.Adam(0.05), losses())
    for _ in range(150):
        model.train_on_batch(BATCH, Y, W)
    weights = to_numpy(layer.loss_weights())
    assert weights.sum() == pytest.approx(2.0, rel=1e-5)
    np.testing.assert_allclose(weights * lengths / (weights * lengths).mean(), 1.0, atol=0.15)


def test_fit_a_target_without_labels_and_the_file(tmp_path):
    layer = GradNorm(TARGETS)
    model = model_with(layer, keras.optimizers.Adam(0.02))
    model.train_on_batch(BATCH, Y, {**W, "price": np.zeros(ROWS, "float32")})
    assert to_numpy(layer.first)[0] > 0.0 == to_numpy(layer.first)[1]
    history = model.fit(BATCH, Y, sample_weight=W, epochs=15, verbose=0, validation_data=(BATCH, Y, W)).history
    assert history["loss"][-1] < 0.7 * history["loss"][0]
    assert np.isfinite([to_numpy(weight).sum() for weight in model.weights]).all()
    model.save(tmp_path / "m.keras")
    loaded = keras.saving.load_model(tmp_path / "m.keras")
    np.testing.assert_array_equal(loaded.predict_on_batch(BATCH)["kind"], model.predict_on_batch(BATCH)["kind"])
    assert np.isfinite(loaded.train_on_batch(BATCH, Y, W)).all()


def test_tokens_stay_and_config_survives():
    layer, tokens = GradNorm(TARGETS), np.random.default_rng(0).normal(size=(2, 3, 4)).astype("float32")
    for training in (False, True):
        for given in layer(tokens, training=training).values():
            np.testing.assert_array_equal(to_numpy(given), tokens)
    config = layer.get_config()
    assert json.loads(json.dumps(config)) == config
    assert GradNorm.from_config(config).get_config() == config


def test_what_is_refused():
    for call, rule in {
        lambda: GradNorm(["kind"]): "GradNorm: there must be two targets or more. Received: targets=['kind'].",
        lambda: GradNorm(TARGETS, alpha=-1): "GradNorm: alpha must be >= 0. Received: alpha=-1. Do: alpha=1.5.",
    }.items():
        with pytest.raises(ValueError, match=re.escape(rule)):
            call()
    model = model_with(GradNorm(TARGETS), "sgd")
    model.compile("sgd", {"kind": losses()["kind"], "price": "mse"})
    rule = "LabelledModel: a target must have a keras.losses.Loss. Received: loss['price']='mse'."
    with pytest.raises(ValueError, match=re.escape(rule)):
        model.train_on_batch(BATCH, Y, W)
