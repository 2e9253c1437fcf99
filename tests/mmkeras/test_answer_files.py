"""Answers that are files come into their folders all together, or not at all."""

import os
import re

import numpy as np
import pytest

from data_pipelines import Category, Image, Number, Pipeline
from data_pipelines.naming import plain_name
from mmkeras.answer_files import AnswerFiles

PIPE = Pipeline({"age": Number()}, {plain_name("图"): Image(8, column="图"), "kind": Category()})


def batch(*pictures):
    return {"图": np.array(pictures, object), "kind": np.array(["x"] * len(pictures))}


def found(folder):
    return {os.path.relpath(path, folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_files_stand_beside_the_table_numbered_by_row(tmp_path):
    with AnswerFiles(PIPE, tmp_path / "a.csv") as files:
        first, second = files.place(batch(b"1", b"2")), files.place(batch(b"3"))
        assert not (tmp_path / "a_图").exists()
    assert first == {"图": ["a_图/000000.png", "a_图/000001.png"], "kind": ["x", "x"]}
    assert second["图"] == ["a_图/000002.png"] and files.rows == 3
    assert found(tmp_path) == {f"a_图/00000{n}.png": str(n + 1).encode() for n in range(3)}
    assert os.listdir(tmp_path) == ["a_图"]


def test_older_files_stay_where_it_fails(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with AnswerFiles(PIPE, "a.csv") as files:
        files.place(batch(b"old"))
    with pytest.raises(KeyError), AnswerFiles(PIPE, "a.csv") as files:
        files.place(batch(b"new", b"more"))
        raise KeyError
    assert found(tmp_path) == {"a_图/000000.png": b"old"} and os.listdir(tmp_path) == ["a_图"]
    with AnswerFiles(PIPE, "a.csv") as files:
        files.place(batch(b"new", b"more"))
    assert found(tmp_path) == {"a_图/000000.png": b"new", "a_图/000001.png": b"more"}


def test_a_file_in_the_place_of_a_folder_is_refused_before(tmp_path):
    (tmp_path / "a_图").write_text("mine")
    rule = f"files of answers need a folder beside the table. Received: '{tmp_path / 'a_图'}', which is a file. Do:"
    with pytest.raises(ValueError, match=re.escape(rule)):
        AnswerFiles(PIPE, tmp_path / "a.csv")
