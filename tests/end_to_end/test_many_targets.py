"""One model that answers in a class, a number, tags, a sentence, a picture, a sound and a series; one export."""

import csv
import json
import subprocess
import sys

import keras
import numpy as np
import pandas
import pytest
import tensorflow as tf
from tiny_table import COLUMNS, lines, picture, recording

import mmkeras as mm
from data_pipelines import Audio, Category, Image, Number, Pipeline, Tags, Text, TimeSeries, read_table
from mmkeras.training import run

TARGETS = ("kind", "price", "topics", "told", "drawn", "spoken", "course")
SOUND = {"sample_rate": 2000, "frame_seconds": 0.016, "hop_seconds": 0.008, "mel_bins": 6, "seconds": 0.1}


def write_rows(folder, rows=12):
    """The tiny table with a series more; media beside it."""
    table = pandas.DataFrame(list(lines(rows)), columns=COLUMNS)
    table["past"] = [" ".join(str(place + step) for step in range(5)) for place in range(rows)]
    table["course"] = [" ".join(str(place + step) for step in range(5, 8)) for place in range(rows)]
    table.loc[5, "course"] = ""
    for place in range(rows):
        (folder / f"{place}.png").write_bytes(picture(place))
        (folder / f"{place}.wav").write_bytes(recording(place))
    table.to_csv(folder / "many.csv", index=False)
    return read_table(folder / "many.csv")


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    """(folder of the run, model, pipeline, rows) after a few steps."""
    folder = tmp_path_factory.mktemp("many")
    rows = write_rows(folder)
    targets = {
        "kind": Category(),
        "price": Number(),
        "topics": Tags(min_count=1),
        "told": Text(max_tokens=5, column="story"),
        "drawn": Image(8, column="photo"),
        "spoken": Audio(**SOUND, column="voice"),
        "course": TimeSeries(max_steps=3),
    }
    inputs = {"age": Number(), "maker": Category(), "past": TimeSeries(max_steps=5)}
    pipe = Pipeline(inputs, targets, on_bad="mask").adapt(rows)
    keras.utils.set_random_seed(0)
    flow = mm.decoders.ImageFlowDecoder(shape=(8, 8, 3), widths=(8, 16), name="drawn")
    model = mm.build(pipe.spec, dim=16, decoders={"drawn": flow})
    weights = {"told": 2.0, "price": 0.5}
    mm.compile(model, pipe.spec, learning_rate=3e-3, loss_weights=weights)
    run.fit(model, pipe, rows, rows, folder / "run", epochs=3, batch_size=6, verbose=0)
    return folder, model, pipe, rows


def test_every_target_has_a_loss_and_learns(many):
    folder, model, _pipe, _rows = many
    with open(folder / "run" / "history.csv", encoding="utf-8") as file:
        history = list(csv.DictReader(file))
    for target in TARGETS:
        losses = [float(epoch[f"{target}_loss"]) for epoch in history]
        assert np.isfinite(losses).all(), target
    assert float(history[-1]["loss"]) < float(history[0]["loss"])
    assert set(model.output) == set(TARGETS)


def test_rows_lack_some_targets(many):
    _, _, pipe, rows = many
    _, _, w = next(iter(pipe.batches(rows, 12)))
    lacking = {name: np.flatnonzero(np.asarray(w[name]) == 0).tolist() for name in TARGETS}
    assert lacking == {
        "kind": [8],
        "price": [9],
        "topics": [10],
        "told": [2],
        "drawn": [1],
        "spoken": [3],
        "course": [5],
    }


def test_every_head_is_scored(many):
    _, model, pipe, rows = many
    scores = mm.evaluate(model, pipe, rows, subsets=False)["targets"]
    assert set(scores) == set(TARGETS)
    assert all(np.isfinite(value) for values in scores.values() for value in values.values()), scores


def test_answers_of_every_kind(many):
    _, model, pipe, rows = many
    (answers,) = mm.predict(model, pipe, rows)
    assert len(answers["told"]) == len(rows)
    pixels = tf.io.decode_png(answers["drawn"][0])
    assert pixels.shape == (8, 8, 3)
    samples, rate = tf.audio.decode_wav(answers["spoken"][0])
    assert (int(rate), samples.shape[1]) == (2000, 1)
    assert len(json.loads(answers["course"][0])) == 3
    sounds = mm.generate(model, pipe, rows, "spoken")
    assert sounds == answers["spoken"].tolist()


