"""Training with gaps everywhere: in inputs, in labels, in both."""

import keras
import numpy as np
import pytest
from tiny_table import model_for, pipeline, write_table

import mmkeras as mm


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    return write_table(tmp_path_factory.mktemp("tiny"))


def test_several_targets_at_once_on_every_modality(rows):
    pipe = pipeline(rows)
    model = mm.compile(model_for(pipe, dropout=0.0, modality_dropout=0.0), pipe.spec, learning_rate=0.01)
    train = pipe.batches(rows, 6, training=True, class_weight="balanced", cache=True)
    history = model.fit(train, epochs=40, verbose=0, shuffle=False).history
    for name in ("loss", "kind_loss", "price_loss", "topics_loss"):
        assert np.isfinite(history[name]).all()
        assert history[name][-1] < history[name][0] * 0.7, name
    assert history["kind_accuracy"][-1] > 0.8


@pytest.mark.parametrize("fusion", mm.fusions.__all__)
def test_missing_labels_never_make_a_nan(rows, fusion):
    pipe = pipeline(rows, inputs=("story", "age"))
    # The balance of its experts is a loss that needs no labels.
    part = mm.fusions.MixtureFusion(balance=0.0) if fusion == "MixtureFusion" else fusion
    # Tracing each would take most of the time: other tests train in graphs.
    model = mm.compile(model_for(pipe, fusion=part), pipe.spec, run_eagerly=True)
    for x, y, w in pipe.batches(rows, 6):
        scores = model.train_on_batch(x, y, w, return_dict=True)
        assert np.isfinite(scores["loss"])
    x, y, w = next(iter(pipe.batches(rows, 12)))
    before = model.get_weights()
    nothing = {name: np.zeros_like(weight) for name, weight in w.items()}
    model.compile(keras.optimizers.SGD(0.1), model.loss, run_eagerly=True)
    assert np.all(np.array(model.train_on_batch(x, y, nothing)) == 0.0)
    for weight, old in zip(model.get_weights(), before, strict=True):
        assert np.isfinite(weight).all()
        if weight.dtype == "float32":
            np.testing.assert_array_equal(weight, old)


def test_mixed_precision(rows):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        pipe = pipeline(rows, inputs=("photo", "story"))
        model = mm.compile(model_for(pipe), pipe.spec)
        history = model.fit(pipe.batches(rows, 6, training=True), epochs=2, verbose=0, shuffle=False).history
        assert np.isfinite(history["loss"]).all()
        assert {output.dtype for output in model.output.values()} == {"float32"}
    finally:
        keras.config.set_dtype_policy(before)


def test_the_same_seed_gives_the_same_model(rows):
    pipe = pipeline(rows, targets=("kind",), inputs=("story", "age"))
    weights = []
    for seed in (3, 3, 4):
        model = mm.compile(model_for(pipe, seed=seed), pipe.spec)
        model.fit(pipe.batches(rows, 4, training=True, seed=1), epochs=2, verbose=0, shuffle=False)
        weights.append(np.concatenate([weight.ravel() for weight in model.get_weights()]))
    np.testing.assert_array_equal(weights[0], weights[1])
    assert not np.array_equal(weights[0], weights[2])
