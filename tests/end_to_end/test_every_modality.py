"""The whole way of a table of each modality: train with nothing chosen, report, evaluate, predict, explain, export."""

import json

import pandas
import pytest
import tensorflow as tf
from random_specs import INPUTS, RandomSpec

import mmkeras as mm
from data_pipelines import MODALITIES, read_table

KINDS = ("picture", "sound", "clip", "words", "number", "label", "tags", "series", "graph", "date")
ROWS = 24


@pytest.mark.parametrize("kind", KINDS)
def test_a_table_of_one_input(kind, tmp_path):
    spec = RandomSpec({"input": kind}, {"answer": "label"}, None, ROWS, 8, 0.1, seed=0)
    parts = (spec.frame[:16], spec.frame[16:20], spec.frame[20:])
    train, validation, test = map(read_table, parts)
    folder = tmp_path / "run"
    run = mm.train(
        train, pipeline=spec.pipeline(), validation=validation, test=test, output=folder, epochs=1, verbose=0
    )
    mm.report(run.model, run.pipe, test, folder)
    assert "accuracy" in (folder / "report.html").read_text("utf-8")
    assert "answer" in json.loads((folder / "metrics.json").read_text("utf-8"))["targets"]
    answers = pandas.concat(pandas.DataFrame(part) for part in mm.predict(run.model, run.pipe, test))
    assert len(answers) == len(parts[2]) and answers["answer"].notna().all()
    mm.explain(run.model, run.pipe, test, examples=2).save(tmp_path / "why")
    mm.export(run.model, run.pipe, tmp_path / "served")
    served = tf.saved_model.load(tmp_path / "served").signatures["serving_default"]
    assert "answer" in served.structured_outputs


def test_no_modality_is_forgotten():
    kinds = {INPUTS[kind][0].func if hasattr(INPUTS[kind][0], "func") else INPUTS[kind][0] for kind in KINDS}
    assert kinds == set(MODALITIES.values())
