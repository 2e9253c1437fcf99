"""Rows per second from raw files through `Pipeline.batches`, against a PyTorch `DataLoader` with two workers.

Both read photos of 256×256 pixels (JPEG) and recordings of 4 s (16-bit WAV), resize to 64×64, make log-mel frames, cut
and look up texts, and batch, for training, in an order of their own. The loader uses PIL, soundfile and torch, its
workers persist, and both are drained in turn within one run.

Needs torch, soundfile and Pillow beside mmkeras: pip install torch soundfile pillow
Command: python benchmarks/dataloader.py
Floor: ratio at least 1.5.

Not met. Last seen, two cores of an Intel Xeon, three runs: 0.75, 1.14, 1.16 (576, 860, 760 rows/s; the first is what
some processes settle at). Processor time a row: photos 0.69 ms, of which libjpeg 0.25; recordings 1.19, of which frames
and their transform 0.84; the loader 2.0 in its workers. Each pass starts with 0.4 s of preparing the graph.
"""

import os
import re
import statistics
import sys
import tempfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
import pandas
import soundfile
import torch
from PIL import Image as Picture
from pipeline import BATCH, TURNS, drain, make_media

REPEATS, COUNT = 8, 400


class Files(torch.utils.data.Dataset):
    """The rows of the table as a PyTorch user reads them."""

    def __init__(self, place, table, words, labels, bank):
        self.place, self.words, self.labels, self.bank = place, words, labels, bank
        self.cells = list(zip(table.photo, table.voice, table.text, table.label, strict=True))
        self.window = torch.hann_window(400)

    def __len__(self):
        return len(self.cells)

    def __getitem__(self, place):
        photo, voice, text, label = self.cells[place]
        with Picture.open(f"{self.place}/{photo}") as picture:
            small = picture.convert("RGB").resize((64, 64), Picture.Resampling.BILINEAR)
        pixels = torch.from_numpy(np.asarray(small, "float32") / 255.0)
        samples = torch.from_numpy(soundfile.read(f"{self.place}/{voice}", dtype="float32")[0][:64000])
        spectrum = torch.stft(samples, 512, 160, 400, self.window, center=False, return_complex=True)
        frames = torch.log(spectrum.abs().square().T @ self.bank + 1e-5)
        tokens = re.findall(r"[^\W_]+|[^\w\s]", text.lower())
        return pixels, frames, torch.tensor([self.words.get(token, 1) for token in tokens]), self.labels[label]


def collate(rows):
    pixels, frames, texts, labels = zip(*rows, strict=True)
    pad = torch.nn.utils.rnn.pad_sequence
    return torch.stack(pixels), pad(frames, True), pad(texts, True), torch.tensor(labels)


def loader(place, table, pipe):
    import tensorflow as tf

    bank = tf.signal.linear_to_mel_weight_matrix(40, 257, 16000, 60.0, 8000.0).numpy()
    words = {word: number for number, word in enumerate(pipe.inputs["text"].vocabulary, 2)}
    labels = {label: number for number, label in enumerate(pipe.targets["label"].classes)}
    files = Files(place, table, words, labels, torch.from_numpy(bank))
    options = {"num_workers": 2, "persistent_workers": True, "multiprocessing_context": "spawn"}
    return torch.utils.data.DataLoader(files, BATCH, shuffle=True, collate_fn=collate, **options)


def main():
    from data_pipelines import Audio, Category, Image, Pipeline, Text, read_table

    with tempfile.TemporaryDirectory() as place:
        make_media(place, COUNT)
        table = pandas.concat([pandas.read_csv(f"{place}/table.csv", dtype=str)] * REPEATS)
        rows = read_table(table, media_root=place)
        inputs = {"photo": Image(64), "voice": Audio(seconds=4), "text": Text()}
        pipe = Pipeline(inputs, {"label": Category()}).adapt(rows)
        ours, theirs = pipe.batches(rows, BATCH, training=True), loader(place, table, pipe)
        drain(ours), drain(theirs)
        pairs = [(drain(ours), drain(theirs)) for _ in range(TURNS)]
    ratio = statistics.median(b / a for a, b in pairs)
    fast, slow = (statistics.median(values) for values in zip(*pairs, strict=True))
    print(f"{len(rows) / fast:.0f} rows/s, DataLoader {len(rows) / slow:.0f}, ratio {ratio:.2f} (of {TURNS} turns)")
    if ratio < 1.5:
        sys.exit("below the floor of 1.5")


if __name__ == "__main__":
    main()
