import itertools
import json
import math
import re

import keras
import numpy as np
import pytest
from reference import normal, to_numpy

from mmkeras.alignment import ContrastiveAlignment

NAMES = ("picture", "sound", "title")
ROWS, DIM = 6, 5


def unit(*shape, seed=0):
    x = normal(*shape, seed=seed)
    return x / np.linalg.norm(x, axis=-1, keepdims=True)


EMBEDDINGS = {name: unit(ROWS, DIM, seed=place) for place, name in enumerate(NAMES)}
MASKS = {
    "picture": np.array([1, 1, 1, 0, 1, 0], bool),
    "sound": np.array([1, 1, 0, 1, 1, 0], bool),
    "title": np.array([1, 1, 1, 1, 0, 0], bool),
}


def infonce(a, b, temperature):
    """Row by row, as the paper's pseudocode does it."""
    logits = a @ b.T / temperature
    own = np.diag(logits)
    ways = [np.log(np.exp(logits).sum(axis)) - own for axis in (0, 1)]
    return np.mean(ways)


def sigmoid(a, b, temperature, bias):
    logits = a @ b.T / temperature + bias
    signs = 2 * np.eye(len(a)) - 1
    return np.log1p(np.exp(-signs * logits)).sum() / len(a)


def expected(loss, pairs, masks):
    costs = []
    for first, second in pairs:
        both = masks[first] & masks[second]
        a, b = EMBEDDINGS[first][both], EMBEDDINGS[second][both]
        if both.any():
            costs.append(infonce(a, b, 0.07) if loss == "infonce" else sigmoid(a, b, 0.1, -10.0))
    return np.mean(costs)


def cost(embeddings=EMBEDDINGS, masks=MASKS, **options):
    layer = ContrastiveAlignment(**options)
    layer(embeddings, mask=masks)
    return float(layer.losses[0])


ALL = list(itertools.combinations(NAMES, 2))
ANCHORED = [("title", "picture"), ("title", "sound")]


@pytest.mark.parametrize("loss", ["infonce", "sigmoid"])
@pytest.mark.parametrize(("anchor", "pairs"), [(None, ALL), ("title", ANCHORED)])
def test_as_numpy_on_the_rows_that_have_both(loss, anchor, pairs):
    assert cost(loss=loss, anchor=anchor) == pytest.approx(expected(loss, pairs, MASKS), rel=1e-5)


@pytest.mark.parametrize("loss", ["infonce", "sigmoid"])
def test_no_mask_is_all_real_and_the_weight_counts(loss):
    full = {name: np.ones(ROWS, bool) for name in NAMES}
    assert cost(masks=None, loss=loss, weight=0.3) == pytest.approx(0.3 * expected(loss, ALL, full), rel=1e-5)


@pytest.mark.parametrize("loss", ["infonce", "sigmoid"])
@pytest.mark.parametrize("rows", [[], [2]])
def test_a_batch_of_one_or_no_pair_is_finite_and_so_is_its_gradient(loss, rows):
    present = np.isin(np.arange(ROWS), rows)
    masks = {"picture": present, "title": present}
    spoiled = {name: np.where(present[:, None], EMBEDDINGS[name], 1e3).astype("float32") for name in masks}
    inputs = {name: keras.Input((DIM,), name=name) for name in masks}
    shown = {name: keras.Input((), dtype="bool", name=f"{name}_mask") for name in masks}
    moved = {name: keras.layers.Dense(DIM)(value) for name, value in inputs.items()}
    model = keras.Model([inputs, shown], ContrastiveAlignment(loss)(moved, mask=shown))
    model.compile(keras.optimizers.SGD(1.0))
    before = model.get_weights()
    value = model.train_on_batch([spoiled, masks])
    if loss == "infonce" or not rows:
        assert value == 0.0
    else:
        assert value > 0
    assert all(np.isfinite(weight).all() for weight in model.get_weights())
    if not rows:
        for old, new in zip(before, model.get_weights(), strict=True):
            np.testing.assert_array_equal(old, new)


def test_a_pair_that_no_row_has_does_not_thin_the_others():
    masks = {**MASKS, "sound": np.zeros(ROWS, bool)}
    assert cost(masks=masks) == pytest.approx(expected("infonce", ALL, masks), rel=1e-5)
    assert cost(masks=masks) == pytest.approx(expected("infonce", [("picture", "title")], masks), rel=1e-5)


