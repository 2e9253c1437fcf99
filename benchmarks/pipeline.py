"""Rows per second from raw files through `Pipeline.batches`, against a hand-written parallel tf.data map.

Both read, decode, resize or resample, tokenize and batch the very same things, and are drained in turn within one run.
Tables are repeated until a pass lasts seconds, for tf.data prepares a graph at every start: that time is printed.

Command: python benchmarks/pipeline.py
Floor: ratio at least 0.9.
"""

import os
import statistics
import sys
import tempfile
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
import pandas
import tensorflow as tf

from data_pipelines import Audio, Category, Image, Number, Pipeline, Text, read_table
from data_pipelines.datasets import folder

BATCH, TURNS = 32, 5
AUTO = tf.data.AUTOTUNE


def drain(dataset):
    """Seconds for one pass."""
    start = time.perf_counter()
    for _ in dataset:
        pass
    return time.perf_counter() - start


def compare(title, ours, hand, rows):
    """Drains both in turn; prints rows/s and the median ratio; gives the ratio."""
    drain(ours), drain(hand)
    first = [statistics.median(drain(dataset.take(1)) for _ in range(5)) for dataset in (ours, hand)]
    print(f"{title}: first batch after {first[0]:.2f} s, by hand {first[1]:.2f} s")
    pairs = [(drain(ours), drain(hand)) for _ in range(TURNS)]
    ratio = statistics.median(b / a for a, b in pairs)
    fast, slow = (statistics.median(values) for values in zip(*pairs, strict=True))
    print(f"{title}: {rows / fast:.0f} rows/s, by hand {rows / slow:.0f}, ratio {ratio:.2f} (of {TURNS} turns)")
    return ratio


def columns(rows, *names):
    return tuple(tf.constant([str(cell) for cell in rows.values(name)]) for name in names)


def text_table(pipe, name):
    keys = tf.constant(pipe.inputs[name].vocabulary)
    return tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(keys, tf.range(2, 2 + tf.size(keys))), 1)


def words(text):
    text = tf.strings.regex_replace(tf.strings.lower(text, encoding="utf-8"), r"([^\pL\pN\pM\s])", r" \1 ")
    return tf.strings.split(text)


def clipart():
    """48×48 PNG drawings, titles, one number, a label."""
    root = folder("clipart")
    rows = read_table(pandas.concat([pandas.read_csv(f"{root}/table.csv", dtype=str)] * 5), media_root=root)
    pipe = Pipeline(
        {"picture": Image(48), "title": Text(), "width": Number(scaling="standard")}, {"category": Category()}
    ).adapt(rows)
    table, labels = text_table(pipe, "title"), pipe.targets["category"].table
    mean, spread = pipe.inputs["width"].means[0], pipe.inputs["width"].deviations[0]

    def decode(picture, title, width, category):
        pixels = tf.io.decode_image(tf.io.read_file(root + "/" + picture), 3, expand_animations=False)
        pixels = tf.ensure_shape(tf.cast(pixels, tf.float32) / 255.0, (48, 48, 3))
        number = tf.strings.to_number(tf.where(width == "", "nan", width))
        return pixels, table.lookup(words(title)), (number - mean) / spread, labels.lookup(category)

    cells = columns(rows, "picture", "title", "width", "category")
    hand = tf.data.Dataset.from_tensor_slices(cells).map(decode, AUTO).padded_batch(BATCH).prefetch(2)
    return compare("clipart, 48×48 PNG + title + number", pipe.batches(rows, BATCH), hand, len(rows))


def photos_and_sounds(place, count=400):
    """Pictures of 256×256 pixels as JPEG and recordings of 4 s as 16-bit WAV, as people have them."""
    make_media(place, count)
    table = pandas.read_csv(f"{place}/table.csv", dtype=str)
    rows = read_table(pandas.concat([table] * 8), media_root=place)
    pipe = Pipeline({"photo": Image(64), "voice": Audio(seconds=4), "text": Text()}, {"label": Category()}).adapt(rows)
    table, labels = text_table(pipe, "text"), pipe.targets["label"].table
    bank = tf.signal.linear_to_mel_weight_matrix(40, 257, 16000, 60.0, 8000.0)

    def decode(photo, voice, text, label):
        pixels = tf.io.decode_image(tf.io.read_file(place + "/" + photo), 3, expand_animations=False)
        pixels = tf.image.resize(tf.cast(pixels, tf.float32) / 255.0, (64, 64), antialias=True)
        samples, _ = tf.audio.decode_wav(tf.io.read_file(place + "/" + voice), 1)
        power = tf.square(tf.abs(tf.signal.stft(samples[:64000, 0], 400, 160, 512)))
        return pixels, tf.math.log(power @ bank + 1e-5), table.lookup(words(text)), labels.lookup(label)

    cells = columns(rows, "photo", "voice", "text", "label")
    hand = tf.data.Dataset.from_tensor_slices(cells).map(decode, AUTO).padded_batch(BATCH).prefetch(2)
    return compare("256×256 JPEG + 4 s WAV + text", pipe.batches(rows, BATCH), hand, len(rows))


def make_media(place, count):
    """Writes smooth random pictures and noisy tones, with a table."""
    random = np.random.default_rng(0)
    lines = ["photo,voice,text,label"]
    for number in range(count):
        coarse = tf.image.resize(random.uniform(0, 255, (16, 16, 3)), (256, 256))
        tf.io.write_file(f"{place}/{number}.jpg", tf.io.encode_jpeg(tf.cast(coarse, tf.uint8), quality=90))
        tone = 0.3 * np.sin(np.arange(64000) * random.uniform(0.05, 0.5)) + random.normal(0, 0.05, 64000)
        tf.io.write_file(f"{place}/{number}.wav", tf.audio.encode_wav(tone[:, None].astype("float32"), 16000))
        lines.append(f"{number}.jpg,{number}.wav,some words about picture {number},{'ab'[number % 2]}")
    with open(f"{place}/table.csv", "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")


def main():
    with tempfile.TemporaryDirectory() as place:
        ratios = [clipart(), photos_and_sounds(place)]
    if min(ratios) < 0.9:
        sys.exit("below the floor of 0.9")


if __name__ == "__main__":
    main()
