"""Pictures get captions: four of them are learned by heart, in Chinese and in English, and told by every stage."""

import csv

import keras
import numpy as np
import pytest
import tensorflow as tf

import mmkeras as mm
from data_pipelines import Image, Pipeline, Text, read_table

CAPTIONS = [
    ("red", (255, 0, 0), "一只红色的猫，坐着。", "A red cat's mat; it sits."),
    ("green", (0, 200, 0), "两只绿色的dog在跑！", "Two green dogs (e-dogs) run!"),
    ("blue", (0, 0, 255), "“蓝色”的圆形在3个方块的左边。", 'A "blue" circle, 3.5 cm.'),
    ("grey", (90, 90, 90), "什么也没有……", "Nothing"),
]
TARGETS = {"zh": Text(max_tokens=20), "en": Text(max_tokens=16, lower=False)}
DECODERS = {"zh": "TextTransformerDecoder", "en": "TextLSTMDecoder"}


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    folder = tmp_path_factory.mktemp("captions")
    with open(folder / "table.csv", "w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["picture", "zh", "en"])
        for name, colour, chinese, english in CAPTIONS:
            pixels = np.broadcast_to(np.array(colour, "uint8"), (8, 8, 3))
            (folder / f"{name}.png").write_bytes(tf.io.encode_png(pixels).numpy())
            table.writerow([f"{name}.png", chinese, english])
    return read_table(str(folder / "table.csv"))


@pytest.fixture(scope="module")
def learned(rows):
    keras.utils.set_random_seed(0)
    pipe = Pipeline({"picture": Image(8)}, TARGETS).adapt(rows)
    eyes = mm.encoders.ImagePatchEncoder(dim=32, patch=4, num_layers=1, dropout=0.0)
    model = mm.build(pipe.spec, encoders={"picture": eyes}, decoders=DECODERS, dropout=0.0, fusion="ConcatFusion")
    mm.compile(model, pipe.spec, learning_rate=1e-2)
    batch = next(iter(pipe.batches(rows, 4)))
    for _ in range(60):
        model.train_on_batch(*batch)
    return model, pipe


def due(target):
    return [captions[{"zh": 2, "en": 3}[target]] for captions in CAPTIONS]


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("beams", [1, 3])
def test_they_are_told_again(learned, rows, target, beams):
    model, pipe = learned
    told = mm.generate(model, pipe, rows, target, beams=beams)
    assert told == due(target)
    if target == "zh":
        assert not any(" " in caption for caption in told)


def test_the_scores_are_the_best(learned, rows):
    model, pipe = learned
    scores = mm.evaluate(model, pipe, rows)["targets"]
    for target in TARGETS:
        assert scores[target]["exact_match"] == 1.0


def test_the_file_tells_them_too(learned, rows, tmp_path):
    model, pipe = learned
    mm.export(model, pipe, tmp_path / "exported")
    served = tf.saved_model.load(tmp_path / "exported").signatures["serving_default"]
    pictures = [tf.io.encode_png(np.full((8, 8, 3), colour, "uint8")).numpy() for _, colour, _, _ in CAPTIONS]
    told = served(picture=tf.constant(pictures))
    for target in TARGETS:
        assert [caption.decode() for caption in told[target].numpy()] == due(target)
