"""Recordings: log-mel frames against numpy, rates, channels, containers, lengths."""

import sys

import numpy as np
import pytest
import scipy.fft
import tensorflow as tf
from media_bytes import sound_bytes, tone, wav_bytes

from data_pipelines import Audio, CellContext
from data_pipelines.field_spec import FieldSpec
from data_pipelines.formats.audio import transcode_to_wav

RATE = 8000
BYTES = CellContext(is_bytes=True)


class Encoder:
    """An `Audio` and its graph, traced once: files' bytes → value, mask and bad."""

    def __init__(self, **options):
        self.audio = Audio(**{"seconds": 0.4, "sample_rate": RATE, **options})
        self._encode = tf.function(
            lambda cells: self.audio.encode_row([cells], BYTES), input_signature=[tf.TensorSpec([None], tf.string)]
        )

    def __call__(self, *cells):
        return tuple(part.numpy() for part in self._encode(tf.constant(cells)))


@pytest.fixture(scope="module")
def log_mel():
    return Encoder()


@pytest.fixture(scope="module")
def waveform():
    return Encoder(features="waveform")


def expected_log_mel(samples, frame=200, hop=80, bins=40, rate=RATE, size=256):
    """Ten lines of numpy: Hann frames, power spectra, triangles evenly spread in mel from 60 Hz, logarithm."""
    frames = np.stack([samples[start : start + frame] for start in range(0, len(samples) - frame + 1, hop)])
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(frame) / frame)
    power = np.abs(np.fft.rfft(frames * window, size)) ** 2

    def mel(frequency):
        return 1127 * np.log1p(np.asarray(frequency) / 700)

    edges = np.linspace(mel(60), mel(rate / 2), bins + 2)
    place = mel(np.arange(size // 2 + 1) * rate / size)[:, None]
    rising = (place - edges[:-2]) / np.diff(edges)[:-1]
    falling = (edges[2:] - place) / np.diff(edges)[1:]
    bank = np.maximum(0, np.minimum(rising, falling))
    bank[0] = 0
    return np.log(power @ bank + 1e-5)


def test_log_mel_is_what_numpy_computes(log_mel):
    samples = tone(700, 0.3) + 0.1 * np.random.default_rng(0).normal(size=2400)
    value, mask, bad = log_mel(wav_bytes(samples, bits=32, real=True))
    expected = expected_log_mel(samples)
    assert value.shape == (1, 28, 40) and mask.all() and not bad.any()
    np.testing.assert_allclose(value[0], expected, atol=2e-3)


def test_a_clip_alone_is_the_clip_beside_a_longer_one(log_mel, waveform):
    short, long = wav_bytes(tone(500, 0.101)), wav_bytes(tone(900, 0.3))
    for encode in (log_mel, waveform):
        alone, alone_mask, _ = encode(short)
        value, mask, _ = encode(short, long, "")
        length = alone_mask.sum()
        assert alone_mask.all() and mask[0].sum() == length and mask[1].all() and not mask[2].any()
        np.testing.assert_array_equal(value[0, :length], alone[0])
        assert not value[0, length:].any() and not value[2].any()


def test_waveform_gives_the_samples(waveform):
    samples = tone(440, 0.2)
    value, mask, _ = waveform(wav_bytes(samples))
    assert value.shape == (1, 1600) and mask.all() and value.dtype == np.float32
    np.testing.assert_allclose(value[0], samples, atol=1e-4)


def test_long_recordings_are_cut(log_mel, waveform):
    samples = tone(440, 0.9)
    assert waveform(wav_bytes(samples))[0].shape == (1, 3200)
    np.testing.assert_allclose(waveform(wav_bytes(samples))[0][0], samples[:3200], atol=1e-4)
    assert log_mel(wav_bytes(samples))[0].shape == (1, 1 + (3200 - 200) // 80, 40)


@pytest.mark.parametrize("rate", [16000, 44100, 11025])
def test_other_rates_are_resampled(waveform, rate):
    value, mask, _ = waveform(wav_bytes(tone(440, 0.3, rate), rate, bits=24))
    assert mask.all() and value.shape == (1, -(-round(0.3 * rate) * RATE // rate))
    np.testing.assert_allclose(value[0, 80:-80], tone(440, 0.4)[80 : value.shape[1] - 80], atol=1e-3)


def test_a_cut_at_another_rate_sounds_on_to_its_end(waveform):
    value, _, _ = waveform(wav_bytes(tone(440, 0.9, 44100), 44100, bits=24))
    assert value.shape == (1, 3200)
    np.testing.assert_allclose(value[0, 80:], tone(440, 0.4)[80:], atol=1e-3)


def test_stereo_is_the_mean(waveform):
    both = np.stack([tone(440, 0.1), tone(880, 0.1)], 1)
    for data in (wav_bytes(both), sound_bytes(both)):
        np.testing.assert_allclose(waveform(data)[0][0], both.mean(1), atol=1e-4)


@pytest.mark.parametrize(
    ("form", "subtype", "error"),
    [("FLAC", "PCM_24", 1e-6), ("OGG", "VORBIS", 0.05), ("OGG", "OPUS", 0.1), ("MP3", "MPEG_LAYER_III", 0.05)],
)
def test_compressed_containers(waveform, form, subtype, error):
    samples = tone(440, 0.35)
    value, mask, bad = waveform(sound_bytes(samples, form=form, subtype=subtype))
    assert mask.all() and not bad.any() and value.shape[1] >= 2800
    inside = slice(400, 2400)
    shifted = [np.abs(np.roll(value[0], -shift)[inside] - samples[inside]).max() for shift in range(-40, 41)]
    assert min(shifted) < error


@pytest.mark.parametrize("length", [1, 60, 199, 200])
def test_less_than_a_frame_is_one_frame(log_mel, waveform, length):
    samples = np.full(length, 0.25)
    value, mask, _ = waveform(wav_bytes(samples))
    assert value.shape == (1, 200) and mask.all()
    np.testing.assert_allclose(value[0], np.pad(samples, (0, 200 - length)), atol=1e-6)
    value, mask, _ = log_mel(wav_bytes(samples))
    assert value.shape == (1, 1, 40) and mask.all()
    np.testing.assert_allclose(value[0], expected_log_mel(np.pad(samples, (0, 200 - length))), atol=2e-3)


def test_batches_of_nothing_are_one_frame_wide(log_mel, waveform):
    assert log_mel("", "")[0].shape == (2, 1, 40) and not log_mel("", "")[1].any()
    assert waveform("", "")[0].shape == (2, 200) and not waveform("", "")[1].any()


def test_broken_recordings_are_marked_and_leave_the_others_alone(log_mel):
    good = wav_bytes(tone(440, 0.2))
    value, mask, bad = log_mel(b"junk", good, good[:-1], wav_bytes([]), wav_bytes([np.nan], bits=32, real=True), "")
    assert bad.tolist() == [True, False, True, True, True, False]
    assert mask.any(1).tolist() == [False, True, False, False, False, False]
    np.testing.assert_array_equal(value[1], log_mel(good)[0][0])
    assert not value[[0, 2, 3, 4, 5]].any()


def test_a_rate_from_a_broken_header_is_not_taken_at_its_word(waveform):
    samples = np.full(400, 0.5)
    value, mask, bad = waveform(wav_bytes(samples, rate=1), wav_bytes(samples, rate=2**31 - 1))
    assert np.isfinite(value).all() and mask.any(1).all() and not bad.any()


def test_other_frames_and_bands():
    encode = Encoder(sample_rate=16000, mel_bins=20, frame_seconds=0.02, hop_seconds=0.02)
    samples = tone(700, 0.2, 16000)
    value = encode(wav_bytes(samples, 16000, bits=32, real=True))[0]
    expected = expected_log_mel(samples, 320, 320, 20, 16000, 512)
    assert value.shape == (1, 10, 20)
    np.testing.assert_allclose(value[0], expected, atol=2e-3)


def test_without_soundfile(waveform, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "soundfile", None)
    good, other = wav_bytes(tone(440, 0.2)), sound_bytes(tone(440, 0.2))
    (tmp_path / "a.flac").write_bytes(other)
    assert waveform(good, other)[2].tolist() == [False, True]
    message = 'only WAV is read without soundfile. Do: pip install "mmkeras[audio]"'
    assert message in waveform.audio.reason([other], BYTES)
    assert message in waveform.audio.reason([str(tmp_path / "a.flac").encode()], CellContext())
    with pytest.raises(ValueError, match=r"only WAV is read without soundfile. Do: pip install \"mmkeras\[audio\]\""):
        transcode_to_wav(other)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"junk" * 20, "soundfile cannot read these 80 bytes: Format not recognised"),
        (wav_bytes(tone(440))[:-9], "the WAV file is cut short: its header promises more bytes"),
        (wav_bytes([]), "the WAV file has no samples"),
        (wav_bytes([0.5, np.nan], bits=32, real=True), "the WAV file has NaN or infinite samples"),
        (b"RIFF" + b"\0" * 60, "this is not a WAV file: it has no RIFF/WAVE header"),
    ],
)
def test_reasons(waveform, data, reason):
    assert waveform.audio.reason([data], BYTES) == reason


def test_spec_and_config():
    audio = Audio(seconds=1, sample_rate=RATE, features="waveform")
    details = {"features": "waveform", "sample_rate": 8000, "mel_bins": 40, "frame": 200, "hop": 80}
    assert audio.spec() == FieldSpec("Audio", (None,), "float32", (None,), 8000, details=details)
    assert Audio().spec().shape == (None, 40)
    config = audio.get_config()
    assert Audio(**{key: value for key, value in config.items() if key != "modality"}).get_config() == config


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"features": "mel"}, r"features must be one of .* Received: features='mel'"),
        ({"seconds": 0}, "seconds must be > 0. Received: seconds=0"),
        ({"sample_rate": -1}, "sample_rate must be > 0. Received: sample_rate=-1"),
        ({"mel_bins": 0}, "mel_bins must be > 0. Received: mel_bins=0"),
        ({"hop_seconds": float("nan")}, "hop_seconds must be > 0. Received: hop_seconds=nan"),
        ({"frame_seconds": 0}, "frame_seconds must be > 0. Received: frame_seconds=0"),
    ],
)
def test_wrong_arguments(options, message):
    with pytest.raises(ValueError, match=message):
        Audio(**options)


@pytest.mark.parametrize("bins", [40, 8])
def test_mfcc_is_the_cosine_transform_of_log_mel(bins):
    samples = tone(700, 0.3) + 0.1 * np.random.default_rng(0).normal(size=2400)
    encode = Encoder(features="mfcc", mel_bins=bins)
    value, mask, bad = encode(wav_bytes(samples, bits=32, real=True), "", b"junk")
    expected = scipy.fft.dct(expected_log_mel(samples, bins=bins), norm="ortho")[:, :13]
    assert mask.sum(1).tolist() == [28, 0, 0] and bad.tolist() == [False, False, True]
    assert encode.audio.spec().shape == (None, min(13, bins)) and not value[1:].any()
    np.testing.assert_allclose(value[0], expected, atol=5e-3)
    varied = Audio(features="mfcc", augment={"time_mask": 0.5}).augment(value, mask, tf.constant([1, 2]))
    assert (varied[0] != value[0]).numpy().any()
