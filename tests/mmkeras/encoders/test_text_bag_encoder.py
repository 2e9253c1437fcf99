import re

import numpy as np
import pytest
from reference import to_numpy

from data_pipelines.field_spec import FieldSpec
from mmkeras.encoders import TextBagEncoder

IDS = np.array([[2, 7, 1, 7], [5, 0, 0, 0], [1, 1, 0, 0], [0, 0, 0, 0]], "int32")
MASK = IDS > 0


def test_a_weighted_sum_of_known_tokens():
    layer = TextBagEncoder(9, dim=4)
    given, table = to_numpy(layer(IDS, mask=MASK)), to_numpy(layer.embedding.embeddings)
    for row, known in enumerate(([2, 7, 7], [5])):
        share = np.log(10.0 + np.array(known)) / 5
        wanted = share @ table[known] / np.sqrt(max((share**2).sum(), 1.0))
        np.testing.assert_allclose(given[row, 0], wanted, atol=1e-6)
    np.testing.assert_array_equal(given[2:], 0.0)


def test_unknown_tokens_are_present_and_say_nothing():
    np.testing.assert_array_equal(TextBagEncoder(9, dim=4).compute_mask(IDS, MASK), [[True], [True], [True], [False]])


def test_in_training_tokens_are_dropped():
    layer = TextBagEncoder(9, dim=4, token_dropout=0.25, dropout=0.0)
    given = to_numpy(layer(np.full((4000, 1), 3, "int32"), training=True))[:, 0]
    assert abs((given == 0).all(1).mean() - 0.25) < 0.03


def test_the_mean_of_training_is_what_evaluation_gives():
    ids = np.tile([[2, 7, 3, 1, 5]], (4000, 1)).astype("int32")
    layer = TextBagEncoder(9, dim=4, token_dropout=0.5, dropout=0.0)
    told, trained = to_numpy(layer(ids[:1]))[0, 0], to_numpy(layer(ids, training=True))[:, 0].mean(0)
    np.testing.assert_allclose(trained, told, atol=4e-4)
    assert np.abs(told).max() > 4e-3


def test_from_spec():
    field = FieldSpec("Text", (), details={"vocabulary_size": 7})
    assert TextBagEncoder.from_spec(field, dim=8, dropout=0.0).vocabulary_size == 7


def test_vocabulary_size():
    rule = "TextBagEncoder: vocabulary_size must be > 2. Received: vocabulary_size=2. Do: take it from pipe.spec."
    with pytest.raises(ValueError, match=re.escape(rule)):
        TextBagEncoder(2)
