"""How much of a batch is padding, and how long a step takes, with rows of like length together and without.

Recordings and transcripts of the bundled prompts, log-mel frames and characters, as they come. Both ways are trained in
turn on the same rows within one run, from a cache, so that only the batches differ.

Command: python benchmarks/padding.py
Floor: at most 10 % of the values are padding.
"""

import os
import statistics
import sys
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import numpy as np

import mmkeras as mm
from data_pipelines import Audio, Category, Pipeline, Text, read_table
from data_pipelines.datasets import folder

TURNS, BATCH = 5, 32


def padding(batches):
    """The share of the values of all sequences that is padding."""
    real = whole = 0
    for x, _, _ in batches:
        for name in ("voice", "transcript"):
            width = int(np.prod(x[name].shape[2:]))
            real += width * int(np.sum(x[f"{name}_mask"]))
            whole += width * int(np.prod(x[f"{name}_mask"].shape))
    return 1 - real / whole


def epoch(model, batches):
    """Seconds of training for one pass."""
    start = time.perf_counter()
    model.fit(batches, shuffle=False, verbose=0)
    return time.perf_counter() - start


def main():
    keras.utils.set_random_seed(0)
    rows = read_table(folder("prompts") + "/table.csv")
    inputs = {"voice": Audio(seconds=30, column="recording"), "transcript": Text("character", max_tokens=400)}
    pipe = Pipeline(inputs, {"language": Category()}).adapt(rows)
    model = mm.build(pipe.spec)
    mm.compile(model, pipe.spec)
    ways = {flag: pipe.batches(rows, BATCH, training=True, cache=True, bucket_by_length=flag) for flag in (False, True)}
    for batches in ways.values():
        epoch(model, batches)
    shares = {flag: padding(batches) for flag, batches in ways.items()}
    turns = [{flag: epoch(model, batches) for flag, batches in ways.items()} for _ in range(TURNS)]
    ratio = statistics.median(turn[True] / turn[False] for turn in turns)
    print(f"padding: {shares[True]:.1%} by length, {shares[False]:.1%} as they come, {len(rows)} rows by {BATCH}")
    print(f"seconds an epoch: ratio {ratio:.2f} (of {TURNS} turns)")
    if shares[True] > 0.10:
        sys.exit("above the floor of 10 %")


if __name__ == "__main__":
    main()
