import re

import numpy as np
import pytest
from random_graphs import graphs, joined, parted
from reference import dense, layer_norm, shake, to_numpy, weights

from data_pipelines.field_spec import FieldSpec
from mmkeras.encoders import GraphConvolutionEncoder


def encoder(**options):
    return GraphConvolutionEncoder(num_edge_channels=2, **{"dim": 8, "num_layers": 2, "dropout": 0.0, **options})


def by_hand(w, nodes, edges, mask, layers=2):
    """One graph, node by node."""
    real = np.flatnonzero(mask)
    strength = {
        (i, j): (edges[i, j].any() and 2 / (1 + np.exp(-edges[i, j] @ w["strength"]))) + (i == j)
        for i in real
        for j in real
    }
    heard_by = {i: sum(strength[i, j] for j in real) for i in real}
    told_by = {j: sum(strength[i, j] for i in real) for j in real}
    x = dense(nodes, w, "embed")
    for place in range(layers):
        normed, after = layer_norm(x, w, f"norm_{place}"), x.copy()
        for i in real:
            mixed = sum(strength[i, j] / np.sqrt(heard_by[i] * told_by[j]) * normed[j] for j in real)
            after[i] += np.maximum(dense(mixed, w, f"kernel_{place}"), 0)
        x = after
    return x * mask[:, None]


@pytest.fixture(scope="module")
def layer():
    inputs, mask = graphs()
    layer = encoder()
    layer(inputs, mask=mask)
    return shake(layer)


def test_by_hand(layer):
    inputs, mask = graphs()
    assert weights(layer)["strength"].all()
    given = to_numpy(layer(inputs, mask=mask))
    for row, nodes, edges, shown in zip(given, *parted(inputs, 2), mask, strict=True):
        np.testing.assert_allclose(row, by_hand(weights(layer), nodes, edges, shown), atol=1e-5)


def test_by_hand_one_way(layer):
    nodes, edges = parted(graphs(rows=1)[0], 2)
    edges = edges * np.triu(np.ones((5, 5)))[None, :, :, None]
    given = to_numpy(layer(joined(nodes, edges)))[0]
    np.testing.assert_allclose(given, by_hand(weights(layer), nodes[0], edges[0], np.ones(5, bool)), atol=1e-5)


def test_at_first_every_edge_counts_as_one():
    inputs, mask = graphs()
    layer = encoder(num_layers=1)
    given, w = to_numpy(layer(inputs, mask=mask)), weights(layer)
    nodes, edges = parted(inputs, 2)
    a = edges[0].any(-1) + np.eye(5)
    root = np.diag(a.sum(1) ** -0.5)
    x = dense(nodes[0], w, "embed")
    wanted = x + np.maximum(dense(root @ a @ root @ layer_norm(x, w, "norm_0"), w, "kernel_0"), 0)
    np.testing.assert_allclose(given[0], wanted, atol=1e-5)


def test_without_layers_it_is_a_projection():
    inputs, mask = graphs()
    layer = encoder(num_layers=0)
    given = to_numpy(layer(inputs, mask=mask))
    wanted = dense(inputs[..., :3], weights(layer), "embed") * mask[..., None]
    np.testing.assert_allclose(given, wanted, atol=1e-6)


def test_from_spec():
    spec = FieldSpec("Graph", (4, 9), details={"num_features": 1, "num_edge_channels": 2})
    layer = GraphConvolutionEncoder.from_spec(spec, dim=8, dropout=0.3)
    assert (layer.num_edge_channels, layer.dim, layer.dropout) == (2, 8, 0.3)


def test_wrong_numbers():
    rule = "GraphConvolutionEncoder: num_edge_channels must be > 0. Received: num_edge_channels=0. Do: take it from"
    with pytest.raises(ValueError, match=re.escape(rule)):
        GraphConvolutionEncoder(0)


def test_wrong_shapes():
    rule = 'GraphConvolutionEncoder "g": inputs must be (B, N, C + N·E), with N known and C > 0. Received: shape='
    with pytest.raises(ValueError, match=re.escape(rule + "(None, 5, 10), E=2. Do: take both from pipe.spec.")):
        encoder(name="g").build((None, 5, 10))
