"""Tables that little or nothing can be learned from: a clear error, or an answer with the reason told."""

import json

import numpy as np
import pandas
import pytest
from training_rows import frame

import mmkeras as mm
from data_pipelines import Category, Number, Pipeline, read_table

SMALL = {"fusion": "ConcatFusion", "encoders": {"x": "NumberMLPEncoder"}, "dim": 4}


def train(rows, folder, validation=None, targets=("kind",), **options):
    options = {"verbose": 0, "epochs": 1, **options}
    tables = [table if table is None else read_table(table) for table in (rows, validation)]
    return mm.train(tables[0], targets, folder, validation=tables[1], **options)


def asked(**targets):
    return {"targets": (), "pipeline": Pipeline({"x": Number()}, targets), "parts": SMALL}


@pytest.mark.parametrize(
    ("rows", "validation", "options", "rule"),
    [
        (
            frame(60),
            frame(9)[["x", "kind"]],
            {},
            r"train, val rows: .* must be in the table\. Received: column='word'",
        ),
        (
            frame(60),
            frame(9)[["x", "word", "price"]],
            {},
            r"train, val rows: .* must be in the table\. Received: column='kind'",
        ),
        (
            frame(60),
            frame(9).assign(kind="perhaps"),
            {},
            r"some validation row must have a label that training rows know\. Received: 9 rows .* of \['kind'\]",
        ),
        (frame(60), frame(9).assign(kind=""), {}, "some validation row must have a label"),
        (frame(60), frame(0), {}, r"a table must have rows\. Received: a DataFrame of 0 rows"),
        (frame(3), None, {}, r"every part must have rows\. Received: no .* rows out of 3"),
        (frame(60).assign(kind="yes"), None, {}, r"a target must have different values\. Received: 'kind'"),
        (frame(60).assign(kind=""), None, {}, r"a target must have different values\. Received: 'kind'"),
        (
            frame(60).assign(price=5.0),
            None,
            asked(price=Number()),
            r"a target must have different values in training rows\. Received: 'price', one value in \d+ rows",
        ),
        (frame(60).assign(price=""), None, asked(price=Number()), "a column must hold a number in some training row"),
        (frame(60).assign(kind="yes"), None, asked(kind=Category()), "a target must have at least two classes"),
    ],
)
def test_nothing_can_be_learned(rows, validation, options, rule, tmp_path):
    with pytest.raises(ValueError, match=rule):
        train(rows, tmp_path, validation, **options)


@pytest.fixture(scope="module")
def odd(tmp_path_factory):
    """Three rows to learn from; validation has another class once, one price only, and no other target."""
    rows = frame(40)
    rows["other"] = np.where(np.arange(40) < 20, rows["kind"], "")
    few = pandas.concat([rows[rows["kind"] == "yes"][:2], rows[rows["kind"] == "no"][:1]])
    validation = rows[20:].assign(price=5.0)
    validation.loc[20, "kind"] = "perhaps"
    options = asked(kind=Category(), price=Number(), other=Category())
    return train(few, tmp_path_factory.mktemp("run"), validation, **options)


def test_three_rows_with_other_rows_to_choose_by_are_enough(odd):
    assert len(odd.parts["train"]) == 3 and odd.metrics["rows"] == 20


def test_a_class_that_only_validation_has_counts_as_no_label(odd):
    assert odd.metrics["counts"]["masked"] == {"kind": 1}


def test_a_target_that_says_nothing_in_validation_is_told(odd):
    with open(f"{odd.folder}/choices.json", encoding="utf-8") as file:
        remarks = json.load(file)["remarks"]
    assert remarks == odd.choices["remarks"]
    assert remarks[-2:] == [
        "'price' has one value in all validation rows: its scores say little",
        "'other' has no label in validation rows: it has no say in which epoch is kept",
    ]
    assert odd.metrics["targets"]["price"]["r2"] == 0.0 and odd.metrics["targets"]["other"] == {"labels": 0}


def test_a_target_full_of_gaps_is_learned_from_what_is_there(tmp_path):
    rows = frame(60)
    rows.loc[rows.index % 4 > 0, "kind"] = ""
    found = train(rows, tmp_path, frame(20, seed=1), ["kind"], ignore=["word", "price"])
    assert found.metrics["rows"] == 20 and np.isfinite(found.metrics["targets"]["kind"]["log_loss"])
