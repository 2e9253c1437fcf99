"""How steps are run: compiled in few shapes, several at a time, in half precision."""

import csv
import io
import json
import wave

import keras
import numpy as np
import pandas
import pytest
from training_rows import frame

import mmkeras as mm
from data_pipelines import Audio, Category, Pipeline, Text, read_table
from mmkeras.training.execution import Execution

ROWS = 70
SMALL = {"dim": 4, "fusion": "ConcatFusion", "encoders": {"story": "TextBagEncoder", "voice": "AudioCNNEncoder"}}


def sound(random, pitch):
    """WAV bytes of up to half a second."""
    samples = np.sin(np.arange(random.integers(60, 1000)) * pitch) * 20000
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(2000)
        out.writeframes(samples.astype("<i2").tobytes())
    return file.getvalue()


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    """Texts of 1 to 40 words and audio of all lengths."""
    folder, random = tmp_path_factory.mktemp("table"), np.random.default_rng(0)
    lines = []
    for place in range(ROWS):
        kind = place % 2
        (folder / f"{place}.wav").write_bytes(sound(random, 0.1 + kind))
        words = ["up", "down"][kind : kind + 1] + ["so"] * random.integers(0, 39) + [str(place)]
        lines.append({"story": " ".join(words), "voice": f"{place}.wav", "kind": "ab"[kind]})
    with open(folder / "table.csv", "w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, list(lines[0]))
        table.writeheader()
        table.writerows(lines)
    return read_table(folder / "table.csv")


def pipeline():
    voice = Audio(seconds=0.5, sample_rate=2000, frame_seconds=0.016, hop_seconds=0.008, mel_bins=6)
    return Pipeline({"story": Text(max_tokens=40), "voice": voice}, {"kind": Category()})


@pytest.fixture
def shapes(monkeypatch):
    """What the compiled functions of a model are given: dict function → set of shapes."""
    found = {"fit": set(), "validation": set(), "predict": set()}

    def shape(x):
        return tuple((name, tuple(value.shape)) for name, value in sorted(x.items()))

    def watched(batches, part):
        for batch in batches:
            found[part].add(shape(batch[0]))
        return batches

    fit, predict = keras.Model.fit, keras.Model.predict_on_batch

    def watched_fit(self, x, validation_data=None, epochs=1, steps_per_epoch=None, **options):
        watched(x.take(epochs * steps_per_epoch), "fit")
        watched(validation_data, "validation")
        return fit(self, x, validation_data=validation_data, epochs=epochs, steps_per_epoch=steps_per_epoch, **options)

    def watched_predict(self, x):
        found["predict"].add(shape(x))
        return predict(self, x)

    monkeypatch.setattr(keras.Model, "fit", watched_fit)
    monkeypatch.setattr(keras.Model, "predict_on_batch", watched_predict)
    return found


def test_texts_and_audio_of_all_lengths_are_compiled_in_few_shapes(rows, shapes, tmp_path):
    options = {"epochs": 1, "batch_size": 4, "jit_compile": True, "parts": SMALL, "verbose": 0}
    found = mm.train(rows, output=tmp_path, pipeline=pipeline(), **options)
    assert found.model.jit_compile and found.choices["jit_compile"] is True
    assert shapes["fit"] and sum(map(len, shapes.values())) <= 8
    assert json.loads((tmp_path / "choices.json").read_text())["steps_per_execution"] == 1


def test_answers_do_not_depend_on_padding(rows):
    pipe = pipeline().adapt(rows)
    model = mm.build(pipe.spec, **SMALL)
    plain = model.predict(pipe.batches(rows, 8), verbose=0)["kind"]
    padded = model.predict(pipe.batches(rows, 8, static_shapes="few"), verbose=0)["kind"]
    np.testing.assert_allclose(padded, plain, atol=1e-5)
    drawn, same = (pipe.batches(rows, 8, training=True, static_shapes=shapes) for shapes in ("few", False))
    padded, plain = (np.concatenate([model.predict_on_batch(x)["kind"] for x, _, _ in data]) for data in (drawn, same))
    np.testing.assert_allclose(padded[:ROWS], plain, atol=1e-5)
