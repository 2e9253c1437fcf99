"""What every encoder of graphs keeps, whatever it makes of neighbours."""

import numpy as np
import pytest
from random_graphs import graphs, padded, permuted
from reference import shake, to_numpy

from mmkeras.encoders import GraphAttentionEncoder, GraphConvolutionEncoder


def attention():
    return GraphAttentionEncoder(num_edge_channels=2, dim=8, num_layers=2, num_heads=2, dropout=0.0)


def convolution():
    return GraphConvolutionEncoder(num_edge_channels=2, dim=8, num_layers=2, dropout=0.0)


@pytest.fixture(scope="module", params=[attention, convolution])
def encoder(request):
    return request.param


@pytest.fixture(scope="module")
def layer(encoder):
    inputs, mask = graphs()
    layer = encoder()
    layer(inputs, mask=mask)
    return shake(layer)


@pytest.mark.parametrize("garbage", [np.nan, np.inf, 1e4, -7.0])
def test_a_node_that_is_not_there_counts_for_nobody(layer, garbage):
    inputs, mask = graphs()
    bare = to_numpy(layer(inputs, mask=mask))
    spoiled, _ = padded(inputs, mask, 2, 0, garbage)
    np.testing.assert_array_equal(to_numpy(layer(spoiled, mask=mask)), bare)


def test_more_places_change_nothing(encoder, layer):
    inputs, mask = graphs()
    longer, shown = padded(inputs, mask, 2, 3, np.nan)
    other = encoder()
    other(longer, mask=shown)
    other.set_weights(layer.get_weights())
    given, bare = to_numpy(other(longer, mask=shown)), to_numpy(layer(inputs, mask=mask))
    np.testing.assert_allclose(given, np.pad(bare, [(0, 0), (0, 3), (0, 0)]), atol=2e-6)


def test_nodes_in_another_order_are_the_same_nodes(layer):
    inputs, mask = graphs()
    order = np.random.default_rng(3).permutation(5)
    assert order.tolist() != list(range(5))
    given = to_numpy(layer(permuted(inputs, 2, order), mask=mask[:, order]))
    np.testing.assert_allclose(given, to_numpy(layer(inputs, mask=mask))[:, order], atol=1e-5)


def test_a_node_alone_hears_itself(layer):
    inputs, mask = graphs()
    whole = to_numpy(layer(inputs, mask=mask))
    assert np.isfinite(whole).all()
    alone = to_numpy(layer(inputs, mask=mask & (np.arange(5) == 0)))
    np.testing.assert_allclose(alone[2, 0], whole[2, 0], atol=1e-6)
    assert not np.allclose(alone[0, 0], whole[0, 0])
