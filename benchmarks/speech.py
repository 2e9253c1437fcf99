"""Real speech → what is said: one Italian voice, 20 minutes of a telephone system's prompts, learned from nothing.

Prompts are read whole, of any length; which part they are in goes by a hash of their name, and a transcript is in one
part only. The recogniser is trained on 2.5, 5, 10 and all minutes of the training part, and once on all of them with
recordings and transcripts shuffled, so that only the language is left to learn. Sizes, rates and steps were chosen on
the validation part.

Unpack two of Debian's packages first (`apt-get download`, then `dpkg-deb -x PACKAGE.deb FOLDER`):
asterisk-core-sounds-it-wav (recordings) and asterisk-core-sounds-it (transcripts), both 1.6.1-1.

Command: python benchmarks/speech.py FOLDER
Last seen, two shared cores of an Intel Xeon, no GPU, 5 to 16 minutes a training at a fraction of their time, one seed,
character error rate on the 103 unseen prompts:

    minutes of training      2.5     5      10    14.5   14.5, shuffled
    recordings                63    102    239    383    383
    characters wrong       0.549  0.437  0.310  0.258  0.721
    words wrong            0.975  0.940  0.870  0.80

From all of it a tenth of the prompts is right to the letter. The last two columns were measured days before the others.
Floors: character error rate on unseen prompts 0.45 at the most, from all minutes; shuffled, worse by 0.3 at the least.
"""

import argparse
import csv
import os
import random
import re
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import soundfile

import mmkeras as mm
from data_pipelines import Audio, Pipeline, Text, read_table
from data_pipelines.datasets.prompts import build

RATE = 8000
DIGITS = ["zero", "uno", "due", "tre", "quattro", "cinque", "sei", "sette", "otto", "nove"]
MINUTES = (2.5, 5, 10, None)
STEPS, BATCH, LEARNING_RATE = 1100, 8, 1.5e-3
VARY = {"time_mask": 0.05, "frequency_mask": 0.2, "gain": 6}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="where both packages are unpacked")
    parser.add_argument(
        "--minutes", type=float, nargs="*", help="of training, no floor; default: 2.5 5 10, all, and all shuffled"
    )
    parser.add_argument("--part", default="test", choices=("val", "test"), help="what is judged; default: test")
    arguments = parser.parse_args()
    rows = read_prompts(arguments.folder)
    wanted = MINUTES if arguments.minutes is None else arguments.minutes
    rates = {minutes: judge(shorten(rows, minutes), arguments.part) for minutes in wanted}
    if None not in rates:
        return
    shuffled = judge(shuffle(rows), arguments.part, "shuffled, ")
    print(", ".join(f"{minutes or 'all'} minutes: {rate:.3f}" for minutes, rate in rates.items()), end="; ")
    print(f"shuffled: {shuffled:.3f}")
    if rates[None] > 0.45 or shuffled < rates[None] + 0.3:
        sys.exit("below the floor")


def read_prompts(folder):
    """Rows of every recording that has a transcript, spelled as it is said, with their part."""
    text = next(folder.rglob("core-sounds-it.txt*"))
    place = next(path.parent for path in folder.rglob("vm-password.wav"))
    files = {path.relative_to(place).with_suffix("").as_posix().lower(): path for path in place.rglob("*.wav")}
    rows = []
    for prompt, transcript in sorted(build.read_transcripts(text).items()):
        transcript = spell(transcript)
        if prompt in build.NOT_SPEECH or prompt not in files or not transcript:
            continue
        seconds = soundfile.info(files[prompt]).duration
        rows.append(
            {
                "recording": str(files[prompt]),
                "transcript": transcript,
                "language": "it",
                "prompt": prompt,
                "seconds": seconds,
            }
        )
    build.assign_splits(rows)
    return rows


def spell(transcript):
    """Lower-case words, digits as they are said."""
    return re.sub(r"\d", lambda digit: f" {DIGITS[int(digit[0])]} ", build.plain(transcript)).strip()


