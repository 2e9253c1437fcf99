import re

import numpy as np
import pytest
from reference import to_numpy

from data_pipelines.field_spec import FieldSpec
from mmkeras.encoders import TextTransformerEncoder

IDS = np.array([[1, 2, 3, 4], [4, 3, 0, 0]], "int32")
MASK = IDS > 0


def test_without_layers_and_places_it_is_a_table():
    layer = TextTransformerEncoder(5, dim=8, num_layers=0, use_position=False)
    given, table = to_numpy(layer(IDS, mask=MASK)), to_numpy(layer.embedding.embeddings)
    np.testing.assert_array_equal(given, np.where(MASK[..., None], table[IDS], 0.0))


@pytest.mark.parametrize("use_position", [True, False])
def test_order_counts_if_wanted(use_position):
    layer = TextTransformerEncoder(5, dim=8, num_layers=1, use_position=use_position)
    forth, back = to_numpy(layer(IDS[:1])), to_numpy(layer(IDS[:1, ::-1]))[:, ::-1]
    assert np.allclose(forth, back, atol=1e-5) != use_position


def test_a_mask_is_given_by_its_name():
    with pytest.raises(TypeError, match="too many positional arguments"):
        TextTransformerEncoder(5, dim=8)(IDS, MASK)


def test_from_spec():
    field = FieldSpec("Text", (), details={"vocabulary_size": 7})
    assert TextTransformerEncoder.from_spec(field, dim=8, dropout=0.0).vocabulary_size == 7


def test_vocabulary_size():
    rule = (
        "TextTransformerEncoder: vocabulary_size must be > 0. Received: vocabulary_size=0. Do: take it from pipe.spec."
    )
    with pytest.raises(ValueError, match=re.escape(rule)):
        TextTransformerEncoder(0)
