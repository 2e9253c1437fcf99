import re

import numpy as np
import pytest
from reference import normal, shake, to_numpy, weights

from mmkeras.encoders import AudioLSTMEncoder, TimeSeriesLSTMEncoder


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def read(x, kernel, recurrent, bias):
    """An LSTM in numpy: gates in the order of Keras."""
    state = memory = np.zeros((len(x), recurrent.shape[0]))
    states = []
    for step in range(x.shape[1]):
        i, f, c, o = np.split(x[:, step] @ kernel + state @ recurrent + bias, 4, axis=1)
        memory = sigmoid(f) * memory + sigmoid(i) * np.tanh(c)
        state = sigmoid(o) * np.tanh(memory)
        states.append(state)
    return np.stack(states, 1)


def test_against_numpy():
    import keras

    layer, x = TimeSeriesLSTMEncoder(dim=4, stride=1), normal(2, 5, 3)
    layer.build(x.shape)
    w = weights(shake(layer))
    joined = np.einsum("btc,cd->btd", x, w["join/kernel"][0]) + w["join/bias"]
    joined = to_numpy(keras.ops.gelu(joined.astype("float32")))

    def direction(name):
        (start,) = {path.rsplit("/", 1)[0] for path in w if f"/{name}" in path}
        return [w[f"{start}/{part}"] for part in ("kernel", "recurrent_kernel", "bias")]

    ahead = read(joined, *direction("forward"))
    back = read(joined[:, ::-1], *direction("backward"))[:, ::-1]
    np.testing.assert_allclose(layer(x), np.concatenate([ahead, back], -1), atol=1e-4)


def test_as_for_sound_but_for_its_scale():
    series, sound, x = TimeSeriesLSTMEncoder(dim=8), AudioLSTMEncoder(dim=8), normal(2, 9, 6)
    series.build(x.shape)
    sound.build(x.shape)
    sound.set_weights(series.get_weights())
    np.testing.assert_allclose(series(x), sound(x * 4 - 5), atol=1e-5)


def test_gru():
    layer, x = TimeSeriesLSTMEncoder(dim=8, cell="gru"), normal(1, 8, 6)
    lstm = TimeSeriesLSTMEncoder(dim=8)
    assert layer(x).shape == lstm(x).shape and layer.count_params() < lstm.count_params()
    with pytest.raises(ValueError, match=re.escape("cell must be one of ['lstm', 'gru']. Received: cell='rnn'.")):
        TimeSeriesLSTMEncoder(cell="rnn")
