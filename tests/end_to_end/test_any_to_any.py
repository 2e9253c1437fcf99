"""Every input to every output by one transformer over tokens: trained, judged, saved, exported."""

import io

import keras
import numpy as np
import pandas as pd
import PIL.Image
import pytest

import mmkeras as mm
from data_pipelines import Audio, Category, Image, Pipeline, Text, read_table
from data_pipelines.formats.wav_file import wav_file
from mmkeras.training.not_finite_error import NotFiniteError

SIDES = ("left", "right")
COLOURS = {"left": (250, 20, 20), "right": (20, 20, 250)}
RATE = 1000


def png(array):
    file = io.BytesIO()
    PIL.Image.fromarray(array).save(file, "PNG")
    return file.getvalue()


def opened(data):
    return np.asarray(PIL.Image.open(io.BytesIO(data)))


def row(place):
    """A half of one colour, what it is called in three ways, and a tone that is longer for the right."""
    side = SIDES[place % 2]
    picture = np.full((8, 8, 3), 240, "uint8")
    picture[:, slice(0, 4) if side == "left" else slice(4, 8)] = COLOURS[side]
    length = 200 if side == "left" else 400
    return {
        "picture": png(picture),
        "title": {"left": "a red half", "right": "the blue one here"}[side],
        "side": side,
        "tone": wav_file(np.sin(np.arange(length) * (0.5 + place % 2)).astype("float32") * 0.5, RATE),
    }


@pytest.fixture(scope="module")
def table():
    rows = [row(place) for place in range(64)]
    for place in (5, 20):
        rows[place].update(picture=b"", title="", tone=b"")
    return pd.DataFrame(rows)


@pytest.fixture(scope="module")
def trained(table):
    """Three inputs, all of them answers too, and a sound as a fourth answer."""
    keras.utils.set_random_seed(0)
    rows = read_table(table)
    sounds = {"seconds": 0.5, "sample_rate": RATE, "mel_bins": 4, "frame_seconds": 0.032, "hop_seconds": 0.016}
    pipe = Pipeline(
        {"picture": Image(8), "title": Text(max_tokens=6), "side": Category()},
        {
            "picture_out": Image(8, column="picture"),
            "title_out": Text(max_tokens=6, column="title"),
            "side_out": Category(column="side"),
            "tone": Audio(**sounds),
        },
    ).adapt(rows)
    options = {"epochs": 20, "batch_size": 16, "learning_rate": 1e-2, "verbose": 0}
    shape, label = pipe.spec["targets"]["picture_out"].shape, pipe.spec["targets"]["tone"]
    own = mm.tokenizers.ImageTokenizer(shape, levels=(4, 4), filters=(16,))
    heard = mm.tokenizers.AudioTokenizer.from_spec(label, levels=(4, 4), filters=(16, 16))
    tokenizers = {
        "picture_out": mm.fit_tokenizer(pipe, rows, "picture_out", own, **options),
        "tone": mm.fit_tokenizer(pipe, rows, "tone", heard, **options),
    }
    model = mm.build(
        pipe.spec,
        encoders={
            "picture": mm.encoders.ImageCNNEncoder(dim=32, filters=(16,), dropout=0.0),
            "title": "TextBagEncoder",
        },
        fusion=mm.fusions.ConcatFusion(dropout=0.0),
        decoder=mm.layers.ContextTransformer(num_layers=1, dropout=0.0),
        tokenizers=tokenizers,
        dim=32,
        modality_dropout=0.5,
    )
    mm.compile(model, pipe.spec, learning_rate=5e-3)
    model.fit(pipe.batches(rows, 16, training=True, cache=True), epochs=25, shuffle=False, verbose=0)
    return model, pipe, rows


INPUTS = ("picture", "title", "side")


def asked():
    """Two rows, left and right, for each input that is all they have."""
    empty = {"picture": b"", "title": "", "side": ""}
    return pd.DataFrame([{**empty, name: row(place)[name]} for name in INPUTS for place in (0, 1)])


@pytest.fixture(scope="module")
def answers(trained):
    model, pipe, _ = trained
    (told,) = mm.predict(model, pipe, read_table(asked()), seed=3)
    return told


def test_one_transformer_serves_all_targets(trained):
    model, _, _ = trained
    shared = {id(model.get_layer(name).transformer) for name in ("picture_out", "title_out", "tone", "side_out_query")}
    assert len(shared) == 1


