"""Sound as a target: labels of frames with their end, and samples written as WAV."""

import numpy as np
import pytest
import tensorflow as tf
from media_bytes import tone, wav_bytes

from data_pipelines import Audio
from data_pipelines.field_spec import LabelSpec
from data_pipelines.formats.wav import read_wav

FLOOR = np.log(1e-5)


def labels(modality, cells):
    value, mask, bad = modality.encode([tf.constant(cells)])
    assert not bad.numpy().any()
    return [part.numpy() for part in modality.label(value, mask)], value.numpy()


def test_a_label_says_where_the_sound_ends():
    modality = Audio(seconds=0.5, sample_rate=8000, mel_bins=20)
    cells = [wav_bytes(tone(440, 0.3, 8000), 8000), b"", wav_bytes(tone(440, 0.9, 8000), 8000)]
    (label, weight), value = labels(modality, cells)
    assert modality.most == 1 + (4000 - 200) // 80 == 48
    assert label.shape == (3, 48, 21)
    assert label.dtype == weight.dtype == np.float32
    assert weight.tolist() == [1, 0, 1]
    frames = [1 + (2400 - 200) // 80, 0, 48]
    np.testing.assert_array_equal(label[..., -1], np.arange(48) < np.array(frames)[:, None])
    np.testing.assert_array_equal(label[..., :-1][label[..., -1] == 0], 0.0)
    np.testing.assert_array_equal(label[0, : frames[0], :-1], value[0, : frames[0]])
    assert (label[0, : frames[0], :-1] >= FLOOR - 1e-3).all()


def test_shorter_than_the_horizon_is_filled_up():
    modality = Audio(seconds=0.5, sample_rate=8000, mel_bins=20)
    (label, weight), _ = labels(modality, [b"", b""])
    assert label.shape == (2, 48, 21)
    np.testing.assert_array_equal(label, 0.0)
    assert weight.tolist() == [0, 0]


def test_samples_are_written_up_to_the_end():
    modality = Audio(sample_rate=8000)
    samples = np.zeros((3, 900), "float32")
    samples[0, :800] = np.linspace(-1.5, 1.5, 800)
    samples[1, 300] = 0.25
    write = tf.function(lambda told: modality.write("voice", told), input_signature=[tf.TensorSpec([None, None])])
    wavs = write(tf.constant(samples))["voice"].numpy()
    for row, length in enumerate((800, 301, 1)):
        told, rate = read_wav(tf.constant(wavs[row]))
        assert (rate, len(told)) == (8000, length)
        np.testing.assert_allclose(told, np.clip(samples[row, :length], -1, 1), atol=1e-4)
    assert wavs[0][34:36] == b"\x10\x00"


def test_the_spec_says_what_a_vocoder_needs():
    spec = Audio(seconds=2, sample_rate=8000, mel_bins=30).target_spec()
    assert [spec[key] for key in ("sample_rate", "mel_bins", "frame", "hop")] == [8000, 30, 200, 80]
    assert spec.label == LabelSpec((198, 31), "float32", (198,), 198, as_input=True)


@pytest.mark.parametrize("features", ["mfcc", "waveform"])
def test_other_features_are_refused(features):
    modality = Audio(seconds=0.5, features=features)
    value, mask, _ = modality.encode([tf.constant([b""])])
    with pytest.raises(ValueError, match=rf"a target must be log-mel frames\. Received: features='{features}'"):
        modality.label(value, mask)
