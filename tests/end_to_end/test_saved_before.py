"""Files that version 0.1.0 wrote, see `saved_before/write.py`, load and answer as they did then."""

import csv
import functools
import json
import pathlib
import shutil
import sys
import zipfile

import keras
import numpy as np
import pytest

import mmkeras as mm
from data_pipelines import Pipeline, read_shards, read_table
from mmkeras.comparing.comparison_report import comparison_report, table
from mmkeras.training import run

KEPT = pathlib.Path(__file__).parent / "saved_before"
ROWS = 8
RUNS = ("labels", "generated", "tokens", "trained")
MODELS = ("encoders", "layers", "fusions", "decoders", "tokenizers", "balance", "weighting")
MODELS += ("generated.generator", "ensemble", "dual_encoder")
# Phases are found in rounds that divide by small magnitudes: single samples may differ, by how they are rounded.
BY_PHASES = {"layers": "GriffinLim", "decoders": "AudioMelDecoder_generated"}
BY_PHASES |= {"generated": "voice", "generated.generator": "voice"}


@pytest.fixture(scope="module")
def rows():
    return read_table(KEPT / "table.csv")


@functools.cache
def loaded(name):
    """A kept run's model and pipeline."""
    return run.load(KEPT / name)


def arrays(name):
    """The kept arrays of a file: dict of inputs, dict of outputs, sums of weights."""
    with np.load(KEPT / f"{name}.npz", allow_pickle=False) as kept:
        parts = [{key[2:]: kept[key] for key in kept.files if key.startswith(part)} for part in ("x/", "y/")]
        return *parts, kept["sums"]


def read(name):
    return json.loads((KEPT / name).read_text(encoding="utf-8"))


def answers_of(model, x):
    """What a model answers, step by step: tracing these graphs, each of which runs once, is most of their time."""
    tensors = {name: keras.ops.convert_to_tensor(value) for name, value in x.items()}
    return {name: keras.ops.convert_to_numpy(value) for name, value in model(tensors, training=False).items()}


def require_same(found, kept, by_phases=None):
    """Equal names; equal ids and masks; numbers as near as they are on another processor."""
    assert set(found) == set(kept)
    for name, expected in kept.items():
        values = np.asarray(found[name])
        assert values.dtype == expected.dtype, name
        if name == by_phases and expected.shape == values.shape:
            assert np.abs(values - expected).mean() < 1e-3, name
        elif expected.dtype.kind == "f":
            np.testing.assert_allclose(values, expected, rtol=1e-4, atol=1e-5, err_msg=name)
        else:
            np.testing.assert_array_equal(values, expected, err_msg=name)


def require_same_weights(model, sums):
    """Every weight is the kept one, also those that no prediction rests on."""
    weights = [keras.ops.convert_to_numpy(weight) for weight in model.weights if "float" in weight.dtype]
    np.testing.assert_allclose(np.sort([weight.astype("float64").sum() for weight in weights]), sums, atol=1e-6)


def test_every_file_is_looked_at():
    assert {path.name for path in KEPT.glob("*.keras")} == {f"{name}.keras" for name in MODELS}
    assert {path.parent.name for path in KEPT.glob("*/model.keras")} == set(RUNS)
    assert {path.name for path in KEPT.glob("*.npz")} == {f"{name}.npz" for name in (*MODELS, *RUNS)}


@pytest.mark.parametrize("name", MODELS)
def test_a_model_answers_as_before(name):
    x, y, sums = arrays(name)
    model = keras.saving.load_model(KEPT / f"{name}.keras", safe_mode=True)
    require_same_weights(model, sums)
    require_same(answers_of(model, x), y, BY_PHASES.get(name))


@pytest.mark.parametrize("name", RUNS)
def test_a_run_answers_as_before(name, rows):
    x, y, sums = arrays(name)
    model, pipe = loaded(name)
    assert pipe.adapted
    batch = next(pipe.batches(rows, ROWS, with_targets=False).as_numpy_iterator())
    require_same({key: value for key, value in batch.items() if key in x}, x)
    speaking = mm.generator(model)
    require_same_weights(speaking, sums)
    require_same(answers_of(speaking, x), y, BY_PHASES.get(name))
    (answers,) = mm.predict(model, pipe, rows)
    require_same_answers(answers, read(f"{name}.json"))