@pytest.mark.parametrize("shown", INPUTS)
def test_every_input_gives_every_output(answers, shown):
    told = {name: values[2 * INPUTS.index(shown) :][:2] for name, values in answers.items()}
    assert told["title_out"].tolist() == ["a red half", "the blue one here"]
    assert told["side_out"].tolist() == list(SIDES)
    for place, file in enumerate(told["picture_out"]):
        half = slice(0, 4) if place == 0 else slice(4, 8)
        assert np.abs(opened(file)[:, half].astype(float).mean((0, 1)) - COLOURS[SIDES[place]]).max() < 100
    assert len(told["tone"][0]) < 0.8 * len(told["tone"][1])


def test_an_evaluation_scores_every_target(trained, table):
    model, pipe, _ = trained
    scores = mm.evaluate(model, pipe, read_table(table[8:16]))
    for part in (scores["targets"], scores["only"]["title"], scores["without"]["picture"]):
        assert part["title_out"]["exact_match"] > 0.9
        assert part["side_out"]["accuracy"] > 0.9
        assert part["picture_out"]["psnr"] > 12
        assert part["tone"]["length_error"] < 0.1


def test_a_file_gives_the_same_and_still_shares(trained, answers, tmp_path):
    model, pipe, _ = trained
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
    assert loaded.get_layer("tone").transformer is loaded.get_layer("side_out_query").transformer
    assert loaded.count_params() == model.count_params()
    (told,) = mm.predict(loaded, pipe, read_table(asked()), seed=3)
    for name, values in answers.items():
        np.testing.assert_array_equal(told[name], values)


def test_a_saved_model_answers_in_text_picture_and_sound(trained, answers, tmp_path):
    import tensorflow as tf

    model, pipe, _ = trained
    mm.export(model, pipe, tmp_path / "served", seed=3)
    serve = tf.saved_model.load(tmp_path / "served").signatures["serving_default"]
    given = serve(**{name: tf.constant(cells.tolist()) for name, cells in asked().items()})
    assert [text.decode() for text in given["title_out"].numpy()] == answers["title_out"].tolist()
    for file, same in zip(given["picture_out"].numpy(), answers["picture_out"], strict=True):
        assert np.abs(opened(file).astype(int) - opened(same)).max() <= 1
    assert [len(file) for file in given["tone"].numpy()] == [len(file) for file in answers["tone"]]


def test_how_it_is_drawn_is_up_to_the_asker(trained):
    model, pipe, _ = trained
    rows = read_table(asked())
    first, again = (mm.generate(model, pipe, rows, "picture_out", seed=1, temperature=9.0, steps=1) for _ in range(2))
    assert first == again and len(set(first)) == 6


def test_a_tokenizer_whose_loss_is_not_finite_is_not_trained_on(trained):
    _, pipe, rows = trained
    tokenizer = mm.tokenizers.ImageTokenizer((8, 8, 3), levels=(4, 4), filters=(16,))
    with pytest.raises(NotFiniteError, match=r"fit_tokenizer: the loss must be a finite number. .* in epoch 1, "):
        options = {"epochs": 2, "batch_size": 16, "learning_rate": 1e38, "verbose": 0}
        mm.fit_tokenizer(pipe, rows, "picture_out", tokenizer, **options)


def test_what_decoders_and_tokenizers_must_be(trained):
    _, pipe, rows = trained
    with pytest.raises(ValueError, match=r"must have a trained tokenizer.*Do: mm.build.*fit_tokenizer"):
        mm.build(pipe.spec, decoder="tokens")
    with pytest.raises(ValueError, match=r'decoder must be "tokens".*decoder=\'words\''):
        mm.build(pipe.spec, decoder="words")
    with pytest.raises(ValueError, match=r'decoder must be "tokens".*decoder=None'):
        mm.build(pipe.spec, tokenizers={"tone": mm.tokenizers.TextTokenizer(9)})
    with pytest.raises(ValueError, match=r"parts must be for targets.*\['nobody'\]"):
        mm.build(pipe.spec, decoder="tokens", tokenizers={"nobody": mm.tokenizers.TextTokenizer(9)})
    for target in ("title_out", "nobody"):
        with pytest.raises(ValueError, match=rf"target must be one of \['Audio', 'Image'\].*target='{target}'"):
            mm.fit_tokenizer(pipe, rows, target)
