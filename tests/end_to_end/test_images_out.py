"""Pictures and masks as answers, from files to files: drawn, repaired, segmented, scored, exported."""

import base64
import io
import re

import keras
import numpy as np
import pandas as pd
import PIL.Image
import pytest

import mmkeras as mm
from data_pipelines import Category, Image, Pipeline, read_table
from mmkeras.metrics.picture_scores import kernel_distance
from mmkeras.views.tallies import PictureTally, target_tallies

SIDES = ("left", "right")
COLOURS = {"left": (250, 20, 20), "right": (20, 20, 250)}


def png(array, palette=None):
    image = PIL.Image.fromarray(array, "P" if palette else None)
    if palette:
        image.putpalette(palette)
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def opened(data):
    return np.asarray(PIL.Image.open(io.BytesIO(data)))


@pytest.fixture(scope="module")
def table():
    """Halves of one colour: whole, with a hole, as a mask with a palette; some answers are missing."""
    random = np.random.default_rng(0)
    rows = []
    for place in range(64):
        side = SIDES[place % 2]
        half = slice(0, 4) if side == "left" else slice(4, 8)
        picture = np.full((8, 8, 3), 240, "uint8")
        picture[:, half] = COLOURS[side]
        holed, mask = picture.copy(), np.zeros((8, 8), "uint8")
        top = random.integers(0, 5)
        holed[top : top + 3, 2:6] = 0
        mask[:, half] = 1 + place % 2
        cells = {
            "side": side,
            "whole": png(picture),
            "holed": png(holed),
            "mask": png(mask, [9, 9, 9, 250, 0, 0, 0, 250, 0]),
        }
        if place % 16 == 5:
            cells.update(whole=b"", mask=b"")
        rows.append(cells)
    return pd.DataFrame(rows)


def fitted(table, inputs, targets, decoder=None, epochs=12):
    keras.utils.set_random_seed(0)
    rows = read_table(table)
    pipe = Pipeline(inputs, targets).adapt(rows)
    model = mm.build(pipe.spec, decoders=decoder, dim=16, dropout=0.0)
    mm.compile(model, pipe.spec, learning_rate=5e-3)
    model.fit(pipe.batches(rows, 16, training=True), epochs=epochs, shuffle=False, verbose=0)
    return model, pipe, rows


@pytest.fixture(scope="module")
def drawn(table):
    decoder = mm.decoders.ImageFlowDecoder((8, 8, 3), widths=(16, 32), name="whole")
    return fitted(table, {"side": Category()}, {"whole": Image(8)}, {"whole": decoder}, epochs=25)


def test_a_picture_is_drawn_of_what_was_asked(drawn):
    model, pipe, _ = drawn
    asked = read_table(pd.DataFrame({"side": ["left", "right"] * 4}))
    files = mm.generate(model, pipe, asked, "whole", steps=12)
    for place, file in enumerate(files):
        half = slice(0, 4) if place % 2 == 0 else slice(4, 8)
        colour = opened(file)[:, half].astype(float).mean((0, 1))
        assert np.abs(colour - COLOURS[SIDES[place % 2]]).max() < 60
    again = mm.generate(model, pipe, asked, "whole", steps=12)
    assert again == files and mm.generate(model, pipe, asked, "whole", steps=12, seed=1) != files
    assert len(set(files)) == 8


def test_drawn_pictures_are_scored_and_predicted(drawn):
    model, pipe, rows = drawn
    scores = mm.evaluate(model, pipe, rows)["targets"]["whole"]
    assert scores["psnr"] > 10 and scores["ssim"] > 0.5
    (first, *_) = mm.predict(model, pipe, rows)
    assert opened(first["whole"][0]).shape == (8, 8, 3)


def test_the_report_shows_drawn_pictures_beside_real_ones(drawn, tmp_path):
    model, pipe, rows = drawn
    known = {"rows": 64, "targets": {"whole": {"psnr": 20.0, "ssim": 0.9}}}
    with open(mm.report(model, pipe, rows, tmp_path, metrics=known, examples=0), encoding="utf-8") as file:
        page = file.read()
    sheets = re.findall(r'<img src="data:image/png;base64,([^"]+)" alt="(generated|real) pictures">', page)
    (_, first), (_, second) = (kinds := [(name, opened(base64.b64decode(data))) for data, name in sheets])
    assert [name for name, _ in kinds] == ["generated", "real"] and first.shape == second.shape == (30, 80, 3)
    near, half = re.search(r"generated to real pictures: (\S+); one half .*: (\S+)\. About", page).groups()
    assert -0.1 < float(near.replace("−", "-")) < 0.1 and abs(float(half.replace("−", "-"))) < 0.1


def test_a_tally_of_pictures_leaves_out_rows_without_one(drawn):
    tally = PictureTally(drawn[1].targets["whole"], 40)
    real = np.random.default_rng(0).uniform(size=(40, 8, 8, 3))
    weights = np.arange(40) % 4 > 0
    assert tally.distances is None
    tally.add(real, weights, np.where(weights[:, None, None, None], 1 - real, np.nan))
    assert len(tally.real) == len(tally.told) == 24 and np.isfinite(tally.told).all()
    kept = real[weights].reshape(30, -1)
    assert tally.distances == (kernel_distance(1 - kept, kept), kernel_distance(kept[::2], kept[1::2]))


def test_masks_have_no_sheet():
    assert set(target_tallies({"photo": Image(8), "mask": Image(8, classes=3)}, 5)) == {"photo"}


def test_a_saved_model_answers_with_png(drawn, tmp_path):
    import tensorflow as tf

    model, pipe, _ = drawn
    mm.export(model, pipe, tmp_path / "served", generate={"whole": {"steps": 4}}, seed=3)
    serve = tf.saved_model.load(tmp_path / "served").signatures["serving_default"]
    sides = ["left", "right", ""]
    files = serve(side=tf.constant(sides))["whole"].numpy()
    wanted = mm.generate(model, pipe, read_table(pd.DataFrame({"side": sides})), "whole", steps=4, seed=3)
    for file, same in zip(files, wanted, strict=True):
        assert np.abs(opened(file).astype(int) - opened(same)).max() <= 1


def test_a_hole_is_filled(table):
    decoder = mm.decoders.ImageCNNDecoder((8, 8, 3), filters=(32,), dropout=0.0, name="whole")
    model, pipe, rows = fitted(table, {"holed": Image(8)}, {"whole": Image(8)}, {"whole": decoder})
    scores = mm.evaluate(model, pipe, rows)["targets"]["whole"]
    pairs = [(opened(a) / 255, opened(b) / 255) for a, b in zip(table["holed"], table["whole"], strict=True) if b]
    before = np.mean([-10 * np.log10(((first - second) ** 2).mean()) for first, second in pairs])
    assert scores["psnr"] > before + 6
    assert scores["ssim"] > 0.8


def test_a_mask_is_found(table):
    model, pipe, rows = fitted(table, {"holed": Image(8)}, {"mask": Image(8, classes=3)})
    assert isinstance(model.get_layer("mask"), mm.decoders.ImageSegmentationDecoder)
    scores = mm.evaluate(model, pipe, rows)["targets"]["mask"]
    assert scores["pixel_accuracy"] > 0.97 and scores["mean_iou"] > 0.9
    (first, *_) = mm.predict(model, pipe, rows)
    told, due = opened(first["mask"][0]), opened(table["mask"][0])
    assert told.shape == (8, 8) and (told == due).mean() > 0.9
