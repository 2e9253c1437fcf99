"""A SavedModel that is sent cells made to exhaust it: absent or cut, in bounded memory; neighbours notice nothing."""

import json
import pickle
import subprocess
import sys

import hostile_cells
import pandas
import pytest

import mmkeras as mm
from data_pipelines import Audio, Category, Graph, Image, Pipeline, Tags, Text, TimeSeries, Video, read_table

MEMORY = 512  # MiB that a process may grow by over all of them; TensorFlow keeps what it once had
# What a server does, with TensorFlow alone; one line of JSON for each cell.
SERVER = """
import json, pickle, re, sys, time
import numpy as np, tensorflow as tf

serve = tf.saved_model.load(sys.argv[1]).signatures["serving_default"]
with open(sys.argv[2], "rb") as file:
    good, hostile = pickle.load(file)

def answer(column=None, cell=b""):
    rows = {name: tf.constant([one, cell if name == column else one, one]) for name, one in good.items()}
    given = {name: value.numpy() for name, value in serve(**rows).items()}
    with open("/proc/self/status") as file:
        return given, int(re.search(r"VmHWM:\\s*(\\d+)", file.read())[1]) // 1024

absent = {column: answer(column)[0]["kind_probabilities"] for column in good}
memory = answer()[1]
for (column, name), cell in hostile.items():
    start = time.process_time()
    given, now = answer(column, cell)
    apart = np.abs(given["kind_probabilities"] - absent[column])
    facts = {"present": bool(given[column + "_present"][1]), "neighbours": float(apart[[0, 2]].max())}
    facts |= {"itself": float(apart[1].max()), "memory": now - memory, "seconds": time.process_time() - start}
    print(json.dumps([column, name, facts]), flush=True)
"""


def inputs():
    return {
        "photo": Image(64),
        "voice": Audio(seconds=5, sample_rate=8000),
        "clip": Video(2, 64),
        "load": TimeSeries(),
        "molecule": Graph(max_nodes=8),
        "marks": Tags(min_count=1),
        "story": Text(),
        "letters": Text("ngram"),
    }


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """What the server answers to every hostile cell: (column, name) → facts."""
    folder = tmp_path_factory.mktemp("hostile")
    good = {column: make() for column, make in hostile_cells.GOOD.items()}
    frame = pandas.DataFrame({**{column: [cell] * 4 for column, cell in good.items()}, "kind": ["x", "y"] * 2})
    pipe = Pipeline(inputs(), {"kind": Category()}).adapt(read_table(frame))
    mm.export(mm.build(pipe.spec, dim=8), pipe, folder / "model")
    hostile = {key: make() for key, (make, _) in hostile_cells.HOSTILE.items()}
    (folder / "cells").write_bytes(pickle.dumps((good, hostile)))
    command = [sys.executable, "-c", SERVER, str(folder / "model"), str(folder / "cells")]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert ran.returncode == 0, ran.stderr[-2000:]
    lines = [json.loads(line) for line in ran.stdout.splitlines()]
    for column, name, facts in lines:
        print(f"{column:9s}{name:50s}{facts['seconds']:6.2f} s {facts['memory']:5d} MiB")
    return {(column, name): facts for column, name, facts in lines}


@pytest.mark.parametrize("key", hostile_cells.HOSTILE, ids=": ".join)
def test_a_hostile_cell_is_absent_or_cut_and_harms_no_neighbour(served, key):
    _, is_read = hostile_cells.HOSTILE[key]
    facts = served[key]
    assert facts["present"] == is_read
    assert facts["neighbours"] < 1e-5
    assert is_read or facts["itself"] < 1e-5, "the row answers as one without the cell"
    assert facts["memory"] < MEMORY


def test_every_column_is_attacked():
    assert {column for column, _ in hostile_cells.HOSTILE} == {*hostile_cells.GOOD} == {*inputs()}
