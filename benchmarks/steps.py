"""What a training step costs in bfloat16, and with several steps an execution, against the defaults.

The default model of a small mixed table (images of 24 × 24, audio, text, number, category), and those of a number and
a category alone and of a short text, whose steps are tiny. Every way trains in turn on the same batches, which lie in
memory.

Command: python benchmarks/steps.py
Last seen, an Intel Xeon with avx512_bf16 and without amx_bf16, as a ratio of CPU seconds: bfloat16 0.97 to 1.03, so it
is not chosen by itself; 8 steps an execution 0.72 for a number and a category, 0.84 for a short text, 1.05 for all, so
they are chosen where a row's inputs hold few values.
"""

import os
import statistics
import sys
import tempfile
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
from memory import write_media, write_table

import mmkeras as mm
from data_pipelines import Pipeline, read_table
from data_pipelines.infer import infer

TURNS, BATCH, ROWS = 7, 64, 2048
WAYS = {"float32": {}, "mixed_bfloat16": {"dtype": "mixed_bfloat16"}, "8 steps": {"steps_per_execution": 8}}


def compiled(pipe, dtype="float32", **options):
    """The default model."""
    keras.config.set_dtype_policy(dtype)
    keras.utils.set_random_seed(0)
    model = mm.build(pipe.spec)
    keras.config.set_dtype_policy("float32")
    return mm.compile(model, pipe.spec, weight_decay=0.5, ema_momentum=0.99, **options)


def compare(rows, columns):
    pipe = Pipeline(*infer(rows, ["label"], columns)).adapt(rows)
    data = pipe.batches(rows, BATCH).cache()
    models = {way: compiled(pipe, **options) for way, options in WAYS.items()}
    turns = {way: [] for way in WAYS}
    for turn in range(TURNS + 1):
        for way, model in models.items():
            cpu, wall = time.process_time(), time.perf_counter()
            model.fit(data, shuffle=False, verbose=0)
            if turn:  # the first one traces
                turns[way].append((time.process_time() - cpu, time.perf_counter() - wall))
    for way in list(WAYS)[1:]:
        pairs = zip(turns[way], turns["float32"], strict=True)
        cpu, wall = zip(*((mine[0] / plain[0], mine[1] / plain[1]) for mine, plain in pairs), strict=True)
        told = f"CPU seconds × {statistics.median(cpu):.2f}, seconds × {statistics.median(wall):.2f}"
        print(f"{', '.join(columns)}: {way} {told} (of {TURNS} turns, {ROWS // BATCH} steps each)", flush=True)


def main():
    with tempfile.TemporaryDirectory() as place:
        write_media(place)
        write_table(os.path.join(place, "table.csv"), ROWS)
        rows = read_table(os.path.join(place, "table.csv"))
        compare(rows, ["size", "kind"])
        compare(rows, ["text"])
        compare(rows, ["picture", "sound", "text", "size", "kind"])


if __name__ == "__main__":
    sys.exit(main())
