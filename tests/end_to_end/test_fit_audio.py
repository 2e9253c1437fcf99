"""Sound and series out, end to end: train, evaluate, predict, export."""

import keras
import numpy as np
import pandas
import pytest
import tensorflow as tf

import mmkeras as mm
from data_pipelines import Audio, Category, Pipeline, TimeSeries, read_table, split_in_time, windows
from data_pipelines.formats.series import read_series
from data_pipelines.formats.wav import read_wav
from data_pipelines.formats.wav_file import wav_file
from mmkeras.metrics.sound_scores import mel_cepstral_distortion

RATE = 8000
NOTES = {"low": (300, 0.2), "high": (1800, 0.4)}


@pytest.fixture(scope="module")
def sung(tmp_path_factory):
    place = tmp_path_factory.mktemp("notes")
    for name, (pitch, seconds) in NOTES.items():
        tone = np.sin(2 * np.pi * pitch * np.arange(round(seconds * RATE)) / RATE) / 2
        (place / f"{name}.wav").write_bytes(wav_file(tone, RATE))
    table = pandas.DataFrame({"note": list(NOTES) * 16, "song": [f"{name}.wav" for name in NOTES] * 16})
    rows = read_table(table, str(place))
    keras.utils.set_random_seed(0)
    voice = Audio(0.5, RATE, mel_bins=20, frame_seconds=0.02, hop_seconds=0.01, column="song")
    pipe = Pipeline({"note": Category()}, {"voice": voice}).adapt(rows)
    model = mm.build(pipe.spec, dim=32, dropout=0.0)
    mm.compile(model, pipe.spec, learning_rate=0.01)
    batches = pipe.batches(rows, 8, training=True, cache=True)
    loss = model.fit(batches, shuffle=False, epochs=25, verbose=0).history["loss"]
    assert loss[-1] < loss[0] / 2
    return model, pipe, rows


def pitch(wav):
    samples, rate = read_wav(tf.constant(wav))
    samples = samples.numpy()
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return spectrum.argmax() * int(rate) / len(samples), len(samples) / int(rate)


def test_every_note_has_its_pitch_and_length(sung):
    model, pipe, rows = sung
    wavs = np.concatenate([answers["voice"] for answers in mm.predict(model, pipe, rows)])
    assert len(wavs) == len(rows)
    for wav, (wanted, seconds) in zip(wavs[:2], NOTES.values(), strict=True):
        told, long = pitch(wav)
        assert told == pytest.approx(wanted, rel=0.25)
        assert long == pytest.approx(seconds, abs=0.08)


def test_it_scores_better_than_the_other_note(sung):
    model, pipe, rows = sung
    score = mm.evaluate(model, pipe, rows, subsets=False)["targets"]["voice"]
    assert score["length_error"] < 0.08
    (_, y, _) = next(iter(pipe.batches(rows, 2)))
    low, high = (label[label[:, -1] > 0, :-1] for label in y["voice"].numpy())
    assert score["mel_cepstral_distortion"] < mel_cepstral_distortion(low, high) / 2


def test_the_exported_file_sings_the_same(sung, tmp_path):
    model, pipe, rows = sung
    wanted = np.concatenate([answers["voice"] for answers in mm.predict(model, pipe, rows)])[:2]
    mm.export(model, pipe, str(tmp_path / "saved"))
    serve = tf.saved_model.load(str(tmp_path / "saved")).signatures["serving_default"]
    told = serve(note=tf.constant(["low", "high", ""]))["voice"].numpy()
    for wav, same in zip(told, wanted, strict=False):
        one, other = read_wav(tf.constant(wav))[0].numpy(), read_wav(tf.constant(same))[0].numpy()
        assert len(one) == len(other)
        np.testing.assert_allclose(one, other, atol=0.02)
    assert np.isfinite(read_wav(tf.constant(told[2]))[0].numpy()).all()


def test_a_forecast_from_table_to_saved_model(tmp_path):
    steps = np.arange(600)
    frame = pandas.DataFrame({"load": 10 + 3 * np.sin(2 * np.pi * steps / 12) + 0.01 * steps})
    frame.loc[100:102, "load"] = np.nan
    parts = split_in_time(windows(frame, past=24, horizon=6, values=["load"]), 0.7, 0.3)
    train, test = (read_table(part) for part in parts)
    keras.utils.set_random_seed(0)
    pipe = Pipeline({"past": TimeSeries(24)}, {"future": TimeSeries(6, keep="first")}).adapt(train)
    model = mm.build(pipe.spec, dim=32, dropout=0.0)
    mm.compile(model, pipe.spec, learning_rate=0.003)
    model.fit(pipe.batches(train, 32, training=True, cache=True), shuffle=False, epochs=12, verbose=0)
    score = mm.evaluate(model, pipe, test, subsets=False)["targets"]["future"]
    actual = np.array(parts[1]["future"].tolist())[..., 0]
    last = np.array(parts[1]["past"].tolist())[:, -1:, 0]
    assert score["mae"] < 0.5 * np.abs(actual - last).mean()
    mm.export(model, pipe, str(tmp_path / "saved"))
    serve = tf.saved_model.load(str(tmp_path / "saved")).signatures["serving_default"]
    answers = serve(past=tf.constant([str(parts[1]["past"][0])]))
    told = read_series(answers["future"][0]).numpy()[:, 0]
    quantiles = answers["future_quantiles"].numpy()
    assert quantiles.shape == (1, 6, 1, 3)
    np.testing.assert_allclose(told, quantiles[0, :, 0, 1], rtol=1e-4)
    assert np.abs(told - actual[0]).mean() < 2.0
