"""From recordings to what is said in them: WAV files and a table in, text out, and the same from an exported model."""

import csv

import keras
import numpy as np
import pytest

import mmkeras as mm
from data_pipelines import Audio, Pipeline, Text, read_table
from data_pipelines.formats.wav_file import wav_file

RATE = 4000
TONES = {"a": 300, "b": 700, "c": 1100, "d": 1500}


def play(text, random):
    """A tone a letter, of 60 to 120 ms, between pauses; a space is a longer one."""
    parts = []
    for letter in text:
        time = np.arange(int(random.uniform(0.06, 0.12) * RATE)) / RATE
        parts.append(0 * time if letter == " " else np.sin(2 * np.pi * TONES[letter] * time))
        parts.append(np.zeros(int(random.uniform(0.03, 0.06) * RATE)))
    samples = 0.3 * np.concatenate(parts)
    return (samples + 0.01 * random.normal(size=samples.size)).astype("float32")


@pytest.fixture
def rows(tmp_path):
    random = np.random.default_rng(0)
    with open(tmp_path / "table.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["clip", "said", "split"])
        for number in range(240):
            words = ["".join(random.choice(list(TONES), random.integers(1, 4))) for _ in range(2)]
            (tmp_path / f"{number}.wav").write_bytes(wav_file(play(" ".join(words), random), RATE))
            writer.writerow([f"{number}.wav", " ".join(words), "test" if number >= 200 else "train"])
    rows = read_table(tmp_path / "table.csv", media_root=tmp_path)
    return {split: rows.where(split=split) for split in ("train", "test")}


@pytest.mark.slow
def test_it_learns_to_hear(rows, tmp_path):
    import tensorflow as tf

    keras.utils.set_random_seed(0)
    inputs = {"clip": Audio(seconds=2, sample_rate=RATE, mel_bins=20)}
    pipe = Pipeline(inputs, {"said": Text("character", max_tokens=12)}).adapt(rows["train"])
    fusion = mm.fusions.TokenTransformer(num_layers=0, name="fusion")
    encoder = mm.encoders.AudioCNNEncoder(32, filters=(32, 32), dropout=0.0, name="clip_encoder")
    model = mm.build(pipe.spec, fusion, {"clip": encoder}, {"said": "CTCDecoder"})
    mm.compile(model, pipe.spec, learning_rate=5e-3, clipnorm=1.0)
    model.fit(pipe.batches(rows["train"], 20, training=True, cache=True), epochs=15, shuffle=False, verbose=0)
    scores = mm.evaluate(model, pipe, rows["test"])["targets"]["said"]
    assert scores["wer"] < 0.2
    mm.export(model, pipe, tmp_path / "saved_model")
    serve = tf.saved_model.load(tmp_path / "saved_model").signatures["serving_default"]
    clips = [(tmp_path / f"{number}.wav").read_bytes() for number in range(200, 240)]
    told = serve(clip=tf.constant([*clips, b""]))["said"].numpy()
    assert told[-1] == b""
    texts = [text.decode() for text in told[:-1].tolist()]
    said = [row["said"] for row in csv.DictReader((tmp_path / "table.csv").read_text().splitlines())][200:]
    assert mm.decoders.CTCDecoder.score(np.array(said), np.ones(40), np.array(texts)) == pytest.approx(scores)
