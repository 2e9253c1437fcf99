"""Caption → picture: scenes drawn by flow matching, each of two kinds that no training picture shows together.

The table of `scene_table.py`, 32 × 32 pixels. A model that names what is in a picture, trained on other pictures of
scenes and all pairs of kinds, judges test captions' drawn pictures: it must find both colours and both shapes, each on
its side; counts and the relation are told too. The kernel distance is of that judge's features, trained here; no FID or
KID of Inception.

Command: python benchmarks/scenes.py [SHEET.png]
SHEET: the first 64 drawn ones.
Floor: both kinds found in 0.85 of the pictures drawn of test captions.

Last seen, one core of an Intel Xeon, other work on its second core, TensorFlow, one seed, 81 minutes of training: judge
on real test pictures 1.000; guidance 1: both kinds 0.863, colours 1.00, shapes 0.92, counts and relations 1.00, kernel
distance -0.0016; guidance 2: both kinds 0.990, colours 1.00, shapes 0.99, counts and relations 1.00, kernel distance
-0.0012 (training to test pictures 0.0183). Circles and squares are told apart last, since few pixels tell them: stopped
after 55 epochs at 3e-3, with `keras.layers.Embedding` for the words, both kinds were found in 0.477.
On an NVIDIA H100 with the JAX backend, the same model and judge in another script, captions padded to 16 words, 12
other trainings beside, one seed, 300 validation captions of new pairs, guidance 2: both kinds 1.000 after 69 of 80
epochs, in six minutes.
"""

import io
import os
import pathlib
import sys
import tempfile
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import numpy as np
import pandas as pd
import PIL.Image
from scene_table import write_scenes

import mmkeras as mm
from data_pipelines import Category, Image, Pipeline, Text, read_table
from mmkeras.metrics.picture_scores import features_of, kernel_distance

ROWS, EPOCHS, BATCH, RATE = 12000, 80, 32, 2e-3
JUDGE_EPOCHS = 6
ASKED = 300
KINDS = ("first_colour", "first_shape", "second_colour", "second_shape")
FACTS = (*KINDS, "first_count", "second_count", "relation")
FLOOR = 0.85


def main():
    with tempfile.TemporaryDirectory() as folder:
        table = scenes(os.path.join(folder, "scenes"), train=ROWS, val=0, test=ASKED)
        rows = {split: table.where(split=split) for split in ("train", "test")}
        judge = train_judge(scenes(os.path.join(folder, "others"), train=6000, val=1000, test=2000, seed=1))
        real = [pathlib.Path(folder, "scenes", name).read_bytes() for name in rows["test"].values("picture")]
        found(judge, rows["test"], real, "real test pictures")
        known = [pathlib.Path(folder, "scenes", name).read_bytes() for name in rows["train"].values("picture")[:ASKED]]
        features = features_of(judge[0], pixels(real), "picture")
        far = kernel_distance(features_of(judge[0], pixels(known), "picture"), features)
        print(f"kernel distance of training to test pictures {far:.4f}")
        start = time.time()
        model, pipe = train_painter(rows["train"])
        print(f"trained in {(time.time() - start) / 60:.1f} minutes, {model.count_params()} weights", flush=True)
        for guidance in (1.0, 2.0):
            drawn = mm.generate(model, pipe, rows["test"], "picture", batch_size=100, guidance=guidance)
            share = found(judge, rows["test"], drawn, f"guidance {guidance}")
            far = kernel_distance(features_of(judge[0], pixels(drawn), "picture"), features)
            print(f"guidance {guidance}: kernel distance {far:.4f}", flush=True)
        if len(sys.argv) > 1:
            sheet(drawn).save(sys.argv[1])
    if share < FLOOR:
        sys.exit("below the floor")


def scenes(folder, **options):
    """Rows of a new table."""
    return read_table(write_scenes(folder, **options), media_root=folder)


def train_judge(rows):
    """A model that names the facts of a scene, and its pipeline."""
    keras.utils.set_random_seed(0)
    pipe = Pipeline({"picture": Image(32)}, {fact: Category() for fact in FACTS}).adapt(rows)
    eyes = mm.encoders.ImageCNNEncoder(dim=64, filters=(16, 32, 64), dropout=0.0, name="picture_encoder")
    model = mm.build(pipe.spec, encoders={"picture": eyes}, dropout=0.05)
    mm.compile(model, pipe.spec, learning_rate=1e-3, ema_momentum=0.99)
    model.fit(pipe.batches(rows, 32, training=True), epochs=JUDGE_EPOCHS, shuffle=False, verbose=0)
    return model, pipe


def found(judge, rows, files, what):
    """The share of pictures in which the judge finds both kinds that the rows tell of."""
    shown = read_table(pd.DataFrame({"picture": files}))
    told = list(mm.predict(*judge, shown))
    right = {fact: np.concatenate([part[fact] for part in told]) == rows.values(fact) for fact in FACTS}
    kinds, all_of_it = (np.mean(np.all([right[fact] for fact in facts], 0)) for facts in (KINDS, FACTS))
    each = ", ".join(f"{fact} {np.mean(value):.3f}" for fact, value in right.items())
    print(f"{what}: both kinds {kinds:.3f}, everything {all_of_it:.3f} ({each})", flush=True)
    return kinds


def pixels(files):
    return np.stack([np.asarray(PIL.Image.open(io.BytesIO(file))) for file in files]).astype("float32") / 255.0


def train_painter(rows):
    """A model that draws what a caption says, and its pipeline."""
    keras.utils.set_random_seed(0)
    pipe = Pipeline({"caption": Text(max_tokens=16)}, {"picture": Image(32)}).adapt(rows)
    reader = mm.encoders.TextTransformerEncoder.from_spec(
        pipe.spec["inputs"]["caption"], dim=64, dropout=0.0, num_layers=1, name="caption_encoder"
    )
    decoder = mm.decoders.ImageFlowDecoder((32, 32, 3), widths=(32, 64), patch=2, name="picture")
    model = mm.build(pipe.spec, encoders={"caption": reader}, decoders={"picture": decoder}, dropout=0.0)
    steps = EPOCHS * -(-len(rows) // BATCH)
    rate = keras.optimizers.schedules.CosineDecay(RATE / 10, steps, warmup_target=RATE, warmup_steps=200)
    mm.compile(model, pipe.spec, learning_rate=rate, ema_momentum=0.995, clipnorm=1.0)
    model.fit(pipe.batches(rows, BATCH, training=True, cache=True), epochs=EPOCHS, shuffle=False, verbose=2)
    return model, pipe


def sheet(files):
    """The first 64 as one picture, eight a line."""
    framed = np.pad(pixels(files[:64]), [(0, 0), (1, 1), (1, 1), (0, 0)]).reshape(8, 8, 34, 34, 3)
    whole = framed.transpose(0, 2, 1, 3, 4).reshape(272, 272, 3)
    return PIL.Image.fromarray(np.round(255 * whole).astype("uint8")).resize((816, 816), PIL.Image.Resampling.NEAREST)


if __name__ == "__main__":
    main()
