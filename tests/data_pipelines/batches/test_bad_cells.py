"""Every kind of bad cell, under every policy: the message, the counts, and the rows beside it."""

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from media_bytes import image_bytes, picture, png_bytes, tone, wav_bytes

from data_pipelines import Audio, Category, Image, Number, Pipeline, Tags, Text, read_table

WAV = wav_bytes(tone(440, 0.1))
PNG = image_bytes(picture(20, 20))


@pytest.fixture(scope="module")
def media(tmp_path_factory):
    """A folder of good and bad files."""
    folder = tmp_path_factory.mktemp("media")
    files = {
        "good.png": PNG,
        "good.wav": WAV,
        "stereo44.wav": wav_bytes(np.stack([tone(440, 0.1, 44100)] * 2, 1), 44100),
        "empty.png": b"",
        "empty.wav": b"",
        "cut.png": PNG[: len(PNG) // 2],
        "cut.wav": WAV[:-100],
        "words.png": b"these are words and no picture at all, as many as it takes",
        "words.wav": b"these are words and no recording at all, as many as it takes",
        "silent.wav": wav_bytes([]),
        "nan.wav": wav_bytes([0.5, np.nan], bits=32, real=True),
        "sound.png": WAV,
        "picture.wav": PNG,
        "huge.png": png_bytes(30_000, 30_000, 1, 0, [b"\0"]),
    }
    for name, data in files.items():
        (folder / name).write_bytes(data)
    (folder / "folder.png").mkdir()
    return folder


def table(media, **columns):
    """A csv beside the media."""
    pd.DataFrame(columns).to_csv(media / "t.csv", index=False)
    return read_table(media / "t.csv")


def drawn(pipe, rows, policy, batch_size=2, **options):
    pipe.problems.clear()
    return list(pipe.batches(rows, batch_size, on_bad=policy, **options).as_numpy_iterator())


def joined(batches, name, part=0):
    """The batches as one, sequences padded to the longest."""
    values = [batch[part][name] for batch in batches]
    longest = max(value.shape[1:2] for value in values)

    def pad(value):
        more = [(0, size - own) for size, own in zip(longest, value.shape[1:2], strict=True)]
        return np.pad(value, [(0, 0), *more, *[(0, 0)] * (value.ndim - 2)])

    return np.concatenate([pad(value) for value in values])


PICTURES = {
    "good.png": None,
    " good.png ": None,
    "none.png": "there is no file",
    "folder.png": "is a folder, not a file",
    "empty.png": "has 0 bytes",
    "cut.png": "Invalid PNG data",
    "words.png": "this is no JPEG, PNG, GIF, BMP or WebP picture",
    "sound.png": "this is no JPEG, PNG, GIF, BMP or WebP picture",
    "huge.png": "30000 × 30000 pixels are more than max_pixels=100000000",
    "good.png  ": None,
}
RECORDINGS = {
    "good.wav": None,
    "none.wav": "there is no file",
    "folder.png": "is a folder, not a file",
    "stereo44.wav": None,
    "empty.wav": "has 0 bytes",
    "cut.wav": "the WAV file is cut short",
    "words.wav": "soundfile cannot read these 60 bytes: Format not recognised",
    "silent.wav": "the WAV file has no samples",
    "nan.wav": "the WAV file has NaN or infinite samples",
    "picture.wav": "soundfile cannot read these",
}


@pytest.fixture(scope="module")
def broken(media):
    """A table of good and bad media, its pipeline, and the places that are bad: column → place → reason."""
    rows = table(media, photo=list(PICTURES), voice=list(RECORDINGS))
    pipe = Pipeline({"photo": Image(8), "voice": Audio(seconds=0.1, sample_rate=8000)}).adapt(rows)
    cells = {"photo": PICTURES, "voice": RECORDINGS}
    return pipe, rows, {n: {i: why for i, why in enumerate(reasons.values()) if why} for n, reasons in cells.items()}


def test_bad_media_under_raise(broken):
    pipe, rows, _ = broken
    message = 'Audio "voice": .* Received: table "t.csv", column \'voice\', row 3: there is no file .*none.wav.*on_bad='
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        drawn(pipe, rows, "raise")


@pytest.fixture(scope="module")
def masked(broken):
    pipe, rows, _ = broken
    return drawn(pipe, rows, "mask"), pipe.problems.counts(), pipe.problems.examples


def test_bad_media_under_mask(broken, masked):
    _, rows, bad = broken
    masked, counts, examples = masked
    assert counts == {"masked": {name: len(places) for name, places in bad.items()}, "dropped": 0}
    messages = {(name, place): reason for name, places in bad.items() for place, reason in places.items()}
    assert len(examples) == len(messages)
    for (name, place), reason in messages.items():
        told = [text for text in examples if f'"t.csv", column {name!r}, row {place + 2}: ' in text]
        assert len(told) == 1 and reason in told[0], told
        cell = list(PICTURES if name == "photo" else RECORDINGS)[place].strip()
        assert f"/{cell}'" in told[0], told  # the file is named, whole
    for name, places in bad.items():
        mask, value = joined(masked, f"{name}_mask"), joined(masked, name)
        real = mask.reshape(len(mask), -1).any(1)
        assert len(mask) == len(rows) and np.flatnonzero(~real).tolist() == sorted(places)
        assert not value[~real].any() and value[real].any()


def test_bad_media_under_drop(broken, masked):
    pipe, rows, bad = broken
    gone = {place for places in bad.values() for place in places}
    dropped = drawn(pipe, rows, "drop")
    assert pipe.problems.counts() == {"masked": {}, "dropped": len(gone)}
    left = np.array([place not in gone for place in range(len(rows))])
    assert left.any()
    for name in bad:
        np.testing.assert_array_equal(joined(dropped, name), joined(masked[0], name)[left])


def test_numbers(media):
    cells = ["1", "two", "", "inf", "3.5", "nan", "1e999", "NULL", "4,5"]
    rows = table(media, age=cells, x=range(len(cells)))
    pipe = Pipeline({"age": Number(), "x": Number()}).adapt(rows)
    with pytest.raises(tf.errors.InvalidArgumentError, match="column 'age', row 3: 'two' is not a finite number"):
        drawn(pipe, rows, "raise")
    masked = drawn(pipe, rows, "mask")
    assert joined(masked, "age_mask")[:, 0].tolist() == [True, False, False, False, True, False, False, False, False]
    assert pipe.problems.counts() == {"masked": {"age": 4}, "dropped": 0}
    assert len(joined(drawn(pipe, rows, "drop"), "age")) == 5 and pipe.problems.dropped == 4


@pytest.fixture(scope="module")
def labelled(media):
    """Text in a number target, a class that training rows do not have, and an input that is always good."""
    train = table(media, story=["a b", "c", "d"], breed=["pug", "lab", "pug"], price=["1", "2", "3"])
    pipe = Pipeline({"story": Text()}, {"breed": Category(), "price": Number()}).adapt(train)
    rows = table(
        media,
        story=["a", "b", "", "x " * 1000, " "],
        breed=["pug", "wolf", "", " ", "lab"],
        price=["1", "2", "cheap", "", "inf"],
    )
    return pipe, rows


def test_bad_targets_under_raise(labelled):
    pipe, rows = labelled
    reason = r"'wolf' is none of the 2 classes of the training rows"
    with pytest.raises(tf.errors.InvalidArgumentError, match=rf"table \"t.csv\", column 'breed', row 3: {reason}"):
        drawn(pipe, rows, "raise")


def test_bad_targets_under_mask_weigh_nothing(labelled):
    pipe, rows = labelled
    batches = drawn(pipe, rows, "mask")
    assert joined(batches, "breed", 2).tolist() == [1, 0, 0, 0, 1]
    assert joined(batches, "price", 2).tolist() == [1, 1, 0, 0, 0]
    assert np.isfinite(joined(batches, "price", 1)).all()
    assert pipe.problems.counts() == {"masked": {"breed": 1, "price": 2}, "dropped": 0}


def test_bad_targets_under_drop_take_their_rows_along(labelled):
    pipe, rows = labelled
    batches = drawn(pipe, rows, "drop")
    assert joined(batches, "breed", 2).tolist() == [1, 0] and pipe.problems.dropped == 3
    assert [len(batch[2]["breed"]) for batch in batches] == [1, 1]


def test_bad_targets_do_not_matter_without_targets(labelled):
    pipe, rows = labelled
    batches = drawn(pipe, rows, "raise", with_targets=False)
    assert sum(len(x["story"]) for x in batches) == 5


def test_empty_and_long_texts_are_no_errors(labelled):
    pipe, rows = labelled
    batches = drawn(pipe, rows, "raise", with_targets=False)
    assert [x["story_mask"].sum(1).tolist() for x in batches] == [[1, 1], [0, 128], [0]]


def test_unseen_and_empty_categories_are_no_errors_as_inputs(media):
    train = table(media, colour=["red", "blue"], tags=["a|b", "b"])
    pipe = Pipeline({"colour": Category(), "tags": Tags(min_count=1)}).adapt(train)
    rows = table(media, colour=["blue", "pink", "", " "], tags=["new", "", "b|new", "|"])
    (one, other) = drawn(pipe, rows, "raise")
    assert [one[0]["colour"].tolist(), other[0]["colour"].tolist()] == [[1, 0], [0, 0]]
    assert [one[0]["colour_mask"].tolist(), other[0]["colour_mask"].tolist()] == [[True, True], [False, False]]
    assert one[0]["tags_mask"].tolist() == [[False], [False]] and other[0]["tags"].tolist() == [[2], [0]]


def test_problems_count_a_cell_once(labelled):
    pipe, rows = labelled
    pipe.problems.clear()
    data = pipe.batches(rows, 2, on_bad="mask")
    for _ in range(3):
        assert len(list(data)) == 3
    assert pipe.problems.masked == {"breed": 1, "price": 2} and len(pipe.problems.examples) == 3
    pipe.problems.clear()
    assert pipe.problems.counts() == {"masked": {}, "dropped": 0} and pipe.problems.examples == []


def test_only_the_first_messages_are_kept(media):
    rows = table(media, age=["1", *["x"] * 50])
    pipe = Pipeline({"age": Number()}, on_bad="mask").adapt(rows)
    assert len(list(pipe.batches(rows))) == 2
    assert pipe.problems.masked == {"age": 50} and len(pipe.problems.examples) == 20


def test_the_policy_of_the_call_goes_before_that_of_the_pipeline(media):
    rows = table(media, age=["1", "x", "2"])
    pipe = Pipeline({"age": Number()}, on_bad="drop").adapt(rows)
    assert sum(len(x["age"]) for x, *_ in pipe.batches(rows)) == 2
    assert sum(len(x["age"]) for x, *_ in pipe.batches(rows, on_bad="mask")) == 3


def test_a_table_of_bad_rows_only(media):
    rows = table(media, photo=["none.png"] * 3)
    pipe = Pipeline({"photo": Image(8)}).adapt(rows)
    message = 'Image "photo": .* Received: table "t.csv", column \'photo\', row 2: there is no file .*none.png'
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        drawn(pipe, rows, "raise")
    assert drawn(pipe, rows, "drop") == [] and pipe.problems.dropped == 3
    masked = drawn(pipe, rows, "mask")
    assert not joined(masked, "photo_mask").any() and joined(masked, "photo").shape == (3, 8, 8, 3)


def test_bad_cells_in_shuffled_and_cached_training(media):
    names = ["good.png", "cut.png", "none.png"] * 10
    rows = table(media, photo=names, x=range(30))
    pipe = Pipeline({"photo": Image(8), "x": Number(scaling="standard")}).adapt(rows)
    for cache in (False, True):
        pipe.problems.clear()
        data = pipe.batches(rows, 7, training=True, on_bad="mask", cache=cache)
        for _ in range(2):
            batches = list(data.as_numpy_iterator())
            place = np.rint(joined(batches, "x")[:, 0] * np.std(range(30)) + 14.5).astype(int)
            assert sorted(place) == list(range(30))
            assert (joined(batches, "photo_mask") == (place % 3 == 0)).all()
        assert pipe.problems.counts() == {"masked": {"photo": 20}, "dropped": 0}


@pytest.mark.parametrize(
    ("declare", "columns", "message"),
    [
        (
            lambda: Pipeline({"x": Number()}, {"breed": Category()}),
            {"x": ["1", "2"], "breed": ["pug", "pug"]},
            r'Category "breed": a target must have at least two classes .* Received: classes=\[\'pug\'\]',
        ),
        (
            lambda: Pipeline({"x": Number()}, {"breed": Category()}),
            {"x": ["1", "2"], "breed": ["", " "]},
            r"a target must have at least two classes .* Received: classes=\[\]",
        ),
        (
            lambda: Pipeline({"x": Number()}),
            {"x": ["", "none"]},
            '"x" of "t.csv": Number: a column must hold a number in some training row. Received: 2 rows',
        ),
        (
            lambda: Pipeline({"x": Number()}, {"tags": Tags()}),
            {"x": ["1", "2"], "tags": ["a", "b"]},
            '"tags" of "t.csv": Tags: some tag must be seen min_count times',
        ),
        (
            lambda: Pipeline({"x": Number()}, {"y": Number()}),
            {"x": ["1", "2"], "z": ["a", "b"]},
            "Rows \"t.csv\": a column must be in the table. Received: column='y'",
        ),
    ],
)
def test_columns_that_nothing_can_be_learned_from(media, declare, columns, message):
    rows = table(media, **columns)
    with pytest.raises(ValueError, match=message):
        declare().adapt(rows)


def test_no_training_rows(media):
    rows = table(media, x=["1", "2"])
    with pytest.raises(ValueError, match=r'Pipeline.adapt: there must be training rows. Received: 0 rows of "t.csv"'):
        Pipeline({"x": Number()}).adapt(rows.take(0))
