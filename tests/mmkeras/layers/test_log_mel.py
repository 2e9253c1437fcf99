import io
import wave

import numpy as np
import pytest
from reference import normal, to_numpy

from mmkeras.layers import LogMel

RATE, FRAME, HOP, BINS = 8000, 200, 80, 40


def mel_bank(size):
    """Triangles, even on the mel scale, 60 Hz to half the rate; the lowest frequency belongs to none."""
    mel = lambda hertz: 1127.0 * np.log(1.0 + hertz / 700.0)  # noqa: E731
    low, centre, high = (np.linspace(mel(60.0), mel(RATE / 2), BINS + 2)[k : k + BINS] for k in range(3))
    place = mel(np.linspace(0.0, RATE / 2, size // 2 + 1))[:, None]
    bank = np.maximum(0.0, np.minimum((place - low) / (centre - low), (high - place) / (high - centre)))
    bank[0] = 0.0
    return bank


def log_mel(samples):
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(FRAME) / FRAME)
    starts = range(0, len(samples) - FRAME + 1, HOP)
    frames = np.stack([samples[start : start + FRAME] * window for start in starts])
    return np.log(np.abs(np.fft.rfft(frames, 256)) ** 2 @ mel_bank(256) + 1e-5)


def layer():
    return LogMel(sample_rate=RATE, mel_bins=BINS, frame=FRAME, hop=HOP)


def test_against_numpy():
    samples = normal(2, 1111) * 0.1
    given = to_numpy(layer()(samples))
    np.testing.assert_allclose(given, np.stack([log_mel(row) for row in samples]), atol=1e-3)


def test_frames_lie_wholly_inside_the_real_samples():
    samples, lengths = normal(4, 700), np.array([700, 440, 200, 199])
    mask = np.arange(700)[None] < lengths[:, None]
    part = layer()
    given, real = to_numpy(part(samples, mask=mask)), part.compute_mask(samples, mask)
    np.testing.assert_array_equal(real.sum(1), [7, 4, 1, 0])
    for row, length in enumerate(lengths[:3]):
        np.testing.assert_allclose(given[row][real[row]], log_mel(samples[row, :length]), atol=1e-3)
    np.testing.assert_array_equal(given[~real], 0.0)


def test_the_same_as_the_pipeline_gives():
    pipelines = pytest.importorskip("data_pipelines")
    recordings = [wav(normal(length, seed=length) * 0.1) for length in (900, 333, 50)] + [b""]
    sizes = {"sample_rate": RATE, "frame_seconds": FRAME / RATE, "hop_seconds": HOP / RATE, "mel_bins": BINS}
    frames, mask, _ = pipelines.Audio(**sizes).encode([recordings])
    samples, real, _ = pipelines.Audio(features="waveform", **sizes).encode([recordings])
    part = layer()
    np.testing.assert_array_equal(part.compute_mask(samples, real), mask)
    np.testing.assert_allclose(part(samples, mask=real), frames, atol=1e-4)


def wav(samples):
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE)
        out.writeframes((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())
    return file.getvalue()
