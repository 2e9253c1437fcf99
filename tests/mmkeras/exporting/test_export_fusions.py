"""Every fusion in a SavedModel that says texts and numbers: it answers there as it does here."""

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from test_export import in_process, same
from tiny_table import model_for

import mmkeras as mm
from data_pipelines import Number, Pipeline, Text, read_table
from mmkeras.models.generator import generator

CELLS = {
    "wide": np.array([1.0, 4.0, np.nan, 2.5], "float32"),
    "long": np.array([0.0, np.nan, np.nan, 3.0], "float32"),
}


@pytest.fixture(scope="module")
def pipe():
    table = {"wide": [1.0, 2, 3, 4], "long": [2.0, 3, 1, 0], "said": ["x y", "y z", "z", "x"], "worth": [1.0, 2, 4, 3]}
    targets = {"said": Text(max_tokens=2), "worth": Number()}
    return Pipeline({"wide": Number(), "long": Number()}, targets).adapt(read_table(pd.DataFrame(table)))


@pytest.mark.parametrize("fusion", mm.fusions.__all__)
def test_every_fusion_answers_in_a_file(pipe, tmp_path, fusion):
    facts = pipe.spec["targets"]["said"]
    decoder = mm.decoders.TextTransformerDecoder.from_spec(facts, 0.0, num_layers=1, name="said")
    model = model_for(pipe, fusion=fusion, decoders={"said": decoder})
    never_the_end = 10.0 * (np.arange(facts["vocabulary_size"]) < decoder.end)
    decoder.dense.bias.assign(decoder.dense.bias + never_the_end)
    mm.export(model, pipe, tmp_path / "saved")
    serve = tf.saved_model.load(tmp_path / "saved").signatures["serving_default"]
    answers = serve(**{name: tf.constant(values) for name, values in CELLS.items()})
    wanted = in_process(generator(model), pipe, CELLS)
    assert all(wanted["said"]) and np.isfinite(wanted["worth"]).all()
    same({name: value.numpy() for name, value in answers.items()}, wanted)
