import re

import numpy as np
import pytest
from reference import normal, to_numpy

from data_pipelines.field_spec import FieldSpec
from mmkeras.encoders import AudioLSTMEncoder


@pytest.mark.parametrize("stride", [1, 2, 3, 4])
def test_frames_a_token(stride):
    layer = AudioLSTMEncoder(dim=8, stride=stride)
    for length in range(1, 10):
        assert layer(normal(1, length, 6)).shape == (1, -(-length // stride), 8)


def test_it_reads_in_both_directions():
    layer, x = AudioLSTMEncoder(dim=8, stride=2), normal(1, 8, 6)
    given = to_numpy(layer(x))
    for frame, place in ((0, 3), (7, 0)):
        changed = x.copy()
        changed[0, frame] += 3
        assert not np.allclose(to_numpy(layer(changed))[0, place], given[0, place])


def test_from_spec():
    assert AudioLSTMEncoder.from_spec(FieldSpec("Audio", ()), dim=16, dropout=0.3).dim == 16


def test_dim():
    with pytest.raises(ValueError, match=re.escape("AudioLSTMEncoder: dim must be even. Received: dim=7. Do: dim=8.")):
        AudioLSTMEncoder(dim=7)


def test_read_again():
    layer, x = AudioLSTMEncoder(dim=8, stride=2, num_layers=3), normal(1, 8, 6)
    assert layer(x).shape == (1, 4, 8)
    assert len({weight.path.split("/")[-4] for weight in layer.weights if "lstm_cell" in weight.path}) == 3


def test_num_layers():
    rule = "AudioLSTMEncoder: num_layers must be > 0. Received: num_layers=0. Do: num_layers=1."
    with pytest.raises(ValueError, match=re.escape(rule)):
        AudioLSTMEncoder(num_layers=0)