def require_same_answers(answers, kept):
    """Texts to the letter, numbers nearly, of pictures and sounds the first bytes."""
    assert list(answers) == list(kept)
    for column, expected in kept.items():
        for cell, other in zip(answers[column].tolist(), expected, strict=True):
            if isinstance(cell, bytes):
                assert cell[:4] == other.encode("latin-1"), column
            elif isinstance(cell, float):
                assert cell == pytest.approx(other, rel=1e-4, abs=1e-5), column
            elif cell.startswith("["):
                np.testing.assert_allclose(json.loads(cell), json.loads(other), rtol=1e-4, atol=1e-5, err_msg=column)
            else:
                assert cell == other, column


def test_a_trained_run_scores_as_before(rows):
    model, pipe = loaded("trained")
    scores, kept = mm.evaluate(model, pipe, rows), read("trained/metrics.json")
    for target, values in kept["targets"].items():
        assert scores["targets"][target] == pytest.approx(values, rel=1e-4), target


def test_the_command_reads_a_run(tmp_path, monkeypatch):
    from mmkeras.cli import main

    output = tmp_path / "answers.csv"
    words = ["mmkeras", "predict", KEPT / "trained", KEPT / "table.csv", "--output", output]
    monkeypatch.setattr(sys, "argv", [str(word) for word in words])
    with pytest.raises(SystemExit) as ended:
        main()
    assert not ended.value.code
    with open(output, newline="", encoding="utf-8") as file:
        answers = list(csv.DictReader(file))
    kept = read("trained.json")
    assert [answer["kind"] for answer in answers] == kept["kind"]
    assert [float(answer["price"]) for answer in answers] == pytest.approx(kept["price"], rel=1e-4)


def test_a_dual_encoder_embeds_as_before(rows):
    _, y, _ = arrays("dual_encoder")
    model = keras.saving.load_model(KEPT / "dual_encoder.keras", safe_mode=True)
    vectors, present = mm.embed(model, Pipeline.load(KEPT / "dual_encoder.pipeline.json"), rows)
    require_same(vectors, y)
    assert present["story"].tolist() == [row != 3 for row in range(ROWS)]


def test_shards_read_as_the_table():
    x, _, _ = arrays("labels")
    _, pipe = loaded("labels")
    shards = read_shards(KEPT / "shards")
    batch = next(pipe.batches(shards, ROWS, with_targets=False).as_numpy_iterator())
    require_same(batch, x)


def test_shards_are_prepared_again_in_their_folder(rows, tmp_path):
    folder = tmp_path / "shards"
    shutil.copytree(KEPT / "shards", folder)
    _, pipe = loaded("labels")
    index = pipe.prepare(rows, folder, rows_per_shard=4)
    assert [shard["rows"] for shard in index["shards"]] == [4, 4]
    assert len(read_shards(folder)) == len(rows)


KEPT_OBJECTS = read("objects.json")


@pytest.mark.parametrize("kept", KEPT_OBJECTS, ids=[each["object"]["registered_name"] for each in KEPT_OBJECTS])
def test_a_loss_metric_or_function_gives_the_same(kept):
    found = keras.saving.deserialize_keras_object(kept["object"], safe_mode=True)
    value = found(np.array(kept["labels"]), keras.ops.convert_to_tensor(kept["predictions"], "float32"))
    np.testing.assert_allclose(keras.ops.convert_to_numpy(value), kept["value"], rtol=1e-4, atol=1e-5)


def test_a_comparison_is_shown_again(tmp_path):
    results = read("comparison.json")
    page = pathlib.Path(comparison_report(results, tmp_path)).read_text(encoding="utf-8")
    assert {line["name"] for line in table(results)} == set(results["systems"])
    assert all(name in page for name in results["systems"]) and results["metric"] == "accuracy"


def test_every_class_of_that_version_is_in_a_file():
    """The names that version 0.1.0 registered: whatever is renamed since, the files hold the former name."""
    texts = [(KEPT / "objects.json").read_text(encoding="utf-8")]
    for path in KEPT.rglob("*.keras"):
        with zipfile.ZipFile(path) as archive:
            texts.append(archive.read("config.json").decode())
    text = "".join(texts)
    assert [name for name in read("registered.json") if f'"{name}"' not in text] == []
