"""The same values from tables of any kind are the same labels, and labels never seen are counted."""

import json

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from data_pipelines import Category, Number, Pipeline, Tags, read_table
from data_pipelines.cells.labels import canonical_label, canonical_labels, canonical_table, count_labels

VALUES = {
    "paid": [True, False, True, False, True, False],
    "rooms": [1, 2, 3, 1, 2, 3],
    "marks": [[1, 2], [2, 3], [1, 3], [1, 2], [2, 3], [3]],
    "kind": [1, 0, 1, 0, 1, 0],
    "size": [0.5, 1.5, 2.5, 3.5, 4.5, 5.5],
}


def frame():
    return pd.DataFrame(VALUES)


def floats():
    """As pandas has whole numbers and booleans once a cell is empty, with that row gone again."""
    table = frame()
    table["rooms"], table["kind"] = table["rooms"].astype(float), table["kind"].astype(float)
    table["paid"], table["marks"] = table["paid"].astype(object), table["marks"].map(lambda m: [float(n) for n in m])
    return table


def csv(path, table):
    table = table.assign(marks=table["marks"].map(lambda marks: "|".join(map(str, marks))))
    table.to_csv(path / "table.csv", index=False)
    return path / "table.csv"


def lines(path, table):
    table.to_json(path / "table.jsonl", orient="records", lines=True)
    return path / "table.jsonl"


def parquet(path, table):
    table.to_parquet(path / "table.parquet")
    return path / "table.parquet"


SOURCES = {
    "csv": lambda path: csv(path, frame()),
    "csv of floats": lambda path: csv(path, floats()),
    "frame": lambda path: frame(),
    "frame of floats": lambda path: floats(),
    "lines": lambda path: lines(path, frame()),
    "parquet": lambda path: parquet(path, frame()),
}


def pipeline():
    inputs = {"paid": Category(), "rooms": Category(), "marks": Tags(min_count=1), "size": Number()}
    return Pipeline(inputs, {"kind": Category(), "ok": Category(column="paid")})


def batch(pipe, table):
    ((x, y, w),) = pipe.batches(read_table(table), 6).as_numpy_iterator()
    return x, y, w


@pytest.fixture(scope="module", params=["csv", "frame of floats"])
def trained(request, tmp_path_factory):
    return pipeline().adapt(read_table(SOURCES[request.param](tmp_path_factory.mktemp("table"))))


@pytest.mark.parametrize("asked", SOURCES)
def test_every_table_of_the_same_values_gives_the_same_batch(trained, asked, tmp_path):
    x, y, w = batch(trained, SOURCES[asked](tmp_path))
    assert x["paid"].tolist() == [2, 1] * 3 and x["rooms"].tolist() == [1, 2, 3] * 2
    assert x["marks"][:, :2].tolist() == [[1, 2], [2, 3], [1, 3], [1, 2], [2, 3], [3, 0]]
    assert y["kind"].tolist() == y["ok"].tolist() == [1, 0] * 3 and w["kind"].all() and w["ok"].all()
    assert trained.problems.counts() == {"masked": {}, "dropped": 0}


def test_strings_that_an_exported_model_is_given(trained):
    served = {"paid": ["True", "true", "1", "TRUE"], "rooms": ["3", "3.0", "3.", " 3.00 "], "marks": ["3.0|1"] * 4}
    served = {column: tf.constant(cells) for column, cells in served.items()}
    x = tf.function(trained.preprocess)({**served, "size": tf.zeros(4)})
    assert x["paid"].numpy().tolist() == [2] * 4 and x["rooms"].numpy().tolist() == [3] * 4
    assert np.sort(x["marks"].numpy()).tolist() == [[1, 3]] * 4


def test_only_booleans_and_whole_numbers_have_a_canonical_writing():
    same = {"True": "true", "FALSE": "false", "3.0": "3", "-3.": "-3", "0.00": "0"}
    other = [
        "007",
        "1e3",
        "3.10",
        "3.1",
        "007.0",
        "1.0.0",
        "v3.0",
        "truely",
        "+3.0",
        ".0",
        "",
        "1,000.0",
        "٣.0",
        "a\n3.0",
    ]
    labels = [*same, *other]
    assert [canonical_label(label) for label in labels] == [*same.values(), *other]
    assert [label.decode() for label in canonical_labels(tf.constant(labels)).numpy()] == [*same.values(), *other]


def test_a_label_is_called_as_most_rows_call_it():
    counts = count_labels(
        [(np.array(["Yes", "True", "TRUE", "True", "3.0", "3", b"3.0"], object),)], lambda cells: cells
    )
    assert counts == {"Yes": 1, "True": 3, "3.0": 3}


def test_bits_are_booleans_only_where_all_classes_are():
    def places(labels, *cells):
        table, writing = canonical_table(labels)
        return table.lookup(writing(tf.constant(cells))).numpy().tolist()

    assert places(["False", "True"], "1", "0.0", "2") == [1, 0, -1]
    assert places(["0", "1"], "True", "false") == [1, 0]
    assert places(["0", "1", "2"], "True", "false", "2.0") == [-1, -1, 2]
    assert places(["no", "true"], "1") == [-1]


def test_a_pipeline_saved_when_every_writing_was_a_class_is_read_as_it_was(tmp_path):
    pipe = Pipeline({"a": Category()}, {"b": Category()})
    pipe.adapt(read_table(pd.DataFrame({"a": ["x", "y", "z"], "b": ["p", "q", "p"]})))
    pipe.save(tmp_path / "pipe.json")
    saved = json.loads((tmp_path / "pipe.json").read_text())
    saved["inputs"]["a"]["state"] = {"classes": ["3", "3.0", "True"], "counts": {"3": 1, "3.0": 1, "True": 1}}
    (tmp_path / "pipe.json").write_text(json.dumps(saved))
    x = Pipeline.load(tmp_path / "pipe.json").preprocess({"a": tf.constant(["3", "3.0", "True", "true"])})
    assert x["a"].numpy().tolist() == [1, 2, 3, 0]


def test_weights_of_classes_go_by_value():
    rows = read_table(frame())
    pipe = pipeline().adapt(rows)
    (given,) = pipe.batches(rows, 6, training=True, class_weight={"ok": {True: 3.0}, "kind": {1.0: 2.0}})
    for name, weight in (("ok", 3.0), ("kind", 2.0)):
        np.testing.assert_allclose(given[2][name], np.where(given[1][name] == 1, weight, 1.0))


def test_labels_that_training_rows_never_had_are_counted_once():
    train = pd.DataFrame({"town": ["a", "a", "b"], "marks": ["u|v", "v", "u"], "kind": ["x", "y", "x"]})
    pipe = Pipeline({"town": Category(min_count=2), "marks": Tags(min_count=1)}, {"kind": Category()})
    pipe.adapt(read_table(train))
    asked = read_table(
        pd.DataFrame({"town": ["a", "b", "c", "", "d"], "marks": ["u", "w", "w|v", "", "q"], "kind": "x"})
    )
    for _ in range(2):
        list(pipe.batches(asked, 2))
    assert pipe.problems.counts() == {"masked": {}, "dropped": 0, "unknown": {"marks": 2, "town": 2}}
    pipe.problems.clear()
    list(pipe.batches(read_table(train), 2, training=True))
    list(pipe.batches(read_table(train), 2))
    assert pipe.problems.counts() == {"masked": {}, "dropped": 0}
    list(pipe.batches(asked, 2, with_targets=False, on_bad="drop"))
    assert pipe.problems.unknown == {"marks": 2, "town": 2} and pipe.problems.dropped == 0
