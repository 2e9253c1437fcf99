import re

import numpy as np
import pytest
from reference import to_numpy

from data_pipelines.field_spec import FieldSpec
from mmkeras.encoders import TextLSTMEncoder

IDS = np.array([[1, 2, 3, 4]], "int32")


def test_it_reads_in_both_directions():
    layer = TextLSTMEncoder(9, dim=8)
    given = to_numpy(layer(IDS))
    for changed, place in ((np.array([[5, 2, 3, 4]]), 3), (np.array([[1, 2, 3, 5]]), 0)):
        assert not np.allclose(to_numpy(layer(changed.astype("int32")))[0, place], given[0, place])


def test_layers():
    layer = TextLSTMEncoder(9, dim=8, num_layers=2)
    assert layer(IDS).shape == (1, 4, 8)
    assert len(layer.readers) == 2


def test_from_spec():
    field = FieldSpec("Text", (), details={"vocabulary_size": 7})
    assert TextLSTMEncoder.from_spec(field, dim=8, dropout=0.0).vocabulary_size == 7


def test_dim():
    with pytest.raises(ValueError, match=re.escape("TextLSTMEncoder: dim must be even. Received: dim=7. Do: dim=8.")):
        TextLSTMEncoder(9, dim=7)
