"""Graphs: the grammar, what the tensor holds, and why a cell is bad."""

import json
import random
import re

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from data_pipelines import CellContext, Graph, Pipeline, read_table
from data_pipelines.field_spec import FieldSpec

CONTEXT = CellContext()
WATER = '{"nodes": ["H", "O", "H"], "edges": [[0, 1], [1, 2, "double"]]}'
SCALED = '{"nodes": [[1, 10], [3, 30]], "edges": [[0, 1, 5], [1, 1, 7], [1, 1]]}'


def adapted(*cells, max_nodes=4, **options):
    graph = Graph(max_nodes=max_nodes, **options)
    graph.adapt([(np.array(cells, object),)])
    return graph


def encoded(graph, *cells):
    """Features `(B, N, C)`, edges `(B, N, N, E)`, mask and bad, as numpy."""
    value, mask, bad = (part.numpy() for part in graph.encode_row([tf.constant(cells)], CONTEXT))
    assert value.dtype == np.float32 and value.shape[1:] == graph.spec().shape
    features, places = graph.spec()["num_features"], graph.max_nodes
    return value[..., :features], value[..., features:].reshape(len(cells), places, places, -1), mask, bad


def good(graph, cell):
    features, edges, mask, bad = encoded(graph, cell)
    assert not bad[0] and mask[0].any(), graph.reason([cell.encode()], CONTEXT)
    return features[0], edges[0], mask[0]


def test_names_and_kinds():
    graph = adapted(WATER)
    features, edges, mask = good(graph, WATER)
    details = {"num_features": 3, "num_edge_channels": 2}
    assert graph.spec() == FieldSpec("Graph", (4, 3 + 4 * 2), "float32", (4,), 4, details=details)
    assert mask.tolist() == [True, True, True, False]
    assert features.tolist() == [[0, 1, 0], [0, 0, 1], [0, 1, 0], [0, 0, 0]]
    wanted = np.zeros((4, 4, 2))
    wanted[0, 1] = wanted[1, 0] = [1, 0]
    wanted[1, 2] = wanted[2, 1] = [1, 1]
    np.testing.assert_array_equal(edges, wanted)


def test_numbers_are_standardised():
    graph = adapted(SCALED)
    features, edges, _ = good(graph, SCALED)
    np.testing.assert_allclose(features, [[-1, -1], [1, 1], [0, 0], [0, 0]], atol=1e-6)
    assert edges[0, 1].tolist() == edges[1, 0].tolist() == [1, -1]
    assert edges[1, 1].tolist() == [1, 1]
    assert edges.any(-1).sum() == 3


def test_moments_do_not_depend_on_chunks():
    random = np.random.default_rng(0)
    values = random.normal(1e6, 3, (40, 3)).round(3)
    cells = [json.dumps({"nodes": part.tolist(), "edges": []}) for part in values.reshape(10, 4, 3)]
    graph = Graph(max_nodes=4)
    graph.adapt([(cells[:1],), (cells[1:7],), (cells[7:],)])
    np.testing.assert_allclose(graph.nodes["means"], values.mean(0))
    np.testing.assert_allclose(graph.nodes["deviations"], values.std(0))


def test_an_edge_leads_one_way_if_wanted():
    cell = '{"nodes": ["a", "b", "c"], "edges": [[0, 1], [2, 1]]}'
    _, both, _ = good(adapted(cell), cell)
    _, one, _ = good(adapted(cell, directed=True), cell)
    assert np.argwhere(one[..., 0]).tolist() == [[1, 0], [1, 2]], "row 1 hears nodes 0 and 2"
    np.testing.assert_array_equal(both[..., 0], one[..., 0] + one[..., 0].T)


def test_an_edge_twice_has_the_larger_in_each_channel():
    kinds = '{"nodes": ["a", "b"], "edges": [[0, 1, "x"], [1, 0, "y"], [0, 1]]}'
    assert good(adapted(kinds), kinds)[1][0, 1].tolist() == [1, 1, 1]
    numbers = '{"nodes": ["a", "b"], "edges": [[0, 0, 5, -1], [0, 1, -3, -2], [0, 1, -1, -4]]}'
    graph = adapted(numbers, directed=True)
    channels = good(graph, numbers)[1][1, 0, 1:]
    means, deviations = (np.array(graph.edges[key]) for key in ("means", "deviations"))
    np.testing.assert_allclose(channels, ([-1, -2] - means) / deviations, atol=1e-6)