def test_what_stands_under_a_mask_and_the_order_of_the_dict_change_nothing():
    spoiled = {n: np.where(MASKS[n][:, None], v, np.nan) for n, v in reversed(EMBEDDINGS.items())}
    assert cost(spoiled) == cost()


def test_embeddings_go_through_unchanged_and_masks_with_them():
    layer = ContrastiveAlignment()
    given = layer(EMBEDDINGS, mask=MASKS)
    for name in NAMES:
        np.testing.assert_array_equal(to_numpy(given[name]), EMBEDDINGS[name])
    assert layer.compute_mask(EMBEDDINGS, MASKS) is MASKS


def model_of(loss="infonce", **options):
    inputs = {name: keras.Input((DIM,), name=name) for name in NAMES}
    units = {name: keras.layers.UnitNormalization()(keras.layers.Dense(DIM)(x)) for name, x in inputs.items()}
    return keras.Model(inputs, ContrastiveAlignment(loss, **options)(units))


@pytest.mark.parametrize("loss", ["infonce", "sigmoid"])
def test_fit_learns_the_pairs_and_the_temperature_under_xla(loss):
    model = model_of(loss)
    model.compile(keras.optimizers.Adam(0.03), jit_compile=True)
    history = model.fit(EMBEDDINGS, epochs=40, batch_size=ROWS, verbose=0, validation_data=(EMBEDDINGS, None)).history
    assert history["loss"][-1] < 0.5 * history["loss"][0]
    assert history["val_loss"][-1] < 0.5 * history["loss"][0]
    layer = model.layers[-1]
    assert abs(float(layer.log_scale) - math.log(1 / (0.07 if loss == "infonce" else 0.1))) > 1e-3
    if loss == "sigmoid":
        assert float(layer.shift) != -10.0


def test_the_temperature_stops_at_a_hundredth():
    same = unit(ROWS, DIM)
    inputs = {name: keras.Input((DIM,), name=name) for name in NAMES}
    bare = keras.Model(inputs, ContrastiveAlignment(temperature=0.05)(inputs))
    bare.compile(keras.optimizers.SGD(1e4))
    bare.train_on_batch(dict.fromkeys(NAMES, same))
    assert float(bare.layers[-1].log_scale) == pytest.approx(math.log(100.0), rel=1e-6)


def test_keras_file_and_config(tmp_path):
    model = model_of("sigmoid", anchor="title", weight=0.5, temperature=0.2, bias=-3.0)
    model.compile("adam")
    model.train_on_batch(EMBEDDINGS)
    model.save(tmp_path / "m.keras")
    loaded = keras.saving.load_model(tmp_path / "m.keras")
    assert loaded.layers[-1].get_config() == model.layers[-1].get_config()
    assert json.loads(json.dumps(model.layers[-1].get_config())) == model.layers[-1].get_config()
    assert loaded.test_on_batch(EMBEDDINGS) == model.test_on_batch(EMBEDDINGS)


def test_mixed_precision_keeps_the_loss_in_float32():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = model_of()
    finally:
        keras.config.set_dtype_policy("float32")
    assert {weight.dtype for weight in model.weights} == {"float32"}
    assert {output.dtype for output in model.outputs} == {"float32"}
    model.compile("adam")
    assert np.isfinite(model.train_on_batch(EMBEDDINGS))


def refused(rule, **options):
    embeddings = options.pop("embeddings", EMBEDDINGS)
    with pytest.raises(ValueError, match=re.escape(rule)):
        ContrastiveAlignment(name="align", **options)(embeddings)


def test_what_is_refused():
    refused("ContrastiveAlignment: loss must be one of ('infonce', 'sigmoid'). Received: loss='clip'.", loss="clip")
    refused("temperature must be >= 0.01. Received: temperature=0.001. Do: temperature=0.07.", temperature=0.001)
    refused("the anchor must be a modality. Received: anchor='tile'. Do: of ['picture', 'sound',", anchor="tile")
    rule = 'ContrastiveAlignment "align": there must be two modalities or more, of one D. Received: D by name={}'
    refused(rule.format({"title": DIM}), embeddings={"title": EMBEDDINGS["title"]})
    unlike = {"picture": unit(ROWS, 4), "title": EMBEDDINGS["title"]}
    refused(rule.format({"picture": 4, "title": DIM}), embeddings=unlike)
