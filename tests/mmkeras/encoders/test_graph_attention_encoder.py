import re

import numpy as np
import pytest
from random_graphs import graphs, parted
from reference import dense, layer_norm, shake, softmax, to_numpy, weights

from data_pipelines.field_spec import FieldSpec
from mmkeras.encoders import GraphAttentionEncoder


def encoder(**options):
    given = {"dim": 8, "num_layers": 2, "num_heads": 2, "dropout": 0.0, **options}
    return GraphAttentionEncoder(num_edge_channels=2, **given)


def by_hand(w, nodes, edges, mask, layers=2, heads=2):
    """One graph, node by node, over lists of neighbours."""
    real = np.flatnonzero(mask)
    x = dense(nodes, w, "embed")
    size = x.shape[-1] // heads
    for block in (f"block_{place}" for place in range(layers)):
        part = {name.removeprefix(f"{block}/"): value for name, value in w.items()}
        heard = layer_norm(x, part, "norm") @ part["project/kernel"]
        after = x.copy()
        for i in real:
            near = [j for j in real if j == i or edges[i, j].any()]
            for head in range(heads):
                own = slice(head * size, (head + 1) * size)
                score = np.array(
                    [
                        heard[i, own] @ part["hear"][:, head]
                        + heard[j, own] @ part["speak"][:, head]
                        + edges[i, j] @ part["edge_scores"][:, head]
                        for j in near
                    ]
                )
                share = softmax(np.where(score > 0, score, 0.2 * score))
                message = [heard[j, own] + edges[i, j] @ part["edge_values"][:, own] for j in near]
                sum_ = share @ np.array(message) + part["bias"][own]
                after[i, own] += np.where(sum_ > 0, sum_, np.expm1(sum_))
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
    given = to_numpy(layer(inputs, mask=mask))
    for row, nodes, edges, shown in zip(given, *parted(inputs, 2), mask, strict=True):
        np.testing.assert_allclose(row, by_hand(weights(layer), nodes, edges, shown), atol=1e-5)


def test_one_way_edges_are_heard_one_way(layer):
    inputs, _ = graphs(rows=1)
    nodes, edges = parted(inputs, 2)
    edges = np.triu(np.ones((5, 5)), 1)[None, :, :, None] * np.array([1, 0.5])
    inputs = np.concatenate([nodes, edges.reshape(1, 5, 10)], -1).astype("float32")
    changed = inputs.copy()
    changed[0, 2, 0] += 3
    same = np.isclose(to_numpy(layer(inputs)), to_numpy(layer(changed)), atol=1e-6).all(-1)
    assert same[0].tolist() == [False, False, False, True, True]


def test_what_an_edge_carries_counts(layer):
    inputs, mask = graphs()
    changed = inputs.copy()
    edges = changed[..., 3:].reshape(3, 5, 5, 2)
    edges[..., 1] += edges[..., 0]
    changed = np.concatenate([inputs[..., :3], edges.reshape(3, 5, 10)], -1)
    difference = np.abs(to_numpy(layer(changed, mask=mask)) - to_numpy(layer(inputs, mask=mask))).max((1, 2))
    assert (difference[:2] > 1e-3).all() and difference[2] == 0, "row 2 has no edge"


def test_as_far_as_it_has_layers():
    chain = np.eye(5, k=1) + np.eye(5, k=-1)
    nodes = np.random.default_rng(0).normal(size=(1, 5, 3))
    inputs = np.concatenate([nodes, np.stack([chain, 0 * chain], -1).reshape(1, 5, 10)], -1).astype("float32")
    changed = inputs.copy()
    changed[0, 0, :3] += 1
    for layers in (0, 1, 3):
        layer = encoder(num_layers=layers)
        layer(inputs)
        shake(layer)
        moved = np.abs(to_numpy(layer(changed)) - to_numpy(layer(inputs))).max(-1)[0]
        assert (moved > 1e-6).tolist() == [place <= layers for place in range(5)]


def test_one_place():
    inputs = np.array([[[1, 2, 3, 0, 0]]], "float32")
    given = to_numpy(encoder()(np.repeat(inputs, 2, 0), mask=np.array([[True], [False]])))
    assert np.isfinite(given).all() and given[0].any() and not given[1].any()


def test_from_spec():
    spec = FieldSpec("Graph", (4, 9), details={"num_features": 1, "num_edge_channels": 2})
    layer = GraphAttentionEncoder.from_spec(spec, dim=8, dropout=0.3)
    assert (layer.num_edge_channels, layer.dim, layer.dropout) == (2, 8, 0.3)


@pytest.mark.parametrize("options", [{"num_edge_channels": 0}, {"num_edge_channels": 1, "dim": 6}])
def test_wrong_numbers(options):
    given = {"dim": 64, **options}
    rule = "GraphAttentionEncoder: num_edge_channels must be > 0, dim a multiple of num_heads. Received: " + (
        f"num_edge_channels={given['num_edge_channels']}, dim={given['dim']}, num_heads=4. Do: take the first from"
    )
    with pytest.raises(ValueError, match=re.escape(rule)):
        GraphAttentionEncoder(**options)


@pytest.mark.parametrize("shape", [(None, 5, 10), (None, None, 12)])
def test_wrong_shapes(shape):
    rule = f'GraphAttentionEncoder "g": inputs must be (B, N, C + N·E), with N known and C > 0. Received: shape={shape}'
    with pytest.raises(ValueError, match=re.escape(rule + ", E=2. Do: take both from pipe.spec.")):
        encoder(name="g").build(shape)
