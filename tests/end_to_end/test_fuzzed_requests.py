"""Fuzzed requests to one SavedModel with every kind of input: no crash, finite answers, and no good row changed."""

import json
import os
import pathlib
import pickle
import subprocess
import sys

import hostile_cells
import numpy as np
import pandas
import pytest
from fuzzing import LONG, MEMORY, SECONDS, amount

import mmkeras as mm
from data_pipelines import Audio, Category, Graph, Image, Number, Pipeline, Tags, Text, TimeSeries, Video, read_table

TESTS = pathlib.Path(__file__).parents[1]
ROWS = 6
WORDS = ("dog", "cat", "猫", "fish")


def inputs():
    """Every kind of input that a SavedModel reads raw, and several ways to read some."""
    return {
        "photo": Image(16),
        "padded": Image(16, fit="pad"),
        "voice": Audio(seconds=1, sample_rate=8000),
        "samples": Audio(seconds=0.5, sample_rate=4000, features="waveform"),
        "clip": Video(2, 16),
        "load": TimeSeries(max_steps=16),
        "timed": TimeSeries(max_steps=16, times=True),
        "molecule": Graph(max_nodes=8),
        "marks": Tags(min_count=1),
        "maker": Category(),
        "age": Number(),
        "size": Number(scaling="log"),
        "when": Number(scaling="standard"),
        "story": Text(),
        "letters": Text("ngram"),
        "signs": Text("character"),
        "codes": Text("byte"),
    }


def table():
    """Rows of good cells, each its own."""
    random = np.random.default_rng(0)
    words = [" ".join(random.choice(WORDS, 3)) for _ in range(ROWS)]
    pictures = [hostile_cells.png(8 + row, 6, 8, (0, 2, 4, 6)[row % 4]) for row in range(ROWS)]
    sounds = [hostile_cells.wav(random.bytes(400 + 40 * row)) for row in range(ROWS)]
    cells = {
        "photo": pictures,
        "padded": [hostile_cells.jpeg(16 + row) for row in range(ROWS)],
        "voice": sounds,
        "samples": sounds[::-1],
        "clip": [hostile_cells.npy((2 + row, 5, 6, 3), random.bytes((2 + row) * 90)) for row in range(ROWS)],
        "load": [";".join(f"{row},{step}" for step in range(2 + row)) for row in range(ROWS)],
        "timed": [";".join(f"{step},{row * step}" for step in range(2 + row)) for row in range(ROWS)],
        "molecule": ['{"nodes": ["C", "O"], "edges": [[0, 1]]}', '{"nodes": ["H"], "edges": []}'] * (ROWS // 2),
        "marks": ["a|b", "b", "a"] * (ROWS // 3),
        "maker": ["ann", "bob"] * (ROWS // 2),
        "age": [float(row) for row in range(ROWS)],
        "size": [10.0**row for row in range(ROWS)],
        "when": [1.7e9 + 10 * row for row in range(ROWS)],
    }
    texts = dict.fromkeys(("story", "letters", "signs", "codes"), words)
    return pandas.DataFrame({name: pandas.Series(c, dtype=object) for name, c in {**cells, **texts}.items()})


@pytest.mark.fuzz
def test_no_request_crashes_or_changes_another_row(tmp_path):
    frame = table()
    targets = {"kind": ["x", "y", "z"] * (ROWS // 3), "price": range(ROWS), "topics": ["a|b", "b"] * (ROWS // 2)}
    answers = {"kind": Category(), "price": Number(), "topics": Tags(min_count=1)}
    pipe = Pipeline(inputs(), answers).adapt(read_table(frame.assign(**targets)))
    mm.export(mm.build(pipe.spec, dim=8), pipe, tmp_path / "model")
    good = {name: [c.encode() if isinstance(c, str) else c for c in frame[name]] for name in frame}
    (tmp_path / "cells").write_bytes(pickle.dumps(good))
    command = [sys.executable, TESTS / "request_server.py", tmp_path / "model", tmp_path / "cells"]
    command += [str(amount(150, 10_000)), "0"]
    environment = {**os.environ, "PYTHONPATH": str(TESTS), "TF_CPP_MIN_LOG_LEVEL": "3"}
    ran = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert ran.returncode == 0, ran.stderr[-2000:]
    facts = json.loads(ran.stdout.splitlines()[-1])
    print(facts)
    assert facts["requests"] == amount(150, 10_000) and facts["good_rows"] > 100
    assert not facts["changed"] and not facts["not_finite"]
    assert not LONG or (facts["seconds"] < SECONDS and facts["memory"] < MEMORY)
