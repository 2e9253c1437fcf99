"""A trained model as the judge of answers: what it is sure of wins, and nothing else."""

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from tiny_table import write_table

import mmkeras as mm
from data_pipelines import Category, Image, Number, Pipeline, Text, read_table

COLOURS = {"red": (220, 30, 20), "green": (30, 200, 40), "blue": (20, 40, 230)}


def picture(name, noise=0):
    random = np.random.default_rng(noise)
    pixels = np.clip(np.array(COLOURS[name]) + random.integers(-20, 20, (8, 8, 3)), 0, 255)
    return tf.io.encode_png(pixels.astype("uint8")).numpy()


@pytest.fixture(scope="module")
def reader():
    """(model, pipeline) that names the colour of a picture; a number tells nothing."""
    names = [list(COLOURS)[place % 3] for place in range(60)]
    table = {"photo": [picture(name, place) for place, name in enumerate(names)], "size": ["1"] * 60, "colour": names}
    rows = read_table(pd.DataFrame(table))
    pipe = Pipeline({"photo": Image(8), "size": Number()}, {"colour": Category()}).adapt(rows)
    keras.utils.set_random_seed(0)
    # Smoothed labels: of what it is quite sure of, Keras' loss knows no logarithm below that of 1e-7.
    model = mm.compile(mm.build(pipe.spec, dim=16), pipe.spec, learning_rate=5e-3, label_smoothing=0.1)
    model.fit(pipe.batches(rows, 12, training=True, cache=True), epochs=15, shuffle=False, verbose=0)
    return model, pipe


def asked(*colours):
    return read_table(pd.DataFrame({"colour": colours}))


def test_merits_are_log_probabilities_of_what_was_asked_for(reader):
    model, pipe = reader
    wanted = ["red", "blue", "green", "red"]
    answers = [picture(name, 100 + place) for place, name in enumerate(["red", "blue", "blue", "green"])]
    merits = mm.preference(*reader, "photo", batch_size=3)(answers, asked(*wanted))
    assert min(merits[:2]) > np.log(0.5) > max(merits[2:])
    x = next(iter(pipe.batches(read_table(pd.DataFrame({"photo": answers, "size": [""] * 4})), 4, with_targets=False)))
    chances = np.asarray(model.predict_on_batch(x)["colour"])
    places = [pipe.targets["colour"].classes.index(name) for name in wanted]
    np.testing.assert_allclose(merits, np.log(chances[range(4), places]), rtol=1e-4, atol=1e-5)


def test_nothing_said_and_nothing_asked_have_no_merit(reader):
    merits = mm.preference(*reader, "photo")(
        [picture("red"), b"", picture("red"), b"no picture"], asked("red", "red", "", "red")
    )
    assert np.isnan(merits).tolist() == [False, True, True, False]


def test_texts_are_judged_by_what_they_are_told(tmp_path):
    rows = write_table(tmp_path)
    pipe = Pipeline({"maker": Category()}, {"story": Text(max_tokens=5), "kind": Category()}, on_bad="mask").adapt(rows)
    model = mm.compile(mm.build(pipe.spec, dim=16), pipe.spec)
    merits = mm.preference(model, pipe, "maker", batch_size=5)(["ann"] * len(rows), rows)
    assert merits.shape == (12,) and np.isfinite(merits).all()


def test_what_it_cannot_judge_it_says(reader):
    with pytest.raises(ValueError, match=r"answer must be an input of one column.*'colour'.*\['photo', 'size'\]"):
        mm.preference(*reader, "colour")
    judge = mm.preference(*reader, "photo")
    with pytest.raises(ValueError, match="1 answers, 2 rows"):
        judge([picture("red")], asked("red", "red"))
    with pytest.raises(ValueError, match="a column must be in the table"):
        judge([picture("red")], read_table(pd.DataFrame({"other": ["x"]})))
