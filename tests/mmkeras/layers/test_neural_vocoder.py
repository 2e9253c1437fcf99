"""A learned vocoder: by hand, its mask, what it refuses."""

import numpy as np
import pytest
from keras import ops

from mmkeras.layers import NeuralVocoder


def array(tensor):
    return ops.convert_to_numpy(tensor)


def test_one_spectrum_for_all_frames_by_hand():
    layer = NeuralVocoder(frame=8, hop=2, mel_bins=3, width=4, num_layers=0)
    layer.build((None, None, 3))
    bias = {"magnitude": 2.0 + np.log([1, 2, 3, 1, 1]), "cosine": [3.0, 0, 1, 0, -1], "sine": [0.0, 5, 1, 1, 0]}
    for name, head in layer.heads.items():
        head.set_weights([np.zeros((4, 5), "float32"), np.array(bias[name], "float32")])
    phase = np.array([1, 1j, (1 + 1j) / np.sqrt(2), 1j, -1])
    frame = np.fft.irfft(np.array([1, 2, 3, 1, 1]) * phase, 8) * layer.window
    total, squares = np.zeros(16), np.zeros(16)
    for start in range(0, 10, 2):
        total[start : start + 8] += frame
        squares[start : start + 8] += layer.window**2
    told = array(layer(np.zeros((1, 5, 3), "float32")))[0]
    np.testing.assert_allclose(told, total / np.maximum(squares, 1e-2), atol=1e-4)


def test_samples_end_where_frames_do():
    layer = NeuralVocoder(frame=8, hop=3, mel_bins=3, width=4)
    mask = np.arange(6)[None] < np.array([[4], [0]])
    told = array(layer(np.ones((2, 6, 3), "float32"), mask=mask))
    assert told.shape == (2, 23)
    np.testing.assert_array_equal(told[0, 8 + 9 :], 0.0)
    np.testing.assert_array_equal(told[1], 0.0)
    assert np.abs(told[0, :17]).max() > 0


def test_sizes_are_positive():
    with pytest.raises(ValueError, match=r"width must be > 0\. Received: width=0\. Do: as in LogMel"):
        NeuralVocoder(width=0)
