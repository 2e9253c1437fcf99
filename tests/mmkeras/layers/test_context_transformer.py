"""What tokens get of a context, and what a query does."""

import numpy as np
import pytest
from component_cases import array

from mmkeras.layers import ContextTransformer, TokenQuery


def test_a_context_is_heard_where_it_is_real():
    layer = ContextTransformer(num_layers=1, num_heads=2, dropout=0.0)
    random = np.random.default_rng(0)
    tokens, context = random.normal(size=(3, 2, 8)).astype("float32"), random.normal(size=(3, 4, 8)).astype("float32")
    real = np.array([[True] * 4, [True, False, False, False], [False] * 4])
    bare = array(layer(tokens, context, context_mask=real))
    changed = context.copy()
    changed[:, 1:] = np.nan
    told = array(layer(tokens, np.where(real[..., None], context, changed), context_mask=real))
    np.testing.assert_array_equal(told, bare)
    moved = np.abs(array(layer(tokens, context + 1.0 * np.arange(8, dtype="float32"), context_mask=real)) - bare)
    assert moved[0].max() > 1e-3 and moved[1].max() > 1e-3
    np.testing.assert_array_equal(moved[2], 0.0)


def test_queries_are_real_in_every_row():
    layer = TokenQuery(ContextTransformer(1, 2, 0.0), num_tokens=2)
    inputs = np.random.default_rng(0).normal(size=(2, 3, 8)).astype("float32")
    given = array(layer(inputs, mask=np.array([[True] * 3, [False] * 3])))
    assert given.shape == (2, 2, 8) and np.isfinite(given).all() and np.abs(given[1]).max() > 0


def test_numbers_are_in_range():
    with pytest.raises(ValueError, match=r"num_layers must be > 0. Received: num_layers=0"):
        ContextTransformer(0)
    for option in ({"num_tokens": 0}, {"drop_condition": 1}):
        told = "=".join(map(str, *option.items()))
        with pytest.raises(ValueError, match=rf"num_tokens must be > 0, drop_condition in \[0, 1\).*{told}"):
            TokenQuery(ContextTransformer(), **option)
