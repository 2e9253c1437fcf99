"""Graphs in a SavedModel: as here, without Keras or mmkeras, and blind to the order of nodes."""

import json
import pickle
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from test_export import SERVE, in_process, same
from tiny_table import model_for

import mmkeras as mm
from data_pipelines import Category, Graph, Number, Pipeline, read_table

ENCODERS = ("GraphAttentionEncoder", "GraphConvolutionEncoder")
NAMES = ["C", "N", "O", "é ],["]


def drawn(place):
    """A graph as Python has it; names and kinds are for `named`, numbers for `measured`."""
    random = np.random.default_rng(place)
    count = int(random.integers(2, 6))
    edges = [[int(random.integers(count)), int(random.integers(count))] for _ in range(count)]
    return count, edges, random


def named(place):
    count, edges, random = drawn(place)
    kinds = random.choice(["single", "double"], len(edges)).tolist()
    return {
        "nodes": random.choice(NAMES, count).tolist(),
        "edges": [[*edge, kind] for edge, kind in zip(edges, kinds, strict=True)],
    }


def measured(place):
    count, edges, random = drawn(place)
    nodes = random.normal(5, 3, (count, 2)).round(3).tolist()
    return {"nodes": nodes, "edges": [[*edge, round(float(random.normal()), 3)] for edge in edges]}


def turned(graph, seed=0):
    """The same graph, its nodes in another order."""
    order = np.random.default_rng(seed).permutation(len(graph["nodes"])).tolist()
    place = {before: after for after, before in enumerate(order)}
    edges = [[place[edge[0]], place[edge[1]], *edge[2:]] for edge in graph["edges"]]
    return {"nodes": [graph["nodes"][before] for before in order], "edges": edges[::-1]}


def cells(change=lambda graph: graph):
    """The columns as served: row 3 without the first graph, row 4 with nothing, row 5 with a broken graph."""
    kinds = {"molecule": named, "mesh": measured}
    table = {
        column: [json.dumps(change(make(place)), ensure_ascii=False) for place in range(9)]
        for column, make in kinds.items()
    }
    table["molecule"][3] = table["molecule"][4] = table["mesh"][4] = ""
    table["molecule"][5] = '{"nodes": ["C"], "edges": [[0, 1]]}'
    ages = np.array([np.nan if place == 4 else place for place in range(9)], "float32")
    return {**{c: np.array([v.encode() for v in values], object) for c, values in table.items()}, "age": ages}


def without(table, *names):
    blank = {"molecule": b"", "mesh": b"", "age": np.nan}
    return {c: np.full_like(v, blank[c]) if c in names else v for c, v in table.items()}


CASES = {
    "all": cells(),
    "one": {c: v[:1] for c, v in cells().items()},
    "turned": cells(turned),
    "without molecule": without(cells(), "molecule"),
    "without mesh": without(cells(), "mesh"),
    "nothing": without(cells(), "molecule", "mesh", "age"),
}


@pytest.fixture(scope="module")
def pipe(tmp_path_factory):
    path = tmp_path_factory.mktemp("table") / "t.jsonl"
    table = cells()
    lines = [
        {
            "molecule": table["molecule"][row].decode(),
            "mesh": table["mesh"][row].decode(),
            "age": None if row == 4 else row,
            "kind": ("cat", "dog")[row % 2],
            "price": 1.5 * row,
        }
        for row in range(9)
    ]
    path.write_text("\n".join(map(json.dumps, lines)) + "\n", encoding="utf-8")
    inputs = {"molecule": Graph(max_nodes=7), "mesh": Graph(max_nodes=6, directed=True), "age": Number()}
    return Pipeline(inputs, {"kind": Category(), "price": Number()}, on_bad="mask").adapt(read_table(path))


@pytest.fixture(scope="module", params=ENCODERS)
def model(request, pipe):
    return model_for(pipe, encoders={"molecule": request.param, "mesh": request.param})


@pytest.fixture(scope="module")
def answers(model, pipe, tmp_path_factory):
    """What another process gives, which cannot import Keras or mmkeras."""
    folder = tmp_path_factory.mktemp("exported")
    mm.export(model, pipe, folder / "saved_model")
    (folder / "cases").write_bytes(pickle.dumps(CASES))
    done = subprocess.run(
        [sys.executable, "-c", SERVE, str(folder / "saved_model"), str(folder / "cases"), str(folder / "answers")],
        cwd=folder,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return pickle.loads((folder / "answers").read_bytes())


@pytest.mark.parametrize("case", CASES)
def test_as_in_process(model, pipe, answers, case):
    wanted = in_process(model, pipe, CASES[case])
    assert all(np.isfinite(value).all() for value in answers[case].values() if value.dtype == "float32")
    same(answers[case], wanted)


def test_another_order_of_nodes_is_the_same_answer(answers):
    assert (CASES["turned"]["molecule"] != CASES["all"]["molecule"]).sum() > 4
    for name, value in answers["all"].items():
        if value.dtype == "float32":
            np.testing.assert_allclose(answers["turned"][name], value, rtol=1e-5, atol=1e-5)


def test_each_graph_counts(answers):
    for column, absent in (("molecule", (3, 4, 5)), ("mesh", (4,))):
        given, bare = (answers[case]["kind_probabilities"] for case in ("all", f"without {column}"))
        moved = np.abs(given - bare).max(1) > 1e-6
        assert moved.tolist() == [row not in absent for row in range(9)]
        assert answers["all"][f"{column}_present"].tolist() == [row not in absent for row in range(9)]


def test_tokens_follow_their_nodes(pipe):
    """From the cell to the tokens: other orders of nodes give the same tokens in that order."""
    graph = pipe.inputs["molecule"]
    for name in ENCODERS:
        layer = getattr(mm.encoders, name).from_spec(graph.spec(), dim=8, dropout=0.0)
        for place in (0, 1, 2):
            before = named(place)
            after = turned(before, seed=place + 1)
            order = np.random.default_rng(place + 1).permutation(len(before["nodes"]))
            texts = [json.dumps(each, ensure_ascii=False) for each in (before, after)]
            value, mask, bad = graph.encode([tf.constant(texts)])
            assert not bad.numpy().any()
            tokens = layer(value, mask=mask).numpy()
            np.testing.assert_allclose(tokens[1, : len(order)], tokens[0, order], atol=1e-5)
            assert tokens[0, : len(order)].any(1).all() and not tokens[:, len(order) :].any()