@pytest.mark.parametrize(
    "name", ["edges", "nodes", "],[", "}, {", ",", ": [", "é 猫", "a b", "'", "(", "[0, 1]", "\x7f"]
)
def test_any_name(name):
    cell = json.dumps({"nodes": [name, "other", name], "edges": [[0, 2, name], [1, 1]]}, ensure_ascii=False)
    graph = adapted(cell)
    features, edges, _ = good(graph, cell)
    place = 1 + sorted([name, "other"]).index(name)
    assert features.argmax(-1)[:3].tolist() == [place, 3 - place, place]
    assert edges[0, 2].tolist() == edges[2, 0].tolist() == [1, 1]
    assert edges[1, 1].tolist() == [1, 0]


def test_space_and_order_of_the_lists_are_nothing():
    graph = adapted(WATER)
    parsed = json.loads(WATER)
    turned = {"edges": parsed["edges"], "nodes": parsed["nodes"]}
    for cell in (json.dumps(turned), json.dumps(parsed, indent=2), json.dumps(turned, separators=(",", ":"))):
        for given, wanted in zip(good(graph, f" \n{cell}\u3000"), good(graph, WATER), strict=True):
            np.testing.assert_array_equal(given, wanted)


def test_unknown_names_and_kinds_have_a_channel():
    graph = adapted(WATER)
    features, edges, _ = good(graph, '{"nodes": ["Xe", "H"], "edges": [[0, 1, "triple"]]}')
    assert features[:2].tolist() == [[1, 0, 0], [0, 1, 0]]
    assert edges[0, 1].tolist() == [1, 0]


def test_rare_names_are_left_out():
    cells = ['{"nodes": ["a", "b", "a", "c"], "edges": [[0, 1, "x"], [0, 1, "x"], [0, 1, "y"]]}']
    assert adapted(*cells, min_count=2).state() == {
        "nodes": {"width": 0, "names": ["a"]},
        "edges": {"width": 0, "names": ["x"]},
    }
    assert adapted(*cells, max_names=2).nodes["names"] == ["a", "b"]


@pytest.mark.parametrize("cell", ["", "  ", "\u3000", '{"nodes": [], "edges": []}'])
def test_nothing_is_absent(cell):
    for graph in (adapted(WATER), adapted(SCALED)):
        features, edges, mask, bad = encoded(graph, cell)
        assert not (features.any() or edges.any() or mask.any() or bad.any())


def test_an_empty_batch():
    for cell in (WATER, SCALED):
        value, mask, bad = adapted(cell).encode([tf.constant([], tf.string)])
        assert value.shape[0] == mask.shape[0] == bad.shape[0] == 0


