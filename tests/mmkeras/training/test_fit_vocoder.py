"""A vocoder from recordings to a decoder that keeps it."""

import keras
import numpy as np
import pandas
import pytest
import tensorflow as tf

import mmkeras as mm
from data_pipelines import Audio, Category, Pipeline, read_table
from data_pipelines.formats.wav_file import wav_file
from mmkeras.training.not_finite_error import NotFiniteError

RATE = 2000
SIZES = {"sample_rate": RATE, "mel_bins": 12, "frame": 64, "hop": 16}


@pytest.fixture(scope="module")
def taught(tmp_path_factory):
    """A pipeline, rows of two notes, and a vocoder that learned to play them."""
    place = tmp_path_factory.mktemp("notes")
    for name, pitch in (("low", 150), ("high", 500)):
        tone = np.sin(2 * np.pi * pitch * np.arange(RATE // 4) / RATE) / 2
        (place / f"{name}.wav").write_bytes(wav_file(tone, RATE))
    songs = ["low.wav", "high.wav"] * 40
    rows = read_table(pandas.DataFrame({"note": ["low", "high"] * 40, "song": songs}), media_root=str(place))
    voice = Audio(0.3, RATE, mel_bins=12, frame_seconds=0.032, hop_seconds=0.008, column="song")
    pipe = Pipeline({"note": Category()}, {"voice": voice}).adapt(rows)
    keras.utils.set_random_seed(0)
    vocoder = mm.layers.NeuralVocoder(**SIZES, width=16, num_layers=1, name="vocoder")
    options = {"epochs": 3, "batch_size": 8, "learning_rate": 1e-2, "verbose": 0}
    assert mm.fit_vocoder(pipe, rows, "voice", vocoder, validation=rows.take(8), **options) is vocoder
    return pipe, rows, vocoder


def test_it_plays_the_pitch_of_its_frames(taught):
    pipe, rows, vocoder = taught
    _, y, _ = next(iter(pipe.batches(rows, 2)))
    labels = y["voice"].numpy()
    samples = keras.ops.convert_to_numpy(vocoder(labels[..., :-1], mask=labels[..., -1] > 0))
    for one, pitch in zip(samples, (150, 500), strict=True):
        spectrum = np.abs(np.fft.rfft(one * np.hanning(len(one))))
        assert abs(spectrum.argmax() * RATE / len(one) - pitch) < 60


def test_a_loss_that_is_not_finite_ends_training(taught):
    pipe, rows, _ = taught
    vocoder = mm.layers.NeuralVocoder(**SIZES, width=16, num_layers=1, name="vocoder")
    with pytest.raises(NotFiniteError, match=r"fit_vocoder: the loss must be a finite number. .* in epoch 1, step "):
        mm.fit_vocoder(pipe, rows, "voice", vocoder, epochs=2, batch_size=8, learning_rate=1e38, verbose=0)


@pytest.mark.parametrize("cls", [mm.decoders.AudioMelDecoder, mm.decoders.AudioFlowDecoder])
def test_a_decoder_keeps_it_and_leaves_it_as_it_is(taught, tmp_path, cls):
    pipe, rows, vocoder = taught
    before = [np.array(weight) for weight in vocoder.get_weights()]
    decoder = cls.from_spec(pipe.spec["targets"]["voice"], 0.0, num_layers=1, vocoder=vocoder, name="voice")
    model = mm.build(pipe.spec, decoders={"voice": decoder}, dim=8)
    mm.compile(model, pipe.spec)
    model.fit(pipe.batches(rows.take(8), 8, training=True), shuffle=False, verbose=0)
    for weight, old in zip(vocoder.get_weights(), before, strict=True):
        np.testing.assert_array_equal(weight, old)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert isinstance(loaded.get_layer("voice").vocoder, mm.layers.NeuralVocoder)
    assert mm.generate(loaded, pipe, rows.take(4), "voice") == mm.generate(model, pipe, rows.take(4), "voice")


def test_the_saved_model_sings_by_it(taught, tmp_path):
    pipe, rows, vocoder = taught
    decoder = mm.decoders.AudioMelDecoder.from_spec(
        pipe.spec["targets"]["voice"], 0.0, num_layers=1, vocoder=vocoder, name="voice"
    )
    model = mm.build(pipe.spec, decoders={"voice": decoder}, dim=8)
    mm.export(model, pipe, str(tmp_path / "served"))
    served = tf.saved_model.load(str(tmp_path / "served"))
    told = served.serve({"note": tf.constant(["low", "high"])})["voice"].numpy()
    wanted = mm.generate(model, pipe, rows.take(2), "voice")
    sound = pipe.targets["voice"]
    for file, same in zip(told, wanted, strict=True):
        np.testing.assert_allclose(sound.decode(file), sound.decode(same), atol=1e-3)


def test_it_learns_on_after_a_decoder_has_held_it(taught):
    pipe, rows, _ = taught
    vocoder = mm.layers.NeuralVocoder(**SIZES, width=8, num_layers=0, name="vocoder")
    mm.decoders.AudioMelDecoder.from_spec(pipe.spec["targets"]["voice"], 0.0, vocoder=vocoder).build((None, 4, 8))
    before = [np.array(weight) for weight in vocoder.get_weights()]
    mm.fit_vocoder(pipe, rows.take(8), "voice", vocoder, epochs=1, batch_size=8, verbose=0)
    assert all(np.abs(new - old).max() > 0 for new, old in zip(vocoder.get_weights(), before, strict=True))


def test_a_tokenizer_speaks_through_it(taught):
    pipe, _, vocoder = taught
    tokenizer = mm.tokenizers.AudioTokenizer.from_spec(pipe.spec["targets"]["voice"], filters=(4,), vocoder=vocoder)
    copied = mm.tokenizers.AudioTokenizer.from_config(tokenizer.get_config())
    assert isinstance(copied.vocoder, mm.layers.NeuralVocoder)
    ids = np.zeros((1, tokenizer.num_tokens), "int32")
    tokenizer.build((None, tokenizer.most, 13))
    frames = tokenizer._frames(tokenizer.quantize.codes(ids))
    shown = np.cumsum(np.array(frames[..., -1]) <= 0, axis=1) == 0
    np.testing.assert_allclose(tokenizer.decode(ids), np.clip(vocoder(frames[..., :-1], mask=shown), -1, 1), atol=1e-6)


def test_what_is_refused(taught):
    pipe, rows, vocoder = taught
    with pytest.raises(ValueError, match=r"target must be a sound\. Received: target='note'\. Do: one of \['voice'\]"):
        mm.fit_vocoder(pipe, rows, "note")
    other = mm.layers.NeuralVocoder(**{**SIZES, "hop": 8})
    with pytest.raises(ValueError, match=r"frames of this target\. Received: vocoder=.*'hop': 8"):
        mm.fit_vocoder(pipe, rows, "voice", other)
    with pytest.raises(ValueError, match=r"AudioMelDecoder: the vocoder .*'frame': 64.*Do: mmkeras\.fit_vocoder"):
        mm.decoders.AudioMelDecoder(20, 12, RATE, 32, 16, vocoder=vocoder)
