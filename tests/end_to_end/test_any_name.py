"""Columns of any name, from a table to a SavedModel, as inputs and as targets; and values of any type there."""

import json

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

import mmkeras as mm
from data_pipelines import Pipeline, read_table
from data_pipelines.infer import infer
from mmkeras.exporting.export import _served_names

INPUTS = ("class", "self", "2024", "..", "fusion", "a-b", "a_b", "a b", "fusion_encoder", "weight")
TARGETS = ("None", "modality_dropout", "1/2", "1_2", "y" * 300)
ROWS = 12
SECONDS = 1.7e9 + 10.0 * np.arange(ROWS)


def table():
    words = {name: [f"{'uvw'[(row + place) % 3]}" for row in range(ROWS)] for place, name in enumerate(INPUTS)}
    numbers = {"weight": np.arange(ROWS) / 4, "when": SECONDS, "paid": [True, False] * 6, "rooms": [1, 2, 3] * 4}
    labels = {name: ["p", "q", "r"] * 4 for name in TARGETS}
    return pd.DataFrame({**words, **numbers, **labels, "until": SECONDS + 5.5})


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    rows = read_table(table())
    targets = [*TARGETS, "until"]
    pipe = Pipeline(*infer(rows, targets)).adapt(rows)
    assert "paid" in pipe.inputs and "rooms" in pipe.inputs["numbers"].group and "when" in pipe.inputs["numbers"].group
    model = mm.build(pipe.spec, dim=4, modality_dropout=0.1)
    mm.compile(model, pipe.spec)
    folder = tmp_path_factory.mktemp("saved") / "model"
    mm.export(model, pipe, folder)
    model.save(folder.parent / "model.keras")
    return model, pipe, folder


@pytest.fixture(scope="module")
def answers(saved):
    model, pipe, _ = saved
    return next(iter(mm.predict(model, pipe, read_table(table()))))


@pytest.fixture(scope="module")
def serve(saved):
    return tf.saved_model.load(saved[2]).signatures["serving_default"]


def served(serve, folder, changed=()):
    words = json.loads((folder / "assets" / "columns.json").read_text("utf-8"))
    specs = serve.structured_input_signature[1]
    assert set(words) == set(specs)
    cells = {column: list(read_table(table()).values(column)) for column in words.values()} | dict(changed)
    given = {
        word: tf.constant([cell.encode() for cell in cells[column]])
        if specs[word].dtype == tf.string
        else tf.constant([float(cell) for cell in cells[column]], specs[word].dtype)
        for word, column in words.items()
    }
    return words, {name: value.numpy() for name, value in serve(**given).items()}


def same(told, answers):
    for name, answer in answers.items():
        if not name.endswith("_probability"):
            given = told[name].astype(str) if told[name].dtype == object else told[name]
            (np.testing.assert_array_equal if given.dtype.kind == "U" else np.testing.assert_allclose)(given, answer)


def test_every_column_is_answered_as_in_process(saved, serve, answers):
    words, told = served(serve, saved[2])
    assert set(words.values()) == {*INPUTS, "when", "paid", "rooms"}
    assert {*TARGETS, "until", *(f"{name}_present" for name in ("class", "..", "a b"))} <= set(told)
    same(told, answers)
    files = [file.name for file in (saved[2] / "assets").iterdir() if file.name.endswith("_classes.txt")]
    assert len(files) == len(TARGETS) and {"None_classes.txt", "1_2_classes.txt", "1_2_2_classes.txt"} <= set(files)


def test_a_model_of_such_names_is_read_again(saved, answers):
    _, pipe, folder = saved
    again = keras.models.load_model(folder.parent / "model.keras", compile=False)
    same(next(iter(mm.predict(again, pipe, read_table(table())))), {"None": answers["None"]})


def test_a_saved_model_reads_values_of_any_type(saved, serve, answers):
    paid, rooms = ["True", "0"] * 6, ["1.0", "2", "3.0"] * 4
    same(served(serve, saved[2], {"paid": paid, "rooms": rooms})[1], answers)


def test_time_stamps_stay_apart_in_a_saved_model(saved, serve):
    assert serve.structured_input_signature[1]["when"].dtype == tf.float64
    told = served(serve, saved[2])[1]
    assert told["until"].dtype == "float64"
    moved = served(serve, saved[2], {"when": [str(second) for second in SECONDS[::-1]]})[1]
    assert len(np.unique(moved["until"])) == len(np.unique(told["until"])) == ROWS


@pytest.mark.parametrize("name", ["_row", "_weight", "_seed"])
def test_names_that_rows_have_already_are_refused_at_once(name, tmp_path):
    with pytest.raises(
        ValueError, match=f"a column must not be called .*Received: '{name}'. Do: rename it, such as '{name[1:]}'"
    ):
        read_table(pd.DataFrame({name: [1, 2], "a": [1, 2]}))
    (tmp_path / "t.csv").write_text(f"{name},a\n1,2\n")
    with pytest.raises(ValueError, match=f"Received: '{name}'"):
        read_table(tmp_path / "t.csv")


def test_words_that_a_signature_takes():
    columns = ("class", "None", "self", "2024", "..", "_", "a-b", "a_b", "a b", "column_2024", "价格", "price")
    assert _served_names(dict.fromkeys(columns)) == {
        **{"class_": "class", "None_": "None", "self_": "self", "column_2024": "2024", "column___": "..", "u5f": "_"},
        **{"a_b": "a-b", "a_b_2": "a_b", "a_20_b": "a b", "column_2024_2": "column_2024", "u4ef7_683c": "价格"},
        "price": "price",
    }
