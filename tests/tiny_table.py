"""A small table with every kind of column, some cells missing, and a pipeline and model for it."""

import csv
import io
import wave

import keras
import numpy as np
import tensorflow as tf

import mmkeras as mm
from data_pipelines import Audio, Category, Image, Number, Pipeline, Tags, Text, read_table

COLUMNS = ("photo", "story", "voice", "age", "maker", "marks", "kind", "price", "topics")
INPUTS = COLUMNS[:6]
KINDS = ("cat", "dog", "fish")


def picture(place):
    """PNG bytes, 10 × 8 pixels."""
    pixels = np.random.default_rng(place).integers(0, 255, (10, 8, 3), "uint8")
    return tf.io.encode_png(pixels).numpy()


def recording(place, rate=2000):
    """WAV bytes, a fraction of a second."""
    samples = np.sin(np.arange(300 + 40 * place) * (0.05 + place / 20)) * 20000
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes(samples.astype("<i2").tobytes())
    return file.getvalue()


def lines(rows):
    for place in range(rows):
        kind = KINDS[place % 3]
        cells = [f"{place}.png", f"a {kind} number {place}", f"{place}.wav", str(place), ("ann", "bob")[place % 2]]
        cells += [("x|y", "y", "x")[place % 3], kind, str(10.5 * place), ("red|big", "big", "red")[place % 3]]
        missing = {1: 0, 2: 1, 3: 2, 5: 3, 6: 4, 7: 5, 8: 6, 9: 7, 10: 8}.get(place)
        yield ["" if column == missing else cell for column, cell in enumerate(cells)]


def write_table(folder, rows=12):
    """Writes media and table; gives its `Rows`. Row 4 has no input at all, row 11 a broken picture."""
    table = list(lines(rows))
    table[4][:6] = [""] * 6
    for place in range(rows):
        (folder / f"{place}.png").write_bytes(picture(place) if place != 11 else b"no picture")
        (folder / f"{place}.wav").write_bytes(recording(place))
    with open(folder / "tiny.csv", "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([COLUMNS, *table])
    return read_table(folder / "tiny.csv")


def pipeline(rows, targets=("kind", "price", "topics"), inputs=INPUTS, **options):
    """An adapted pipeline of the columns wanted."""
    sizes = {"sample_rate": 2000, "frame_seconds": 0.016, "hop_seconds": 0.008, "mel_bins": 6}
    known = {
        "photo": Image(8),
        "story": Text(),
        "voice": Audio(seconds=0.3, **sizes, **options),
        "age": Number(),
        "maker": Category(),
        "marks": Tags(min_count=1),
    }
    answers = {"kind": Category(), "price": Number(), "topics": Tags(min_count=1)}
    pick = {name: answers[name] for name in targets}
    return Pipeline({name: known[name] for name in inputs}, pick, on_bad="mask").adapt(rows)


def model_for(pipe, seed=0, **options):
    """A small model with weights that are not what they were at first."""
    keras.utils.set_random_seed(seed)
    model = mm.build(pipe.spec, dim=8, **options)
    random = np.random.default_rng(seed)
    for weight in model.trainable_weights:
        weight.assign(weight + random.normal(scale=0.1, size=weight.shape).astype("float32"))
    return model


def served(rows=12):
    """The table's inputs as an exported model takes them; row 11 with broken bytes, row 4 with nothing."""
    cells = {column: [line[place] for line in lines(rows)] for place, column in enumerate(COLUMNS[:6])}
    for column in cells:
        cells[column][4] = ""
    cells["photo"] = [b"no picture" if c == "11.png" else c and picture(int(c[:-4])) for c in cells["photo"]]
    cells["voice"] = [c and recording(int(c[:-4])) for c in cells["voice"]]
    cells["age"] = np.array([float(c or "nan") for c in cells["age"]], "float32")
    return {
        c: v if c == "age" else np.array([x if isinstance(x, bytes) else x.encode() for x in v], object)
        for c, v in cells.items()
    }


def without(cells, *names):
    """The same with some columns all absent."""
    return {
        c: (v * np.nan if c == "age" else np.full(len(v), b"", object)) if c in names else v for c, v in cells.items()
    }
