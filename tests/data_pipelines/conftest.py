"""A table of every modality with its files; no new seed between tests."""

import pandas as pd
import pytest
from media_bytes import image_bytes, picture, tone, wav_bytes

from data_pipelines import Audio, Category, Image, Number, Pipeline, Tags, Text, read_table


@pytest.fixture(autouse=True)
def _seed():
    """Leaves the global seed alone: a new one makes TensorFlow prepare every graph anew, a second a test."""


def all_inputs():
    return {
        "photo": Image((16, 12)),
        "voice": Audio(seconds=0.3, sample_rate=8000),
        "sound": Audio(seconds=0.3, sample_rate=8000, features="waveform", column="voice"),
        "story": Text(),
        "age": Number(),
        "body": Number(columns=["height", "weight"], scaling="standard"),
        "colour": Category(),
        "traits": Tags(min_count=1),
    }


def all_targets():
    return {"breed": Category(), "price": Number(), "likes": Tags(min_count=1)}


@pytest.fixture(scope="session")
def frame():
    """Twelve rows; row 1 misses every input, row 2 every target, row 3 one cell of a group."""
    table = pd.DataFrame(
        {
            "photo": [f"{number}.png" for number in range(12)],
            "voice": [f"{number}.wav" for number in range(12)],
            "story": ["a cat", "", "the dog 猫"] + [f"a dog {number}" for number in range(9)],
            "age": [str(number) for number in range(12)],
            "height": [str(10 + number) for number in range(12)],
            "weight": [str(30 - number) for number in range(12)],
            "colour": ["red", "blue", "red", "grün"] * 3,
            "traits": ["shy|loud", "shy", "", "loud"] * 3,
            "breed": ["pug", "lab", "", "lab"] + ["lab"] * 8,
            "price": [str(100 * number) for number in range(12)],
            "likes": ["ball", "stick|ball", "", "stick"] * 3,
        }
    )
    table.iloc[1, :8] = ""
    table.iloc[2, 8:] = ""
    table.loc[3, "weight"] = "NA"
    return table


@pytest.fixture(scope="session")
def folder(frame, tmp_path_factory):
    """The folder with the table as csv, the pictures and the recordings, each its own length."""
    place = tmp_path_factory.mktemp("media")
    for number in range(12):
        (place / f"{number}.png").write_bytes(image_bytes(picture(16 + number, 12)))
        (place / f"{number}.wav").write_bytes(wav_bytes(tone(300 + 50 * number, 0.1 + 0.02 * number)))
    frame.to_csv(place / "pets.csv", index=False)
    return place


@pytest.fixture(scope="session")
def rows(folder):
    return read_table(folder / "pets.csv")


@pytest.fixture(scope="session")
def pipe(rows):
    return Pipeline(all_inputs(), all_targets()).adapt(rows)


@pytest.fixture(scope="session")
def data(pipe, rows):
    """The data set of batches of five, five and two rows."""
    return pipe.batches(rows, 5)


@pytest.fixture(scope="session")
def batches(data):
    """The batches of `data` as numpy."""
    return list(data.as_numpy_iterator())
