"""Cells that name files outside of the folder that they may name files in."""

import json
import os
import pickle

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from typer.testing import CliRunner

from data_pipelines import Category, Image, Pipeline, TimeSeries, read_table
from data_pipelines.cells.media_root import MediaRoot, lies_below
from data_pipelines.infer import guess_columns


@pytest.fixture
def place(tmp_path):
    """`media` with a picture and links out of it and within, and secrets beside."""
    media, beside = tmp_path / "media", tmp_path / "media beside"
    for folder in (media / "deep", beside):
        folder.mkdir(parents=True)
    png = tf.io.encode_png(np.full((8, 8, 3), 200, "uint8")).numpy()
    for path in (media / "a.png", media / "deep" / "b.png", beside / "secret.png", tmp_path / "secret.png"):
        path.write_bytes(png)
    (tmp_path / "secret.csv").write_text("1\n2\n")
    (media / "out.png").symlink_to(tmp_path / "secret.png")
    (media / "way").symlink_to(tmp_path)
    (media / "within.png").symlink_to(media / "a.png")
    return tmp_path


def cells(place):
    good = ["a.png", "deep/../a.png", "within.png", str(place / "media" / "deep" / "b.png"), "./deep/b.png"]
    outside = ["../secret.png", str(place / "secret.png"), f"file://{place}/secret.png", "out.png", "way/secret.png"]
    return good, [*outside, "../media beside/secret.png", "deep/../../secret.png", f"file://{place}/media/a.png"]


def test_only_files_below_the_folder_are_read(place):
    good, outside = cells(place)
    frame = pd.DataFrame({"photo": [*good, *outside, ""], "kind": ["x", "y"] * 7})
    rows = read_table(frame, place / "media", only_below=place / "media")
    pipe = Pipeline({"photo": Image(8)}, {"kind": Category()}).adapt(rows)
    with pytest.raises(
        tf.errors.InvalidArgumentError, match=r"row 5: '.*\.\./secret.png' is not below the folder that"
    ):
        list(pipe.batches(rows, 14))
    ((x, _, _),) = pipe.batches(rows, 14, on_bad="mask")
    assert x["photo_mask"].numpy().tolist() == [True] * 5 + [False] * 9
    assert pipe.problems.counts() == {"masked": {"photo": 8}, "dropped": 0}
    ((x, _, _),) = pipe.batches(read_table(frame, place / "media"), 14, on_bad="mask")
    assert x["photo_mask"].numpy().tolist() == [True] * 13 + [False], "without only_below all of them can be read"


def test_guesses_and_series_keep_to_it_too(place):
    frame = pd.DataFrame({"load": ["../secret.csv", "1 2 3", "4,5"], "photo": ["../secret.png"] * 3})
    for only_below, present in ((place, 3), (place / "media", 2)):
        rows = read_table(frame, place / "media", only_below=only_below)
        pipe = Pipeline({"load": TimeSeries()}).adapt(rows)
        (x,) = pipe.batches(rows, 3, with_targets=False, on_bad="mask")
        assert int(x["load_mask"].numpy().any(1).sum()) == present
        assert guess_columns(rows)["photo"].config == ({"size": 16} if present == 3 else {})


def test_records_of_parquet_keep_to_it_too(place):
    import pyarrow
    import pyarrow.parquet

    records = [{"bytes": None, "path": "a.png"}, {"bytes": None, "path": "../secret.png"}]
    pyarrow.parquet.write_table(pyarrow.table({"photo": records}), place / "media" / "t.parquet")
    rows = read_table(place / "media" / "t.parquet", only_below=place / "media")
    first, second = rows.values("photo")
    assert first.startswith(b"\x89PNG") and second.startswith(b"outside://")
    pipe = Pipeline({"photo": Image(8)}).adapt(rows)
    with pytest.raises(
        tf.errors.InvalidArgumentError, match=r"secret.png' is not below the folder that only_below names"
    ):
        list(pipe.batches(rows, 2, with_targets=False))


def test_the_command_line_keeps_to_it(place):
    from mmkeras.commands.app import app

    (place / "media" / "t.csv").write_text("photo\na.png\n../secret.png\n")
    words = ["inspect", str(place / "media" / "t.csv"), "--json", "--only-below", str(place / "media")]
    done = CliRunner().invoke(app, words)
    (fault,) = json.loads(done.stdout)["unreadable"]["photo"]
    assert fault["row"] == 3 and "is not below the folder" in fault["why"]


def test_what_lies_below(place):
    folder = os.path.realpath(place / "media")
    assert lies_below(str(place / "media" / "none.png"), folder) and lies_below(str(place / "way" / ".." / "x"), "/")
    assert not any(lies_below(path, folder) for path in (folder, f"{folder} beside/x", "x\0y", "gs://bucket/x", ""))
    again = pickle.loads(pickle.dumps(MediaRoot("x", place)))
    assert (again, again.only_below) == ("x", os.path.realpath(place))


def test_a_wall_must_be_a_folder(place):
    with pytest.raises(ValueError, match=r"only_below must be a folder\. Received: '.*none'"):
        read_table(pd.DataFrame({"a": [1]}), only_below=place / "none")