BAD = [
    (WATER, '{"nodes": ["H"], "edges": [[0, 1]]}', "the edge [0, 1] goes to node 1, and there are 1, from 0"),
    (WATER, '{"nodes": ["H"], "edges": [[0, -1]]}', "the edge [0, -1] goes to node -1, and there are 1, from 0"),
    (WATER, '{"nodes": [], "edges": [[0, 0]]}', "the edge [0, 0] goes to node 0, and there are 0, from 0"),
    (WATER, '{"nodes": ["H"], "edges": [[0, 12345678901]]}', "goes to node 12345678901, and there are 1"),
    (WATER, '{"nodes": ["H", "H", "H", "H", "H"], "edges": []}', "5 nodes are more than max_nodes=4"),
    (SCALED, '{"nodes": [[1, 2], [1, 2], [1, 2], [1, 2], [1, 2]], "edges": []}', "5 nodes are more than max_nodes=4"),
    (WATER, "no graph", "it is not JSON (Expecting value: line 1 column 1 (char 0))"),
    (WATER, WATER[:-1], "it is not JSON ("),
    (WATER, '{"nodes": ["H" "O"], "edges": []}', "it is not JSON ("),
    (WATER, '{"nodes": ["H"]}', 'it is not {"nodes": […], "edges": […]}, both lists and nothing beside them'),
    (WATER, '{"nodes": ["H"], "edges": {}}', 'it is not {"nodes": […], "edges": […]}'),
    (WATER, '{"nodes": ["H"], "edges": [], "name": "x"}', 'it is not {"nodes": […], "edges": […]}'),
    (WATER, '[["H"], []]', 'it is not {"nodes": […], "edges": […]}'),
    (WATER, '{"nodes": [""], "edges": []}', 'node 0 must carry a name or numbers, not ""'),
    (WATER, '{"nodes": ["H", 3], "edges": []}', "node 1 must carry a name or numbers, not 3"),
    (WATER, '{"nodes": ["\\u00e9"], "edges": []}', "it has a backslash: write names as they are"),
    (WATER, '{"nodes": ["H", [1]], "edges": []}', "its nodes are not alike: names and 1 number"),
    (SCALED, '{"nodes": [[1, 2], [1]], "edges": []}', "its nodes are not alike: 1 number and 2 numbers"),
    (SCALED, '{"nodes": [[1, NaN]], "edges": []}', "node 0 holds NaN, which is no finite number"),
    (SCALED, '{"nodes": [[1, 1e39]], "edges": []}', "node 0 holds 1e+39, which is no finite number"),
    (SCALED, '{"nodes": [[1, 2]], "edges": [[0, 0, 1e999]]}', "holds Infinity, which is no finite number"),
    (SCALED, '{"nodes": [[1, null]], "edges": []}', "node 0 holds null, which is no number"),
    (SCALED, '{"nodes": [[1, true]], "edges": []}', "node 0 holds true, which is no number"),
    (SCALED, '{"nodes": [[]], "edges": []}', "node 0 must carry a name or numbers, not []"),
    (SCALED, '{"nodes": ["H"], "edges": []}', "its nodes carry names, those of the training rows 2 numbers"),
    (WATER, '{"nodes": [[1]], "edges": []}', "its nodes carry 1 number, those of the training rows names"),
    (WATER, '{"nodes": ["H"], "edges": [[0, 0, 1]]}', "its edges carry 1 number, those of the training rows names"),
    (
        SCALED,
        '{"nodes": [[1, 2]], "edges": [[0, 0, "x"]]}',
        "its edges carry names, those of the training rows 1 number",
    ),
    (SCALED, '{"nodes": [[1, 2]], "edges": [[0, 0, 1, 2]]}', "its edges carry 2 numbers, those of the training rows 1"),
    (WATER, '{"nodes": ["H"], "edges": [[0]]}', "an edge is [from, to], [from, to, kind] or [from, to, numbers …]"),
    (WATER, '{"nodes": ["H"], "edges": [[0, 0.0]]}', "an edge is [from, to], [from, to, kind] or"),
    (WATER, '{"nodes": ["H"], "edges": [0]}', "not 0"),
    (WATER, '{"nodes": ["H"], "edges": [[0, 0, "a", "b"]]}', 'holds "a", which is no number'),
    (WATER, '{"nodes": ["H"], "edges": [[0, 0, ""]]}', 'the edge [0, 0, ""] must carry a name or numbers, not ""'),
    (WATER, '{"nodes": ["H"], "edges": [[0, -0]]}', "it is not written as Graph's grammar says, or a number is too"),
    (WATER, '{"nodes": ["H"], "nodes": ["H"], "edges": []}', "it is not written as Graph's grammar says"),
    (WATER, '{"nodes": ' + "[" * 100_000, "it is nested too deeply"),
]


@pytest.mark.parametrize(("training", "cell", "why"), BAD, ids=range(len(BAD)))
def test_bad_cells(training, cell, why):
    graph = adapted(training)
    features, edges, mask, bad = encoded(graph, training, cell, "")
    assert bad.tolist() == [False, True, False]
    assert not (features[1:].any() or edges[1:].any() or mask[1:].any())
    assert why in graph.reason([cell.encode()], CONTEXT)
    np.testing.assert_array_equal(features[0], good(graph, training)[0])
    np.testing.assert_array_equal(edges[0], good(graph, training)[1])


def test_bytes_that_are_no_text_are_bad():
    cell = WATER.encode().replace(b"O", b"\xff")
    graph = adapted(WATER)
    assert graph.encode([tf.constant([cell])])[2].numpy().tolist() == [True]
    assert "can't decode byte 0xff" in graph.reason([cell], CONTEXT)


