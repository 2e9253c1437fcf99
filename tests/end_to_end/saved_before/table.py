"""A table of 8 rows with every modality, and its media; for `write.py`."""

import csv
import json
import wave

import numpy as np
import tensorflow as tf

from data_pipelines import read_table

ROWS, SIDE, RATE = 8, 8, 2000
COLUMNS = ("photo", "regions", "story", "voice", "wave", "age", "width", "height", "maker", "marks", "clip", "load")
COLUMNS += ("molecule", "kind", "price", "topics", "said")
KINDS = ("cat", "dog", "fish")


def write_table(folder):
    """Media and the table that names them; gives its `Rows`."""
    from PIL import Image as Picture

    media = folder / "media"
    media.mkdir(exist_ok=True)
    lines = []
    for row in range(ROWS):
        random = np.random.default_rng(row)
        frames = random.integers(0, 4, (3, SIDE, SIDE, 3)).astype("uint8") * 85
        regions = (np.arange(SIDE)[:, None] * np.ones(SIDE) > row).astype("uint8")[..., None]
        (media / f"{row}.png").write_bytes(tf.io.encode_png(frames[0]).numpy())
        (media / f"{row}.regions.png").write_bytes(tf.io.encode_png(regions).numpy())
        write_sound(media / f"{row}.wav", 0.05 + row / 20, 160 + 8 * row)
        first, *others = [Picture.fromarray(frame) for frame in frames]
        first.save(media / f"{row}.gif", save_all=True, append_images=others, duration=100)
        nodes, edges = ["C", "O", "H"][: 1 + row % 3], [[0, 1], [1, 2, "double"]][: row % 3]
        kind = KINDS[row % 3]
        cells = [f"media/{row}.png", f"media/{row}.regions.png", f"a {kind} number {row}", f"media/{row}.wav"]
        cells += [f"media/{7 - row}.wav", str(row), str(2.5 * row), str(row % 4), ("ann", "bob")[row % 2]]
        cells += [("x|y", "y", "x")[row % 3], f"media/{row}.gif", " ".join(str((row * k) % 5) for k in range(1, 7))]
        cells += [json.dumps({"nodes": nodes, "edges": edges}), kind, str(10.5 * row)]
        lines.append([*cells, ("red|big", "big", "red")[row % 3], f"it was a {kind}"])
    lines[3][:13] = [""] * 5 + ["3"] + [""] * 7
    lines[6][13:] = [""] * 4
    with open(folder / "table.csv", "w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows([COLUMNS, *lines])
    return read_table(folder / "table.csv")


def write_sound(path, pitch, count):
    """A WAV file of 16 bits."""
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE)
        out.writeframes((np.sin(np.arange(count) * pitch) * 20000).astype("<i2").tobytes())
