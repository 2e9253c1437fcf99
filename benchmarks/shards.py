"""Rows a second of clips from prepared shards over those from the mp4 files themselves.

320 × 240 clips of 5 s, 8 frames of 64 × 64 wanted, read by the same pipeline; passes over files and shards in turn
within one run. Needs PyAV and TensorFlow Datasets.

Command: python benchmarks/shards.py
Floor: shards give at least 5 × the rows a second.
Last seen, two busy cores, 2026-11: files 30, shards 1,772 rows/s, ratio 57.
"""

import os
import statistics
import sys
import tempfile
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

CLIPS, COPIES, TURNS, BATCH = 12, 32, 3, 32


def write_table(folder):
    """A few moving clips, each named by many rows."""
    import av
    import numpy as np
    import pandas as pd

    random = np.random.default_rng(0)
    for place in range(CLIPS):
        ground = random.integers(0, 255, (240, 320, 3), "uint8") // 2
        with av.open(os.path.join(folder, f"{place}.mp4"), "w") as container:
            stream = container.add_stream("libx264", rate=25)
            stream.height, stream.width, stream.pix_fmt = 240, 320, "yuv420p"
            for step in range(125):
                pixels = np.roll(ground, 3 * step, 1)
                container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
            container.mux(stream.encode())
    lines = [{"clip": f"{row % CLIPS}.mp4", "label": str(row % 3)} for row in range(CLIPS * COPIES)]
    pd.DataFrame(lines).to_csv(os.path.join(folder, "clips.csv"), index=False)


def speed(dataset, rows):
    """Rows a second of one pass."""
    start = time.perf_counter()
    for _ in dataset:
        pass
    return rows / (time.perf_counter() - start)


def main():
    from data_pipelines import Category, Pipeline, Video, read_shards, read_table

    with tempfile.TemporaryDirectory() as folder:
        write_table(folder)
        rows = read_table(os.path.join(folder, "clips.csv"))
        pipe = Pipeline({"clip": Video(frames=8, size=64)}, {"label": Category()}).adapt(rows)
        started = time.perf_counter()
        pipe.prepare(rows, os.path.join(folder, "shards"), rows_per_shard=64)
        print(f"prepared in {time.perf_counter() - started:.1f} s")
        shards = read_shards(os.path.join(folder, "shards"))
        files, ready = (pipe.batches(table, BATCH) for table in (rows, shards))
        ready = ready.repeat(10)  # long enough that starting a pass does not count
        speeds = [(speed(files, len(rows)), speed(ready, 10 * len(rows))) for _ in range(TURNS)]
    ratio = statistics.median(fast / slow for slow, fast in speeds)
    slow, fast = (statistics.median(values) for values in zip(*speeds, strict=True))
    print(f"rows/s: files {slow:.0f}, shards {fast:.0f}, ratio {ratio:.1f} (median of {TURNS} turns)")
    if ratio < 5:
        sys.exit("below the floor of 5")


if __name__ == "__main__":
    main()
