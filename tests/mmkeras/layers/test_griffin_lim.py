"""Samples from log-mel frames: what analysis takes apart, this puts together."""

import glob
import os

import numpy as np
import pytest
from keras import ops

from data_pipelines.datasets import folder
from mmkeras.layers import GriffinLim, LogMel
from mmkeras.layers.overlap import cut_frames, overlap_add

RATE = 8000
SIZES = {"sample_rate": RATE, "mel_bins": 40, "frame": 200, "hop": 80}


def array(tensor):
    return ops.convert_to_numpy(tensor)


def decibels(first, second):
    """Log-spectral distance: the root of the mean square over bands, averaged over frames."""
    return np.sqrt((((first - second) * 10 / np.log(10)) ** 2).mean(-1)).mean()


def again(samples, **options):
    frames = LogMel(**SIZES)(samples[None])
    told = GriffinLim(**SIZES, **options)(frames)
    return array(frames)[0], array(told)[0], array(LogMel(**SIZES)(told))[0]


def test_a_tone_keeps_its_pitch_and_level():
    time = np.arange(4000) / RATE
    tone = (0.3 * np.sin(2 * np.pi * 440 * time)).astype("float32")
    _, told, _ = again(tone)
    assert len(told) == 200 + (len(array(LogMel(**SIZES)(tone[None]))[0]) - 1) * 80
    spectrum = np.abs(np.fft.rfft(told[500:3500] * np.hanning(3000)))
    assert abs(spectrum.argmax() * RATE / 3000 - 440) < 20
    assert np.abs(told[500:3500]).max() == pytest.approx(0.3, rel=0.2)


def test_speech_sounds_nearly_the_same():
    soundfile = pytest.importorskip("soundfile")
    files = sorted(glob.glob(os.path.join(folder("prompts"), "recordings", "it", "*.ogg")))[10:14]
    assert len(files) == 4
    for file in files:
        frames, _, told = again(soundfile.read(file, dtype="float32")[0])
        assert decibels(frames, told) < 1.5
        assert decibels(frames, again(soundfile.read(file, dtype="float32")[0], iterations=0)[2]) > 3.0


def test_without_magnitudes_lost_the_sum_over_windows_is_exact():
    samples = np.random.default_rng(0).normal(size=(2, 200 + 7 * 80)).astype("float32")
    layer = GriffinLim(**SIZES)
    layer.build((None, None, 40))
    frames = cut_frames(ops.convert_to_tensor(samples), layer.frame, layer.hop)
    np.testing.assert_array_equal(array(frames)[1, 3], samples[1, 240:440])
    real, imaginary = ops.rfft(frames * layer.window, layer.fft_length)
    weight = ops.maximum(overlap_add(ops.zeros_like(frames) + layer.window**2, layer.hop), 1e-8)
    told = array(layer._samples(real, imaginary, weight))
    np.testing.assert_allclose(told[:, 2:-2], samples[:, 2:-2], atol=2e-3)


def test_after_the_end_there_is_silence():
    frames = np.random.default_rng(0).normal(size=(3, 9, 40)).astype("float32")
    mask = np.arange(9) < np.array([9, 4, 0])[:, None]
    layer = GriffinLim(**SIZES, iterations=2)
    told = array(layer(frames, mask=mask))
    ends = [200 + 8 * 80, 200 + 3 * 80, 0]
    for row, end in enumerate(ends):
        assert np.abs(told[row, 1:end]).min(initial=1.0) > 0
        np.testing.assert_array_equal(told[row, end:], 0.0)
        assert array(layer.compute_mask(frames, mask))[row].sum() == end
    np.testing.assert_allclose(told[1, : ends[1]], array(layer(frames[1:2, :4]))[0], atol=1e-5)


def test_a_seed_moves_the_phases_only():
    frames = np.zeros((1, 30, 40), "float32")
    layer = GriffinLim(**SIZES, iterations=20)
    one, same, other = (array(layer(frames, seed=seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert np.abs(one - other).max() > 1e-3


@pytest.mark.parametrize("sizes", [{"frame": 8, "hop": 10}, {"frame": 9, "hop": 4}, {"frame": 8, "hop": 8}])
def test_any_hop_will_do(sizes):
    layer = GriffinLim(mel_bins=3, iterations=2, **sizes)
    mask = np.array([[True] * 4 + [False]])
    told = array(layer(np.ones((1, 5, 3), "float32"), mask=mask))
    assert told.shape == array(layer.compute_mask(told, mask)).shape == (1, sizes["frame"] + 4 * sizes["hop"])
    assert array(layer.compute_mask(told, mask)).sum() == sizes["frame"] + 3 * sizes["hop"]
    assert np.isfinite(told).all()


@pytest.mark.parametrize("name", ["sample_rate", "mel_bins", "frame", "hop"])
def test_sizes_are_positive(name):
    with pytest.raises(ValueError, match=rf"{name} must be > 0\. Received: {name}=0"):
        GriffinLim(**{name: 0})