@pytest.mark.parametrize("training", [WATER, SCALED], ids=["names", "numbers"])
def test_the_grammar_is_what_python_reads(training):
    """Cells with random characters changed: one is bad exactly where Python finds a reason."""
    chance, graph, cells = random.Random(0), adapted(training), []
    for _ in range(3000):
        cell = list(training)
        for _ in range(chance.choice((1, 1, 2, 3))):
            at, letter = chance.randrange(len(cell)), chance.choice('{}[]",: 0123456789.-eE+HOn\n')
            cell[at : at + chance.choice((0, 1))] = [letter] if chance.random() < 0.7 else []
        cells.append("".join(cell))
    bad = encoded(graph, *cells)[3]
    readable = [graph.reason([cell.encode()], CONTEXT).startswith("it is not written as") for cell in cells]
    known = [re.search(r"-0\s*[,\]]", cell) for cell in cells]  # a place written as −0, which Python takes for 0
    assert not [
        c for c, wrong, reads, exempt in zip(cells, bad, readable, known, strict=True) if wrong == reads and not exempt
    ]
    assert 100 < bad.sum() < 2900


def test_in_a_pipeline(tmp_path):
    table = pd.DataFrame({"molecule": [WATER, "", '{"nodes": ["H"], "edges": [[0, 3]]}', WATER], "y": ["1"] * 4})
    table.to_csv(tmp_path / "t.csv", index=False)
    rows = read_table(tmp_path / "t.csv")
    pipe = Pipeline({"graph": Graph(max_nodes=4, column="molecule")}).adapt(rows)
    with pytest.raises(tf.errors.InvalidArgumentError) as caught:
        list(pipe.batches(rows, 2))
    rule = 'Graph "graph": a cell must hold what its modality reads. Received: table "t.csv", column \'molecule\', row '
    assert rule + "4: the edge [0, 3] goes to node 3, and there are 1, from 0. Do: mend the cell" in str(caught.value)
    for options in ({}, {"cache": True}):
        (x, _, _), *rest = pipe.batches(rows, 4, on_bad="mask", **options).as_numpy_iterator()
        assert not rest
        assert x["graph_mask"].sum(1).tolist() == [3, 0, 0, 3]
    assert pipe.problems.masked == {"molecule": 1}
    assert sum(len(x["graph"]) for x, _, _ in pipe.batches(rows, 2, on_bad="drop").as_numpy_iterator()) == 3


def test_serving_reads_as_training_does(tmp_path):
    rows = read_table(pd.DataFrame({"graph": [WATER, "", '{"nodes": ["H"], "edges": [[0, 3]]}'], "y": ["1"] * 3}))
    pipe = Pipeline({"graph": Graph(max_nodes=4)}, on_bad="mask").adapt(rows)
    pipe.save(tmp_path / "pipe.json")
    served = Pipeline.load(tmp_path / "pipe.json").preprocess({"graph": tf.constant(rows.values("graph"))})
    (x, _, _), *_ = pipe.batches(rows, 3).as_numpy_iterator()
    assert set(x) == set(served)
    for name, value in x.items():
        np.testing.assert_array_equal(served[name], value)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Graph(max_nodes=0), "must be > 0. Received: max_nodes=0, max_names=100, min_count=1. Do: leave"),
        (lambda: Graph(max_names=0), "must be > 0. Received: max_nodes=64, max_names=0"),
        (lambda: Graph(min_count=0), "min_count=0"),
        (lambda: adapted("", "no graph"), "some training row must hold a graph with a node. Received: none. Do: write"),
        (
            lambda: adapted(json.dumps({"nodes": [[0] * 201], "edges": []})),
            "a node or edge must carry at most 200 numbers. Received: 201. Do: leave some out.",
        ),
    ],
)
def test_wrong_use(make, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        make()


def test_as_a_target_it_is_refused():
    with pytest.raises(ValueError, match="Graph cannot be a target yet"):
        Pipeline({"a": Graph()}, {"b": Graph()})


def test_200_numbers_a_node():
    numbers = np.random.default_rng(0).normal(size=(3, 200)).round(4)
    cell = json.dumps({"nodes": numbers.tolist(), "edges": [[0, 1, *numbers[0].tolist()]]})
    features, edges, _ = good(adapted(cell), cell)
    np.testing.assert_allclose(features[:3], (numbers - numbers.mean(0)) / numbers.std(0), atol=1e-4)
    assert edges.shape == (4, 4, 201)