def test_the_saved_model_answers_as_the_process_does(many, tmp_path):
    _, model, pipe, rows = many
    # More of Griffin and Lim's rounds make more of the last bits, in which two builds of a graph differ.
    options = {"spoken": {"iterations": 12}}
    (wanted,) = mm.predict(model, pipe, rows, generate=options, seed=5)
    mm.export(model, pipe, tmp_path / "served", generate=options, seed=5)
    table = list(lines(12))
    ages = np.array([float(line[3] or "nan") for line in table], "float32")
    past = [" ".join(str(place + step) for step in range(5)) for place in range(12)]
    np.savez(tmp_path / "cells.npz", age=ages, maker=[line[4] for line in table], past=past)
    script = """
import builtins, sys
real = builtins.__import__
def refuse(name, *args, **kwargs):
    if name.split(".")[0] in ("keras", "mmkeras", "data_pipelines"):
        raise ImportError(name)
    return real(name, *args, **kwargs)
import numpy as np
import tensorflow as tf
builtins.__import__ = refuse
serve = tf.saved_model.load(sys.argv[1] + "/served").signatures["serving_default"]
cells = np.load(sys.argv[1] + "/cells.npz")
given = serve(**{name: tf.constant(cells[name]) for name in cells.files})
bytes_of = lambda name: [len(data) for data in given[name].numpy()]
pixels = [tf.io.decode_png(data).numpy().tolist() for data in given["drawn"].numpy()]
sounds = [tf.audio.decode_wav(data)[0].numpy()[:, 0].tolist() for data in given["spoken"].numpy()]
import json
texts = {name: [text.decode() for text in given[name].numpy()] for name in ("told", "kind", "course")}
print(json.dumps({**texts, "drawn": pixels, "spoken": sounds}))
"""
    told = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, timeout=300, check=True
    )
    given = json.loads(told.stdout.splitlines()[-1])
    assert given["told"] == wanted["told"].tolist()
    assert given["kind"] == wanted["kind"].tolist()
    for one, other in zip(given["course"], wanted["course"], strict=True):
        np.testing.assert_allclose(json.loads(one), json.loads(other), atol=1e-3)
    for pixels, data in zip(given["drawn"], wanted["drawn"], strict=True):
        assert np.abs(np.array(pixels) - tf.io.decode_png(data).numpy().astype(int)).max() <= 1
    for samples, data in zip(given["spoken"], wanted["spoken"], strict=True):
        real = tf.audio.decode_wav(data)[0].numpy()[:, 0]
        assert len(samples) == len(real)
        np.testing.assert_allclose(samples, real, atol=1e-3)


def test_the_report_shows_them(many, tmp_path):
    _, model, pipe, rows = many
    path = mm.report(model, pipe, rows, tmp_path, examples=6)
    with open(path, encoding="utf-8") as file:
        page = file.read()
    assert "generated: <b>" in page
    assert page.count('alt="generated"') >= 12
    assert page.count("s generated</small>") == 6
    for metric in ("smape", "pinball", "mel cepstral distortion", "length error"):
        assert f"<th>{metric}*</th>" in page
    assert page.count("the middle forecast in the second") == 6


def test_the_command_writes_files(many, tmp_path):
    folder, *_ = many
    command = [sys.executable, "-c", "from mmkeras.cli import main; main()", "predict"]
    arguments = [str(folder / "run"), str(folder / "many.csv"), "--output", str(tmp_path / "out.csv"), "--seed", "5"]
    more = ["--generate", '{"drawn": {"steps": 2}}']
    done = subprocess.run([*command, *arguments, *more], timeout=300, capture_output=True, check=False, text=True)
    assert done.returncode == 0, done.stderr
    with open(tmp_path / "out.csv", newline="", encoding="utf-8") as file:
        answers = list(csv.DictReader(file))
    assert len(answers) == 12
    assert answers[3]["drawn"] == "out_drawn/000003.png"
    assert tf.io.decode_png((tmp_path / answers[3]["drawn"]).read_bytes()).shape == (8, 8, 3)
    assert tf.audio.decode_wav((tmp_path / answers[3]["spoken"]).read_bytes())[0].shape[1] == 1
    wrong = subprocess.run([*command, *arguments, "--generate", "beams"], timeout=300, capture_output=True, check=False)
    assert wrong.returncode == 2
    assert b"must be JSON" in wrong.stderr