def shorten(rows, minutes):
    """The rows with so many minutes of training only, drawn at random."""
    train = [row for row in rows if row["split"] == "train"]
    random.Random(0).shuffle(train)
    kept, seconds = [], 0.0
    for row in train:
        if minutes is None or seconds + row["seconds"] <= 60 * minutes:
            kept.append(row)
            seconds += row["seconds"]
    return [*kept, *(row for row in rows if row["split"] != "train")]


def shuffle(rows):
    """The rows, each transcript of the training part given to another recording of about the same length."""
    train = sorted((row for row in rows if row["split"] == "train"), key=lambda row: row["seconds"])
    draw, shuffled = random.Random(0), []
    for start in range(0, len(train), 16):
        group = train[start : start + 16]
        step = draw.randrange(1, len(group))
        shuffled += [{**row, "transcript": group[place - step]["transcript"]} for place, row in enumerate(group)]
    return [*shuffled, *(row for row in rows if row["split"] != "train")]


def judge(rows, part, title=""):
    """Character error rate of a recogniser trained on the rows."""
    started = time.time()
    minutes = sum(row["seconds"] for row in rows if row["split"] == "train") / 60
    with tempfile.TemporaryDirectory() as place:
        table = os.path.join(place, "table.csv")
        with open(table, "w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, ["recording", "transcript", "seconds", "split"], extrasaction="ignore")
            writer.writeheader()
            writer.writerows(rows)
        parts = {name: read_table(table).where(split=name) for name in ("train", "val", "test")}
        model, pipe = train(parts)
        scores = mm.evaluate(model, pipe, parts[part])["targets"]["transcript"]
        print_examples(model, pipe, parts[part])
    told = ", ".join(f"{name} {value:.3f}" for name, value in scores.items())
    counts = f"{len(parts['train'])} recordings, {minutes:.1f} minutes"
    print(f"{title}{counts}: {part} {told} ({(time.time() - started) / 60:.1f} minutes)", flush=True)
    return scores["cer"]


def train(parts, seed=0):
    """Learns from the training rows; the loss on the validation rows is printed."""
    keras.utils.set_random_seed(seed)
    pipe = pipeline(parts["train"])
    model = mm.build(
        pipe.spec,
        fusion=mm.fusions.TokenTransformer(num_layers=0, name="fusion"),
        encoders={"recording": mm.encoders.AudioConformerEncoder(128, name="recording_encoder")},
        decoders={"transcript": "CTCDecoder"},
    )
    rate = keras.optimizers.schedules.CosineDecay(
        LEARNING_RATE / 20, STEPS, warmup_target=LEARNING_RATE, warmup_steps=STEPS // 10
    )
    mm.compile(model, pipe.spec, learning_rate=rate, weight_decay=0.01, clipnorm=1.0)
    batches = pipe.batches(parts["train"], BATCH, training=True, seed=seed, cache=True, bucket_by_length=True)
    judged = pipe.batches(parts["val"], BATCH, cache=True)
    epochs = STEPS // -(-len(parts["train"]) // BATCH)
    model.fit(batches, validation_data=judged, validation_freq=5, epochs=epochs, shuffle=False, verbose=2)
    return model, pipe


def pipeline(train):
    """Recordings in, letters out."""
    inputs = {"recording": Audio(seconds=31, sample_rate=RATE, augment=VARY)}
    return Pipeline(inputs, {"transcript": Text("character", max_tokens=500)}).adapt(train)


def print_examples(model, pipe, rows):
    """What is told of a few recordings."""
    x, y, _ = next(iter(pipe.batches(rows, 8)))
    told = mm.generator(model).predict_on_batch({name: value for name, value in x.items() if "_target" not in name})
    target = pipe.targets["transcript"]
    for text, other in zip(target.units(y["transcript"]), target.units(told["transcript"]), strict=True):
        print(f"  {text} → {other}")


if __name__ == "__main__":
    main()
