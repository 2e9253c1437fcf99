"""Answers that people open in a spreadsheet are no formulas there."""

import csv

import pytest
from typer.testing import CliRunner

from mmkeras.commands.app import app
from mmkeras.inference.spreadsheet_cells import as_text

LABELS = ("=1+1", "@cmd", "-7")


@pytest.mark.parametrize("text", ["=1+1", "+cmd|' /C calc'!A0", "-", "-1-2", "@SUM(1)", "\t=1", "\r=1", "=", "+-1"])
def test_texts_that_would_be_run(text):
    assert as_text(text) == f"'{text}"


@pytest.mark.parametrize("value", ["-1", "+3.5", "-.5e-3", "a=b", "", "'=1", " =1", "价格", -1.5, 3, None, True])
def test_numbers_and_other_texts_stay(value):
    assert as_text(value) is value


def test_predict_writes_texts(tmp_path):
    table, run = tmp_path / "t.csv", tmp_path / "run"
    rows = [(number, LABELS[number % 3]) for number in range(30)]
    with open(table, "w", newline="") as file:
        csv.writer(file).writerows([("n", "=kind"), *rows])

    def ran(*words):
        done = CliRunner().invoke(app, [str(word) for word in words])
        assert done.exit_code == 0, done.output

    def answers(name, *options):
        ran("predict", run, table, "--output", tmp_path / name, *options)
        with open(tmp_path / name, newline="") as file:
            return list(csv.reader(file))

    ran("train", table, "--target", "=kind", "--output", run, "--epochs", 1, "--dim", 4)
    safe, plain = answers("safe.csv"), answers("plain.csv", "--as-is")
    assert safe[0] == ["'=kind", "'=kind_probability"] and plain[0] == ["=kind", "=kind_probability"]
    assert [as_text(line[0]) for line in plain] == [line[0] for line in safe] and len(safe) == 31
    assert {line[0] for line in plain[1:]} <= set(LABELS)
    assert [line[1] for line in safe[1:]] == [line[1] for line in plain[1:]]
