"""WAV bytes of every kind against the numbers they were written from; rates against sines."""

import resource
import struct

import numpy as np
import pytest
import tensorflow as tf
from media_bytes import tone, wav_bytes

from data_pipelines.formats.wav import read_wav, resample

STEREO = np.stack([tone(440, 0.05), tone(660, 0.05, height=0.3)], 1)


read = tf.function(read_wav, input_signature=[tf.TensorSpec([], tf.string)])


def decoded(data):
    samples, rate = read(tf.constant(data))
    return samples.numpy(), int(rate)


@pytest.mark.parametrize(
    ("bits", "real", "step"),
    [
        (8, False, 2**-7),
        (16, False, 2**-15),
        (24, False, 2**-23),
        (32, False, 1e-7),
        (32, True, 1e-7),
        (64, True, 1e-7),
    ],
)
@pytest.mark.parametrize("extensible", [False, True])
def test_every_encoding_gives_the_written_samples(bits, real, step, extensible):
    written = np.concatenate([[0.0, -1.0, 0.999, -0.5], tone(300, 0.02)])
    samples, rate = decoded(wav_bytes(written, 11025, bits, real, extensible))
    assert rate == 11025 and samples.dtype == np.float32
    np.testing.assert_allclose(samples, np.minimum(written, 1 - 2.0 ** (1 - bits)), atol=step / 2 + 1e-7)


@pytest.mark.parametrize(("bits", "real"), [(8, False), (16, False), (24, False), (32, True)])
def test_channels_are_averaged(bits, real):
    samples, _ = decoded(wav_bytes(STEREO, bits=bits, real=real))
    np.testing.assert_allclose(samples, STEREO.mean(1), atol=2.0 ** (1 - min(bits, 24)))


def test_six_channels():
    six = np.stack([np.full(5, level) for level in (0.1, 0.2, 0.3, 0.4, 0.5, -0.9)], 1)
    np.testing.assert_allclose(decoded(wav_bytes(six, bits=24))[0], np.full(5, 0.1), atol=1e-6)


def test_other_chunks_are_skipped_with_their_padding():
    chunks = b"LIST" + struct.pack("<I", 7) + b"INFOabc\0" + b"fact" + struct.pack("<I", 4) + b"data"
    samples, _ = decoded(wav_bytes(tone(440), before=chunks))
    np.testing.assert_allclose(samples, tone(440), atol=1e-4)


def test_chunks_after_the_samples_are_not_samples():
    plain = wav_bytes(tone(440, 0.01))
    assert len(decoded(plain + b"LIST" + struct.pack("<I", 4) + b"INFO")[0]) == 80


def test_a_stream_without_a_size_is_read_to_its_end():
    samples, _ = decoded(wav_bytes(tone(440), size=0xFFFFFFFF))
    assert len(samples) == 4000


def test_half_a_frame_at_the_end_is_left_out():
    whole = wav_bytes(STEREO, size=0xFFFFFFFF)
    np.testing.assert_array_equal(decoded(whole[:-3])[0], decoded(whole)[0][:-1])


def headed(layout):
    return b"RIFF\0\0\0\0WAVEfmt " + struct.pack("<I", len(layout)) + layout + b"data" + struct.pack("<I", 4) + b"abcd"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "no RIFF/WAVE header"),
        (b"RIFF", "no RIFF/WAVE header"),
        (b"RIFF\0\0\0\0WEBP" + b"\0" * 40, "no RIFF/WAVE header"),
        (b"ID3\4" + b"\0" * 60, "no RIFF/WAVE header"),
        (wav_bytes(tone(440))[:30], "cut short"),
        (wav_bytes(tone(440))[:44], "cut short"),
        (wav_bytes(tone(440))[:-1], "cut short"),
        (wav_bytes([]), "no samples"),
        (wav_bytes([])[:36], "no samples"),
        (wav_bytes([0.0, np.nan], bits=32, real=True), "NaN or infinite"),
        (wav_bytes([0.0, np.inf], bits=64, real=True), "NaN or infinite"),
        (headed(struct.pack("<HHIIHH", 7, 1, 8000, 8000, 1, 8)), "WAV encoding.*7.*with bits.*8"),
        (headed(struct.pack("<HHIIHH", 1, 2, 8000, 8000, 3, 12)), "WAV encoding.*1.*with bits.*12"),
        (headed(struct.pack("<HHIIHH", 1, 0, 8000, 8000, 2, 16)), "header is broken"),
        (headed(struct.pack("<HHIIHH", 1, 1, 0, 8000, 2, 16)), "header is broken"),
        (headed(struct.pack("<HHIIHH", 1, 1, 0xFFFFFFFF, 8000, 2, 16)), "header is broken"),
        (headed(struct.pack("<HHIIHH", 1, 1, 8000, 8000, 0, 0)), "header is broken"),
        (headed(struct.pack("<HHI", 1, 1, 8000)), "header is broken"),
    ],
)
def test_broken_files_say_what_is_wrong(data, reason):
    with pytest.raises(tf.errors.InvalidArgumentError, match=f"(?s){reason}"):
        read(tf.constant(data))


@pytest.mark.parametrize(
    ("rate", "target"), [(44100, 16000), (8000, 16000), (16000, 44100), (11025, 16000), (16000, 16001), (16001, 16000)]
)
def test_a_sine_keeps_its_frequency_and_height(rate, target):
    changed = resample(tf.constant(tone(440, 0.5, rate), tf.float32), rate, target).numpy()
    assert len(changed) == -(-round(0.5 * rate) * target // rate)
    inside = slice(target // 100, -target // 100)
    np.testing.assert_allclose(changed[inside], tone(440, 1, target)[: len(changed)][inside], atol=1e-3)


@pytest.mark.parametrize("rate", [44100, 44101])
def test_tones_above_the_new_half_rate_vanish(rate):
    changed = resample(tf.constant(tone(9000, 0.5, rate), tf.float32), rate, 16000).numpy()
    assert np.abs(changed[200:-200]).max() < 1e-3


def test_resampling_is_the_sum_over_a_windowed_sinc():
    samples = np.random.default_rng(0).normal(size=40)
    expected = []
    cutoff = 2 / 3 * 0.97
    for place in np.arange(27) * 3 / 2:
        time = (np.arange(40) - place) * cutoff
        window = np.where(np.abs(time) < 16, np.cos(np.pi * time / 32) ** 2, 0)
        expected.append((samples * np.sinc(time) * window * cutoff).sum())
    changed = resample(tf.constant(samples, tf.float32), 12000, 8000)
    np.testing.assert_allclose(changed, expected, atol=1e-5)


def test_the_same_rate_changes_nothing():
    samples = tf.constant(tone(440), tf.float32)
    np.testing.assert_array_equal(resample(samples, 8000, 8000), samples)


def test_rates_that_share_no_divisor_need_little_memory():
    """A table of all phases would hold 16,000 × 16,035 numbers, eight gigabytes on the way."""
    work = tf.function(lambda samples, rate: resample(samples, rate, 16000)).get_concrete_function(
        tf.TensorSpec([None], tf.float32), tf.TensorSpec([], tf.int32)
    )
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for rate in (16001, 1, 2**31 - 1):
        changed = work(tf.ones([100]), tf.constant(rate))
        assert len(changed) == -(-100 * 16000 // rate)
        assert np.isfinite(changed).all()
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 500_000
