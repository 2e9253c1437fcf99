"""`build(balance=…)`: models of several targets, one of them generated, that learn what each counts."""

import re

import keras
import numpy as np
import pytest
from tiny_table import write_table

import mmkeras as mm
from data_pipelines import Category, Number, Pipeline, Text
from mmkeras.models.build import BALANCES
from mmkeras.training import run


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    rows = write_table(tmp_path_factory.mktemp("tiny"))
    targets = {"kind": Category(), "price": Number(), "told": Text(max_tokens=4, column="story")}
    return rows, Pipeline({"age": Number(), "maker": Category()}, targets, on_bad="mask").adapt(rows)


@pytest.mark.parametrize("balance", BALANCES)
def test_it_learns_keeps_and_generates(tiny, tmp_path, balance):
    rows, pipe = tiny
    keras.utils.set_random_seed(0)
    model = mm.build(pipe.spec, dim=8, dropout=0.0, balance=balance)
    mm.compile(model, pipe.spec, learning_rate=0.01, run_eagerly=True)
    run.fit(model, pipe, rows, None, tmp_path, epochs=3, batch_size=6, verbose=0)
    loaded, _ = run.load(tmp_path)
    assert type(loaded) is type(model)
    learned = model.log_variances if balance == "UncertaintyWeighting" else model.get_layer("grad_norm").scores
    assert learned.shape == (3,)
    assert np.ptp(np.asarray(learned)) > 0
    batch = next(iter(pipe.batches(rows, 12, with_targets=False)))
    for given, kept in zip(_answers(model, batch), _answers(loaded, batch), strict=True):
        np.testing.assert_array_equal(given, kept)
    assert len(mm.generate(model, pipe, rows, "told")) == len(rows)


def _answers(model, batch):
    answers = mm.generator(model)(batch, training=False)
    return [np.asarray(answers[name]) for name in ("kind", "price", "told")]


@pytest.mark.parametrize("targets", [("kind", "price"), ("kind",)])
def test_what_is_refused(tiny, targets):
    spec = {**tiny[1].spec, "targets": {name: tiny[1].spec["targets"][name] for name in targets}}
    balance = "GradNorm" if len(targets) == 1 else "Equal"
    words = f"build: balance must be one of {BALANCES}, of two targets or more. Received: balance={balance!r}"
    with pytest.raises(ValueError, match=re.escape(words)):
        mm.build(spec, balance=balance)
