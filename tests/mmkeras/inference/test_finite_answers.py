"""Models whose weights or answers are NaN: a sentence, or rows without an answer."""

import json
import math

import keras
import numpy as np
import pandas
import pytest

import mmkeras as mm
from data_pipelines import Category, Number, Pipeline, Tags, read_table
from mmkeras.inference.finite_answers import with_nulls, without_nulls
from mmkeras.training import run

KINDS = ("yes", "no")


@keras.saving.register_keras_serializable("tests")
class Fragile(keras.layers.Layer):
    """NaN for what is above 2."""

    def call(self, inputs):
        return keras.ops.where(inputs > 2.0, np.nan, inputs)


@pytest.fixture(scope="module")
def made():
    """A model that answers NaN for the last row, its pipeline and rows."""
    random = np.random.default_rng(0)
    table = pandas.DataFrame({"x": [*random.normal(size=29).clip(-1, 1), 90.0]})
    table["kind"] = np.where(table["x"] > 0, *KINDS)
    table["price"], table["marks"] = table["x"] * 2, np.where(table["x"] > 0, "a|b", "a")
    rows = read_table(table)
    targets = {"kind": Category(), "price": Number(), "marks": Tags(min_count=1)}
    pipe = Pipeline({"x": Number(scaling="standard")}, targets).adapt(rows)
    keras.utils.set_random_seed(0)
    x, mask = keras.Input((1,), name="x"), keras.Input((1,), dtype="bool", name="x_mask")
    tokens = keras.layers.Dense(4)(Fragile()(x))[:, None]
    built = {name: mm.build(pipe.spec, dim=4).get_layer(name) for name in targets}
    model = keras.Model(
        {"x": x, "x_mask": mask}, {name: type(d).from_config(d.get_config())(tokens) for name, d in built.items()}
    )
    return model, pipe, rows


def test_rows_without_an_answer_are_left_empty(made):
    (answers,) = mm.predict(*made)
    assert answers["kind"][-1] == "" and set(answers["kind"][:-1]) <= set(KINDS)
    assert math.isnan(answers["price"][-1]) and math.isnan(answers["kind_probability"][-1])
    assert np.isfinite(answers["price"][:-1]).all() and answers["marks"][-1] == ""


def test_scores_and_pages_say_so(made, tmp_path):
    model, pipe, rows = made
    metrics = mm.evaluate(model, pipe, rows)
    assert math.isnan(metrics["targets"]["price"]["mae"])
    run.write_metrics(metrics, tmp_path)
    written = json.loads((tmp_path / "metrics.json").read_text(), parse_constant=pytest.fail)
    assert written["targets"]["price"]["mae"] is None and written["rows"] == 30
    mm.report(model, pipe, rows, tmp_path)
    assert "3 answers are NaN or infinite" in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_a_model_of_nan_is_refused(made, tmp_path):
    model, pipe, rows = made
    layer = next(layer for layer in model.layers if isinstance(layer, keras.layers.Dense))
    before = layer.get_weights()
    layer.set_weights([np.full_like(weight, np.nan) for weight in before])
    for ask in (
        lambda: next(mm.predict(model, pipe, rows)),
        lambda: mm.evaluate(model, pipe, rows),
        lambda: mm.report(model, pipe, rows, tmp_path),
    ):
        with pytest.raises(
            ValueError, match=r"weights of a model must be finite numbers. Received: NaN or infinity in"
        ):
            ask()
    layer.set_weights(before)


def test_nulls_go_and_come():
    value = {"a": math.nan, "b": [math.inf, 1.0, "x"], "c": {"d": 2, "e": None}}
    assert with_nulls(value) == {"a": None, "b": [None, 1.0, "x"], "c": {"d": 2, "e": None}}
    assert math.isnan(without_nulls(with_nulls(value))["a"])
