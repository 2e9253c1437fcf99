"""Damaged files of a run: it is refused with a sentence, or it answers every row."""

import json
import random

import numpy as np
import pytest
from damage import damaged
from fuzzing import amount, bounded_memory, is_done, is_sentence
from tiny_table import model_for, pipeline, write_table

import mmkeras as mm
from data_pipelines import Pipeline
from mmkeras.training import run

FILES = ("pipeline.json", "choices.json", "spec.json", "run.json", "model.keras")
INPUTS = ("story", "age", "maker", "marks")


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run's folder and its rows."""
    folder = tmp_path_factory.mktemp("run")
    rows = write_table(folder)
    pipe = pipeline(rows, inputs=INPUTS)
    model = model_for(pipe)
    mm.compile(model, pipe.spec)
    options = {"epochs": 1, "verbose": 0, "choices": {"epochs": 1, "learning_rate": 0.001}}
    run.fit(model, pipe, rows, None, folder / "run", **options)
    return folder / "run", rows


def spoiled(chance, data):
    """Damaged bytes; of JSON, at times, one value in place of another."""
    if chance.random() < 0.5 or not data.startswith(b"{"):
        return damaged(chance, data)
    found = json.loads(data)
    part = found
    while isinstance(part, dict | list) and part:
        place = chance.choice(list(part)) if isinstance(part, dict) else chance.randrange(len(part))
        if not isinstance(part[place], dict | list) or not part[place] or chance.random() < 0.3:
            part[place] = chance.choice([None, -1, 0.5, "x", [], {}, [1], {"a": 1}, True, 10**30])
            break
        part = part[place]
    return json.dumps(found).encode()


@pytest.mark.fuzz
@pytest.mark.parametrize("name", FILES)
def test_a_damaged_run_is_refused_with_a_sentence_or_loaded(trained, name):
    folder, _ = trained
    good, chance, found = (folder / name).read_bytes(), random.Random(0), []
    try:
        with bounded_memory():
            for _ in range(amount(12, 200)):
                (folder / name).write_bytes(spoiled(chance, good))
                found.append(is_done(lambda: run.load(folder)))
    finally:
        (folder / name).write_bytes(good)
    assert not all(found), "some damage is seen"
    assert is_done(lambda: run.load(folder))


@pytest.mark.fuzz
def test_a_damaged_pipeline_is_refused_with_a_sentence_or_reads_rows(trained, tmp_path):
    folder, rows = trained
    good, chance, read = (folder / "pipeline.json").read_bytes(), random.Random(1), 0
    for _ in range(amount(60, 200)):
        (tmp_path / "pipeline.json").write_bytes(spoiled(chance, good))
        try:
            pipe = Pipeline.load(tmp_path / "pipeline.json")
            x = pipe.preprocess({c: served(rows, c, pipe) for c in pipe.input_columns()})
        except ValueError as error:
            assert is_sentence(error), error
            continue
        read += 1
        assert all(len(value) == len(rows) and np.isfinite(value.numpy() * 1.0).all() for value in x.values())
    assert read, "some damage is harmless"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda saved: saved["inputs"]["age"]["state"].update(curves="x"), "Cannot convert 'x'"),
        (lambda saved: saved["inputs"]["maker"]["config"].update(column=[3]), "unhashable type"),
        (lambda saved: saved["inputs"]["maker"]["config"].update(column=3), "a column that is no text"),
        (lambda saved: saved["targets"]["kind"].pop("state"), "state"),
    ],
)
def test_a_pipeline_of_wrong_values_is_refused(trained, tmp_path, change, reason):
    saved = json.loads((trained[0] / "pipeline.json").read_text("utf-8"))
    change(saved)
    (tmp_path / "p.json").write_text(json.dumps(saved), "utf-8")
    with pytest.raises(
        ValueError, match=rf"must be a saved pipeline. Received: .*p.json.*({reason}).* Do: put it back"
    ):
        Pipeline.load(tmp_path / "p.json")


@pytest.mark.parametrize("mark", [3, {}, ["x"]])
def test_a_mark_that_is_no_text_is_refused(trained, mark):
    path = trained[0] / "choices.json"
    good = path.read_text("utf-8")
    path.write_text(json.dumps({**json.loads(good), "run": mark}), "utf-8")
    try:
        with pytest.raises(ValueError, match=r"a file must be there and whole. Received: .*choices.json.*its run is"):
            run.load(trained[0])
    finally:
        path.write_text(good, "utf-8")


def served(rows, column, pipe):
    import tensorflow as tf

    cells = list(rows.values(column))
    if pipe.signature()[column].dtype == tf.string:
        return tf.constant([str(cell).encode() for cell in cells])
    return tf.constant([float(cell or "nan") for cell in cells], pipe.signature()[column].dtype)
