"""Rounds of unmasking, on predictions that tell the round."""

import numpy as np
import pytest
from component_cases import array
from keras import ops

from mmkeras.generation.unmask_tokens import unmask_tokens

SURE = np.array([1.0, 5.0, 3.0, 4.0, 2.0, 6.0], "float32")


def counting(ids, known):
    """Each token is the number of those known so far; how sure it is stands in `SURE`."""
    count = ops.sum(ops.cast(known, "int32"), axis=1)
    hot = ops.one_hot(count, 8)[:, None]
    return hot * SURE[None, :, None]


def test_the_surest_stay_as_the_cosine_says():
    given = array(unmask_tokens(counting, 2, 6, steps=3))
    # After a third, 5 of 6 are still hidden; after two thirds, 3.
    np.testing.assert_array_equal(given, [[3, 1, 3, 1, 3, 0]] * 2)


def test_one_round_takes_all_and_more_rounds_than_tokens_are_as_many():
    np.testing.assert_array_equal(unmask_tokens(counting, 1, 6, steps=1), np.zeros((1, 6)))
    np.testing.assert_array_equal(unmask_tokens(counting, 1, 6, steps=50), unmask_tokens(counting, 1, 6, steps=6))


def test_draws_follow_the_chances_and_the_seed():
    chances = np.array([0.7, 0.2, 0.1, 0.0], "float32")
    predict = lambda ids, known: ops.zeros((200, 6, 4)) + np.log(chances + 1e-9)  # noqa: E731
    drawn = [array(unmask_tokens(predict, 200, 6, steps=2, temperature=1.0, seed=seed)) for seed in (0, 0, 1)]
    np.testing.assert_array_equal(drawn[0], drawn[1])
    assert (drawn[0] != drawn[2]).any()
    shares = np.bincount(drawn[0].astype(int).ravel(), minlength=4) / drawn[0].size
    np.testing.assert_allclose(shares, chances, atol=0.05)


@pytest.mark.parametrize("option", [{"steps": 0}, {"temperature": -1}, {"choice_temperature": -1}], ids=str)
def test_numbers_are_in_range(option):
    ((name, value),) = option.items()
    with pytest.raises(ValueError, match=rf"generate: {name} must be (> 0|≥ 0). Received: {name}={value}"):
        unmask_tokens(counting, 1, 6, **{"steps": 2, **option})
