import re

import numpy as np
import pytest
from reference import normal, to_numpy

from data_pipelines.field_spec import FieldSpec
from mmkeras.encoders import AudioConformerEncoder


@pytest.mark.parametrize("stride", [1, 2, 4, 8])
def test_frames_a_token(stride):
    layer = AudioConformerEncoder(dim=8, num_layers=1, num_heads=2, kernel_size=3, stride=stride)
    for length in (1, 2, 7, 8, 9):
        assert layer(normal(1, length, 6)).shape == (1, -(-length // stride), 8)
        assert layer.compute_output_shape((1, length, 6)) == (1, -(-length // stride), 8)


def test_a_token_hears_what_is_near_and_what_is_far():
    layer, x = AudioConformerEncoder(dim=8, num_layers=1, num_heads=2, kernel_size=3, stride=2), normal(1, 20, 6)
    given = to_numpy(layer(x))
    for frame in (0, 9, 19):
        changed = x.copy()
        changed[0, frame] += 3 * normal(6)
        assert (np.abs(to_numpy(layer(changed)) - given).max(-1) > 1e-6).all()


def test_from_spec():
    layer = AudioConformerEncoder.from_spec(FieldSpec("Audio", ()), dim=16, dropout=0.3, num_layers=3)
    assert (layer.dim, layer.dropout, layer.num_layers) == (16, 0.3, 3)


@pytest.mark.parametrize("stride", [0, 3, -2])
def test_strides(stride):
    rule = f"AudioConformerEncoder: stride must be a power of two. Received: stride={stride}. Do: stride=4."
    with pytest.raises(ValueError, match=re.escape(rule)):
        AudioConformerEncoder(stride=stride)
