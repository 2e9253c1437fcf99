"""A loss that is no finite number stops training at its step."""

import csv
import math

import keras
import numpy as np
import pandas
import pytest
from keras import ops

import mmkeras as mm
from data_pipelines import Category, Image, Number, Pipeline, read_table
from mmkeras.runs.run_folder import RunFolder
from mmkeras.training import run
from mmkeras.training.batch_rows import BatchRows
from mmkeras.training.not_finite_error import NotFiniteError

ROWS, BATCH, STEPS, BAD = 60, 8, 8, 37


@keras.saving.register_keras_serializable("tests")
class Fragile(keras.layers.Layer):
    """An encoder that gives NaN for numbers far from the mean."""

    def __init__(self, dim=4, **kwargs):
        super().__init__(**kwargs)
        self.dense = keras.layers.Dense(dim)

    def build(self, input_shape):
        self.dense.build(input_shape)

    def call(self, inputs, mask=None):
        return self.dense(ops.where(ops.abs(inputs) > 4.0, np.nan, inputs))[:, None]

    def compute_mask(self, inputs, mask=None):
        return None

    def compute_output_shape(self, input_shape):
        return input_shape[0], 1, self.dense.units


def table(bad=BAD, **more):
    """Rows of two numbers; one of them, row `bad`, is far from all others."""
    random = np.random.default_rng(0)
    x = random.normal(size=ROWS).round(3)
    kind = np.where(x > 0, "yes", "no")
    if bad is not None:
        x[bad] = 1e4
    return read_table(pandas.DataFrame({"x": x, "y": random.normal(size=ROWS).round(3), "kind": kind, **more}))


def fit(folder, rows, validation=None, epochs=3, encoder=None, compiled=None, on_bad="raise", inputs=None, **options):
    pipe = Pipeline(inputs or {"x": Number(scaling="standard"), "y": Number()}, {"kind": Category()}, on_bad=on_bad)
    pipe.adapt(rows if inputs else table())
    keras.utils.set_random_seed(1)
    encoders = {"x": encoder or Fragile(name="x_encoder"), "y": "NumberMLPEncoder"}
    model = mm.build(pipe.spec, fusion="SumFusion", encoders=encoders, dim=4, modality_dropout=0.0)
    mm.compile(model, pipe.spec, **{"learning_rate": 0.01, "ema_momentum": 0.9, **(compiled or {})})
    options = {"verbose": 0, "monitor": "val_loss", **options}
    run.fit(model, pipe, rows, validation, folder, epochs, BATCH, **options)
    return model


def stopped(*args, **options):
    with pytest.raises(NotFiniteError) as caught:
        fit(*args, **options)
    return caught.value


@pytest.mark.parametrize(
    "options",
    [{}, {"cache": False, "compiled": {"steps_per_execution": 3, "jit_compile": True}}],
    ids=["cached", "decoded anew, compiled, three steps at once"],
)
def test_the_step_the_rows_and_the_layer_are_told(options, tmp_path):
    error = stopped(tmp_path, table(), table(None), **options)
    assert BAD in error.rows and len(error.rows) in (BATCH, ROWS % BATCH) and error.epoch == 0
    assert 'the first layer whose output is not finite is "x_encoder" (Fragile), in row 37 of "DataFrame"' in str(error)
    assert "There is no model yet" in str(error) and "Received: NaN or infinity in epoch 1, step " in str(error)


def test_rows_that_are_dropped_move_no_other(tmp_path):
    words = ["1"] * ROWS
    words[3] = words[40] = "many"
    inputs = {"x": Number(scaling="standard"), "y": Number(), "z": Number()}
    error = stopped(tmp_path, table(z=words), inputs=inputs, on_bad="drop")
    assert 'is "x_encoder" (Fragile), in row 37 of' in str(error)
    assert BAD in error.rows and not {3, 40} & set(error.rows)


def test_the_last_good_model_stays(tmp_path):
    """A learning rate that breaks the weights in the third epoch only."""
    rate = keras.optimizers.schedules.PiecewiseConstantDecay([2 * STEPS + 2], [0.01, 1e36])
    options = {"encoder": "NumberMLPEncoder", "compiled": {"learning_rate": rate, "ema_momentum": None}}
    error = stopped(tmp_path, table(None), table(None), epochs=4, **options)
    assert error.epoch == 2 and "The best model so far is in" in str(error)
    model, _ = run.load(tmp_path)
    assert all(np.isfinite(weight).all() for weight in model.get_weights())
    lines = list(csv.DictReader((tmp_path / "history.csv").read_text().splitlines()))
    assert len(lines) in (1, 2) and all(math.isfinite(float(line["loss"])) for line in lines)


def test_without_validation_the_last_checkpoint_is_given_out(tmp_path):
    rate = keras.optimizers.schedules.PiecewiseConstantDecay([STEPS + 2], [0.01, 1e36])
    options = {"encoder": "NumberMLPEncoder", "compiled": {"learning_rate": rate}}
    error = stopped(tmp_path, table(None), epochs=4, save_every=STEPS, **options)
    assert error.epoch == 1 and "The model of epoch 1 is in" in str(error)
    model, _ = run.load(tmp_path)
    assert all(np.isfinite(weight).all() for weight in model.get_weights())
    assert not RunFolder(tmp_path).finished


def test_a_run_that_was_there_stays(tmp_path):
    fit(tmp_path, table(None), table(None), epochs=1, encoder="NumberMLPEncoder")
    before = run.check(tmp_path)
    assert "The run that was in" in str(stopped(tmp_path, table(), table(None), overwrite=True))
    run.load(tmp_path)
    assert run.check(tmp_path) == before


def test_validation_counts_as_well(tmp_path):
    error = stopped(tmp_path, table(None), table())
    assert "in epoch 1, in validation, rows 32, 33, 34, 35, 36, 37, 38, 39 of" in str(error)
    assert '"x_encoder" (Fragile), in row 37 of' in str(error) and error.batch is None


def test_files_of_rows_are_named(tmp_path):
    rows = read_table(pandas.DataFrame({"photo": ["a.png", "", "c.png"], "x": [1, 2, 3]}), media_root=tmp_path)
    named = BatchRows(rows, Pipeline({"photo": Image(4), "x": Number()}), None)
    assert named.files([2, 0]) == f"photo='{tmp_path}/a.png', photo='{tmp_path}/c.png'"
    assert named.files([1]) == "" and named.named([2, 0]) == 'rows 0, 2 of "DataFrame"'
    assert named.named(range(20)).endswith('13, 14, 15 and 4 more of "DataFrame"')
