"""What a user does from a table to answers and pages, on whichever backend Keras runs: nothing asks for TensorFlow's
tensors but `export`, which says so."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from tiny_table import pipeline, write_table

import mmkeras as mm
from data_pipelines import Image, Number, Pipeline, Text
from mmkeras.training import run

ROWS = 12


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """(folder, model, pipeline, rows): three targets, every kind of input, some cells missing."""
    folder = tmp_path_factory.mktemp("table")
    rows = write_table(folder, ROWS)
    pipe = pipeline(rows)
    keras.utils.set_random_seed(0)
    model = mm.build(pipe.spec, dim=8)
    mm.compile(model, pipe.spec)
    run.fit(model, pipe, rows, rows, folder / "run", epochs=2, batch_size=6, verbose=0)
    return folder, model, pipe, rows


def test_trains_and_keeps_what_it_learned(trained):
    folder, model, pipe, rows = trained
    again = keras.saving.load_model(folder / "run" / "model.keras")
    (x, _, _) = next(pipe.batches(rows, ROWS).as_numpy_iterator())
    for target, answer in model.predict_on_batch(x).items():
        np.testing.assert_allclose(again.predict_on_batch(x)[target], answer, atol=1e-5)


def test_scores_and_answers_of_every_row(trained):
    _, model, pipe, rows = trained
    scores = mm.evaluate(model, pipe, rows)
    assert all(np.isfinite(value) for values in scores["targets"].values() for value in values.values())
    (answers,) = mm.predict(model, pipe, rows)
    assert {name: len(answer) for name, answer in answers.items()} == dict.fromkeys(answers, ROWS)


def test_a_page_with_what_decided(trained, tmp_path):
    _, model, pipe, rows = trained
    mm.report(model, pipe, rows, tmp_path)
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "data:image/png;base64," in page
    assert "What decided" in page


def test_compares_ways_to_fuse(trained, tmp_path):
    _, _, _, rows = trained
    pipe = pipeline(rows, targets=("kind",), inputs=("story", "age"))
    splits = {"train": rows, "val": rows, "test": rows}
    options = {"fusions": ("ConcatFusion",), "seeds": 1, "training": {"epochs": 1}, "robust": False}
    result = mm.compare(pipe, splits, tmp_path, **options)
    with open(tmp_path / "results.json", encoding="utf-8") as file:
        assert json.load(file)["verdict"] == result["verdict"]


def test_words_and_pictures_of_every_row(trained):
    _, _, _, rows = trained
    targets = {"told": Text(max_tokens=4, column="story"), "drawn": Image(8, column="photo")}
    pipe = Pipeline({"age": Number()}, targets, on_bad="mask").adapt(rows)
    keras.utils.set_random_seed(0)
    flow = mm.decoders.ImageFlowDecoder(shape=(8, 8, 3), widths=(8, 16), name="drawn")
    model = mm.build(pipe.spec, dim=8, decoders={"drawn": flow})
    mm.compile(model, pipe.spec)
    model.fit(pipe.batches(rows, 6, training=True), shuffle=False, verbose=0)
    assert all(isinstance(text, str) for text in mm.generate(model, pipe, rows, "told", beams=2))
    drawn = mm.generate(model, pipe, rows, "drawn", batch_size=ROWS, steps=2)
    assert {tuple(tf.io.decode_png(picture).shape) for picture in drawn} == {(8, 8, 3)}
    assert len(drawn) == ROWS


@pytest.mark.skipif(keras.backend.backend() == "tensorflow", reason="this backend exports")
def test_export_names_the_backend_that_can(trained, tmp_path):
    _, model, pipe, _ = trained
    with pytest.raises(ValueError, match="KERAS_BACKEND=tensorflow"):
        mm.export(model, pipe, tmp_path / "saved")
