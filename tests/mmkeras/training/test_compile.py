import re

import keras
import numpy as np
import pytest
from tiny_table import model_for, pipeline, write_table

import mmkeras as mm


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    return write_table(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def pipe(rows):
    return pipeline(rows, inputs=("story", "age"))


@pytest.fixture
def model(pipe):
    return model_for(pipe, fusion="ConcatFusion")


def test_losses_and_metrics_by_target(model, pipe, rows):
    assert mm.compile(model, pipe.spec, learning_rate=0.02, label_smoothing=0.1) is model
    assert type(model.optimizer) is keras.optimizers.Adam
    assert float(model.optimizer.learning_rate) == pytest.approx(0.02)
    assert model.loss["kind"].label_smoothing == 0.1
    assert isinstance(model.loss["price"], keras.losses.MeanSquaredError)
    scores = model.evaluate(pipe.batches(rows, 4), return_dict=True, verbose=0)
    assert {"loss", "kind_loss", "price_loss", "topics_loss", "kind_accuracy", "price_mae", "topics_pr_auc"} <= set(
        scores
    )
    assert np.isfinite(list(scores.values())).all()


def test_label_smoothing_by_target(model, pipe):
    mm.compile(model, pipe.spec, label_smoothing={"topics": 0.2})
    assert (model.loss["kind"].label_smoothing, model.loss["topics"].label_smoothing) == (0.0, 0.2)
    with pytest.raises(ValueError, match=r"label_smoothing must name targets. Received: \['marks'\]"):
        mm.compile(model, pipe.spec, label_smoothing={"marks": 0.2})


def test_loss_weights(model, pipe, rows):
    batch = next(iter(pipe.batches(rows, 12)))
    total = {}
    for name, weights in (
        ("all", None),
        ("none", {"kind": 0.0, "price": 0.0, "topics": 0.0}),
        ("price", {"kind": 0.0, "topics": 0.0}),
    ):
        mm.compile(model, pipe.spec, loss_weights=weights)
        total[name] = model.test_on_batch(*batch, return_dict=True)
    assert total["none"]["loss"] == 0.0
    assert total["price"]["loss"] == pytest.approx(total["all"]["price_loss"], rel=1e-5)
    parts = sum(total["all"][f"{name}_loss"] for name in ("kind", "price", "topics"))
    assert total["all"]["loss"] == pytest.approx(parts, rel=1e-5)


def test_missing_labels_do_not_count(model, pipe, rows):
    mm.compile(model, pipe.spec)
    x, y, w = next(iter(pipe.batches(rows, 12)))
    given = model.test_on_batch(x, y, w, return_dict=True)
    changed = {
        name: np.where(np.reshape(w[name] > 0, (-1,) + (1,) * (y[name].shape.rank - 1)), y[name], 1) for name in y
    }
    assert any((np.asarray(w[name]) == 0).any() for name in w)
    same = model.test_on_batch(x, changed, w, return_dict=True)
    assert {name: pytest.approx(value) for name, value in given.items()} == same


@pytest.mark.parametrize("name", ["adam", "sgd"])
def test_weight_decay_leaves_biases_and_norms_alone(model, pipe, name):
    mm.compile(model, pipe.spec, optimizer=name, weight_decay=0.1)
    assert type(model.optimizer) is {"adam": keras.optimizers.AdamW, "sgd": keras.optimizers.SGD}[name]
    assert model.optimizer.weight_decay == 0.1
    model.optimizer.build(model.trainable_variables)
    for variable in model.trainable_variables:
        decays = model.optimizer._use_weight_decay(variable)
        assert decays == (variable.name in ("kernel", "embeddings", "curves")), variable.path


def test_an_optimizer_of_ones_own(model, pipe):
    optimizer = keras.optimizers.RMSprop(0.01)
    mm.compile(model, pipe.spec, optimizer=optimizer, steps_per_execution=2)
    assert model.optimizer is optimizer
    assert model.steps_per_execution == 2


def test_schedules_clipping_and_means_of_weights(model, pipe):
    schedule = keras.optimizers.schedules.CosineDecay(0.01, 10)
    mm.compile(model, pipe.spec, learning_rate=schedule, clipnorm=1.0, ema_momentum=0.9)
    assert (model.optimizer.clipnorm, model.optimizer.use_ema, model.optimizer.ema_momentum) == (1.0, True, 0.9)
    assert float(model.optimizer.learning_rate) == pytest.approx(0.01)


def test_a_target_without_a_decoder(pipe, model):
    spec = {**pipe.spec, "targets": {**pipe.spec["targets"], "cost": {}}}
    rule = "compile: every target must have a decoder of its name. Received: target='cost', layers=["
    with pytest.raises(ValueError, match=re.escape(rule)):
        mm.compile(model, spec)


def test_loss_weights_for_what_is_no_target(pipe, model):
    rule = "compile: loss_weights must name targets. Received: ['cost']. Do: of ['kind', 'price', 'topics']."
    with pytest.raises(ValueError, match=re.escape(rule)):
        mm.compile(model, pipe.spec, loss_weights={"cost": 1.0})
