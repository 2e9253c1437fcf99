"""Files of decoded rows belong to what made them."""

import os

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from data_pipelines import Category, Image, Number, Pipeline, Text, read_table


def picture(path, grey, size=8):
    path.write_bytes(tf.io.encode_png(np.full((size, size, 3), grey, "uint8")).numpy())


@pytest.fixture
def table(tmp_path):
    for number in range(4):
        picture(tmp_path / f"{number}.png", number)
    return pd.DataFrame({"photo": [f"{n}.png" for n in range(4)], "n": [0.0, 1.0, 2.0, 3.0], "kind": list("abab")})


def pipeline(rows):
    return Pipeline({"n": Number(scaling="standard")}, {"kind": Category()}).adapt(rows)


def drawn(pipe, rows, cache, **options):
    (batch,) = pipe.batches(rows, 4, cache=cache / "cache", **options).as_numpy_iterator()
    return batch


def files(folder):
    return {name.split(".")[0] for name in os.listdir(folder) if name.startswith("cache-") and name.endswith(".index")}


def test_a_cache_is_read_again_by_the_same_rows_alone(table, tmp_path):
    rows = read_table(table, tmp_path)
    pipe = pipeline(rows)
    first = drawn(pipe, rows, tmp_path)
    again = drawn(pipe, read_table(table.copy(), tmp_path), tmp_path)
    np.testing.assert_array_equal(first[0]["n"], again[0]["n"])
    assert len(files(tmp_path)) == 1
    changed = read_table(table.assign(n=[3.0, 2.0, 1.0, 0.0]), tmp_path)
    np.testing.assert_allclose(drawn(pipe, changed, tmp_path)[0]["n"], first[0]["n"][::-1], atol=1e-6)
    assert drawn(pipe, read_table(table.assign(kind=list("bbbb")), tmp_path), tmp_path)[1]["kind"].tolist() == [1] * 4
    assert len(files(tmp_path)) == 3


def test_training_and_validation_may_share_a_path(table, tmp_path):
    rows = read_table(pd.concat([table] * 2), tmp_path)
    train, other = rows.take(4), rows.where(kind="b")
    pipe = pipeline(rows)
    learned, judged = (
        pipe.batches(part, 4, training=part is train, cache=tmp_path / "cache") for part in (train, other)
    )
    for _ in range(2):
        kinds = [next(iter(data))[1]["kind"].numpy().tolist() for data in (learned, judged)]
        assert sorted(kinds[0]) == [0, 0, 1, 1] and kinds[1] == [1] * 4


def test_media_that_changed_are_decoded_anew(table, tmp_path):
    rows = read_table(table, tmp_path)
    pipe = Pipeline({"photo": Image(8)}, {"kind": Category()}).adapt(rows)
    assert drawn(pipe, rows, tmp_path)[0]["photo"][0].max() < 0.01
    picture(tmp_path / "0.png", 255)
    os.utime(tmp_path / "0.png", ns=(1, 1))
    assert drawn(pipe, rows, tmp_path)[0]["photo"][0].min() == 1.0


def test_another_pipeline_or_policy_has_files_of_its_own(table, tmp_path):
    rows = read_table(table, tmp_path)
    first = drawn(pipeline(rows), rows, tmp_path)
    other = pipeline(read_table(table.assign(n=[0.0, 10.0, 20.0, 30.0]), tmp_path))
    assert not np.allclose(drawn(other, rows, tmp_path)[0]["n"], first[0]["n"])
    drawn(pipeline(rows), rows, tmp_path, on_bad="mask")
    assert len(files(tmp_path)) == 3
    words = Pipeline({"n": Text()}, {"kind": Category()}).adapt(rows)
    assert drawn(words, rows, tmp_path)[0]["n"].dtype == "int32"


def test_weights_of_rows_are_part_of_it(table, tmp_path):
    rows = read_table(table.assign(kind=list("aaab")), tmp_path)
    pipe = pipeline(rows)
    for part in (rows, rows.balanced("kind")):
        drawn(pipe, part, tmp_path, training=True)
    assert len(files(tmp_path)) == 2
