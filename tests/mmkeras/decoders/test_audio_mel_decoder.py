"""Sound from tokens: lengths, durations learned, samples, scores."""

import keras
import numpy as np
import pytest
from keras import ops

from data_pipelines import Audio
from mmkeras.decoders import AudioMelDecoder
from mmkeras.layers import LogMel

SIZES = {"most": 40, "mel_bins": 8, "sample_rate": 8000, "frame": 64, "hop": 32}


def array(tensor):
    return ops.convert_to_numpy(tensor)


def decoder(**options):
    keras.utils.set_random_seed(0)
    return AudioMelDecoder(**{**SIZES, "num_layers": 2, "dropout": 0.0, **options})


def words(count=256, letters=4, seed=0):
    """Words of letters that last 2, 4, 6 or 8 frames and have a band each, as tokens and labels."""
    random = np.random.default_rng(seed)
    said = random.integers(0, letters, (count, 5))
    sizes = random.integers(1, 6, count)
    labels = np.zeros((count, 40, 9), "float32")
    for row, size in enumerate(sizes):
        bands = np.repeat(said[row, :size], 2 + 2 * said[row, :size])
        labels[row, : len(bands), :8] = -9.0
        labels[row, np.arange(len(bands)), 2 * bands] = 1.0
        labels[row, : len(bands), 8] = 1.0
    return np.eye(8, dtype="float32")[said], np.arange(5) < sizes[:, None], labels


def test_it_learns_what_is_said_and_how_long():
    tokens, mask, labels = words()
    layer = decoder()
    inputs, real, target = keras.Input((5, 8)), keras.Input((5,), dtype="bool"), keras.Input((40, 9))
    model = keras.Model([inputs, real, target], layer(inputs, target, inputs_mask=real))
    model.compile(keras.optimizers.Adam(0.01), layer.default_loss())
    model.fit([tokens, mask, labels], labels, 32, epochs=40, verbose=0)
    tokens, mask, labels = words(64, seed=1)
    told = array(layer(tokens, mask=mask))
    lengths = (told[..., -1] > 0).sum(1)
    assert np.abs(lengths - labels[..., -1].sum(1)).mean() < 1.5
    lasts = array(layer.spread.durations(tokens, mask))
    each = [lasts[mask & (tokens[..., letter] > 0)].mean() for letter in range(4)]
    np.testing.assert_allclose(each, [2, 4, 6, 8], atol=1.0)
    shown = labels[..., -1] > 0
    loudest = told[..., :8].argmax(-1) == labels[..., :8].argmax(-1)
    assert loudest[shown].mean() > 0.85


def test_in_training_frames_lie_where_the_labels_are():
    layer = decoder()
    tokens, mask, labels = words(8)
    free, led = array(layer(tokens, mask=mask)), array(layer(tokens, labels, inputs_mask=mask))
    np.testing.assert_array_equal(free[..., -1], led[..., -1])
    assert np.abs(free - led).max() > 1e-3
    by_mask = layer(tokens, np.zeros_like(labels), inputs_mask=mask, target_mask=labels[..., -1] > 0)
    np.testing.assert_array_equal(array(by_mask), led)
    np.testing.assert_array_equal(array(layer(tokens, np.zeros_like(labels), inputs_mask=mask)), free)


def test_samples_end_where_the_frames_do():
    layer = decoder()
    tokens, mask, _ = words(6)
    mask[-1] = False
    samples = array(layer.generate(tokens, mask))
    assert samples.shape == layer.generated_spec(keras.KerasTensor((6, 5, 8))).shape == (6, 64 + 39 * 32)
    lengths = (array(layer(tokens, mask=mask))[..., -1] > 0).sum(1)
    for row, length in zip(samples, lengths, strict=True):
        end = 64 + (length - 1) * 32 if length else 0
        assert np.flatnonzero(row).max(initial=-1) == end - 1
    assert lengths[-1] == 0
    np.testing.assert_array_equal(samples, array(layer.generate(tokens, mask, seed=0)))
    assert np.abs(samples - array(layer.generate(tokens, mask, seed=1))).max() > 0
    assert np.abs(samples - array(layer.generate(tokens, mask, iterations=0))).max() > 0


def test_a_sound_without_an_end_fills_all_frames():
    layer = decoder()
    samples = array(layer.generate(np.ones((2, 30, 8), "float32")))
    assert np.isfinite(samples).all()
    assert np.flatnonzero(samples[0]).max() == samples.shape[1] - 1


def test_score_by_hand():
    layer = decoder()
    random = np.random.default_rng(0)
    samples = np.zeros((3, 64 + 39 * 32), "float32")
    samples[0, : 64 + 9 * 32] = random.normal(size=64 + 9 * 32) * 0.1
    frames = array(LogMel(sample_rate=8000, mel_bins=8, frame=64, hop=32)(samples[:1, : 64 + 9 * 32]))[0]
    labels = np.zeros((3, 40, 9))
    labels[:2, :10, :8], labels[:2, :10, 8] = frames, 1
    labels[2] = np.nan
    score = layer.score(labels[[0, 2]], np.array([1.0, 0.0]), samples[[0, 2]])
    assert score == {"mel_cepstral_distortion": pytest.approx(0.0, abs=1e-4), "length_error": 0.0}
    silent = layer.score(labels[[1, 2]], np.array([1.0, 0.0]), samples[[1, 2]])
    assert silent["length_error"] == pytest.approx(9 * 32 / 8000)
    assert silent["mel_cepstral_distortion"] > 1.0


def test_the_spec_says_its_sizes():
    spec = Audio(seconds=0.164, sample_rate=8000, mel_bins=8, frame_seconds=0.008, hop_seconds=0.004).target_spec()
    layer = AudioMelDecoder.from_spec(spec, dropout=0.3, num_layers=1)
    config = layer.get_config()
    assert {key: config[key] for key in SIZES} == SIZES
    assert (config["dropout"], config["num_layers"]) == (0.3, 1)


@pytest.mark.parametrize(
    ("options", "said"),
    [({"most": 0}, r"Received: most=0, kernel_size=5"), ({"kernel_size": 4}, r"Received: most=40, kernel_size=4")],
)
def test_what_is_refused(options, said):
    with pytest.raises(ValueError, match=said):
        AudioMelDecoder(**{"most": 40, **options})
