"""Text → speech on the bundled prompts, one voice: unseen prompts said, against the mean sound.

Command: python benchmarks/speak.py --folder OUT
OUT gets a WAV of every unseen prompt and `spectrograms.png`, five real ones with those made beside them.
Data: data_pipelines/datasets/prompts, Italian, 8 kHz; 333 prompts (8.4 minutes) for training, 89 tested; CC-BY-3.0.
Floors: mel-cepstral distortion at most 0.85 of that of the mean frame over the mean length; length error at most
0.25 s.
Last seen, on a busy machine with two cores, 15 minutes: distortion 5.18 dB, of the mean sound 6.55, ratio 0.79; length
error 0.12 s. One seed. Words are blurred; nobody has measured how many can be understood.
"""

import argparse
import os
import sys
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import numpy as np

import mmkeras as mm
from data_pipelines import Audio, Pipeline, Text, read_table
from data_pipelines.datasets import folder
from mmkeras.metrics.sound_scores import mel_cepstral_distortion

BATCH = 16
FLOOR, LENGTH_FLOOR = 0.85, 0.25


def sounds(language):
    """Rows of one voice by split."""
    rows = read_table(os.path.join(folder("prompts"), "table.csv")).where(language=language)
    return {split: rows.where(split=split) for split in ("train", "val", "test")}


def trained(rows, epochs, seed):
    """A model that has learned to speak, and its pipeline."""
    keras.utils.set_random_seed(seed)
    voice = Audio(5.0, 8000, frame_seconds=0.04, hop_seconds=0.0125, column="recording")
    text = Text("character", column="transcript")
    pipe = Pipeline({"text": text}, {"voice": voice}).adapt(rows["train"])
    fusion = mm.fusions.TokenTransformer(num_layers=1, name="fusion")
    model = mm.build(pipe.spec, fusion, encoders={"text": "TextLSTMEncoder"}, dim=96)
    steps = epochs * -(-len(rows["train"]) // BATCH)
    rate = keras.optimizers.schedules.CosineDecay(0.0, steps, warmup_target=2e-3, warmup_steps=steps // 20)
    mm.compile(model, pipe.spec, learning_rate=rate, weight_decay=1e-3, clipnorm=1.0, ema_momentum=0.99)
    batches = pipe.batches(rows["train"], BATCH, training=True, cache=True)
    fit = {"epochs": epochs, "shuffle": False, "verbose": 2}
    model.fit(batches, validation_data=pipe.batches(rows["val"], 32, cache=True), **fit)
    return model, pipe


def labels(pipe, rows):
    """Log-mel frames of each recording."""
    for _, y, _ in pipe.batches(rows, 64):
        for label in y["voice"].numpy():
            yield label[label[:, -1] > 0, :-1]


def mean_sound(pipe, rows):
    """The mean frame of the training part, for its mean length."""
    frames = list(labels(pipe, rows))
    return np.tile(np.concatenate(frames).mean(0), (round(np.mean([len(part) for part in frames])), 1))


def draw(real, told, place):
    """Five spectrograms of real prompts, and those made beside them."""
    from PIL import Image

    wide = max(max(len(one), len(other)) for one, other in zip(real, told, strict=True))
    lines = []
    for pair in zip(real, told, strict=True):
        grey = [np.clip((part.T[::-1] + 11.5) / 15, 0, 1) for part in pair]
        grey = [np.pad(part, ((2, 2), (2, wide - part.shape[1] + 2)), constant_values=1.0) for part in grey]
        lines.append(np.concatenate(grey, axis=1))
    picture = (np.concatenate(lines) * 255).astype("uint8").repeat(3, axis=0).repeat(3, axis=1)
    Image.fromarray(picture).save(place)


def main():
    parse = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parse.add_argument("--folder", required=True)
    parse.add_argument("--epochs", type=int, default=60)
    parse.add_argument("--seed", type=int, default=0)
    options = parse.parse_args()
    began = time.time()
    rows = sounds("it")
    model, pipe = trained(rows, options.epochs, options.seed)
    score = mm.evaluate(model, pipe, rows["test"], batch_size=32, subsets=False)["targets"]["voice"]
    real, usual = list(labels(pipe, rows["test"])), mean_sound(pipe, rows["train"])
    mean = np.mean([mel_cepstral_distortion(frames, usual) for frames in real])
    os.makedirs(options.folder, exist_ok=True)
    told = write(model, pipe, rows["test"], options.folder)
    places = np.linspace(0, len(real) - 1, 5).astype(int)
    draw([real[n] for n in places], [told[n] for n in places], os.path.join(options.folder, "spectrograms.png"))
    ratio = score["mel_cepstral_distortion"] / mean
    print(f"{score}; mean sound {mean:.2f} dB, ratio {ratio:.3f}; {(time.time() - began) / 60:.1f} minutes")
    if ratio > FLOOR or score["length_error"] > LENGTH_FLOOR:
        sys.exit("below the floor")


def write(model, pipe, rows, place):
    """Writes a WAV of every row; gives their log-mel frames."""
    wavs = np.concatenate([answers["voice"] for answers in mm.predict(model, pipe, rows, batch_size=32)])
    for number, wav in enumerate(wavs):
        with open(os.path.join(place, f"{number:03}.wav"), "wb") as file:
            file.write(wav)
    return [pipe.targets["voice"].decode(wav).numpy() for wav in wavs]


if __name__ == "__main__":
    main()
