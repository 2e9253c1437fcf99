"""What people wrote is shown as they wrote it: brackets and colons in it are no styles and no emoji."""

import pandas as pd
import pytest
import typer
from rich.console import Console

from data_pipelines import Category, Number, Pipeline, read_table
from data_pipelines.audit import audit
from mmkeras.commands import compare, console
from mmkeras.commands.app import failing_plainly
from mmkeras.recipes.demo import _results

ODD = "[/x] [red]a[/red] :smile: \\"


@pytest.fixture(autouse=True)
def wide(monkeypatch):
    monkeypatch.setenv("COLUMNS", "300")


def metrics():
    scores = {ODD: {"accuracy": 0.5}}
    return {"rows": 2, "targets": scores, "without": {ODD: scores}, "only": {ODD: scores}}


def test_scores(capsys):
    console.show_scores(metrics())
    console.show_scores(metrics(), title=ODD)
    told = capsys.readouterr().err
    assert f"without {ODD}" in told and f"only {ODD}" in told and told.count(ODD) >= 7


def test_pipelines_and_their_problems(capsys):
    table = {ODD: [1.0, 2.0], "kind": ["x", "y"]}
    rows = read_table(pd.DataFrame(table))
    pipe = Pipeline({"a": Number(columns=[ODD])}, {"kind": Category()}).adapt(rows)
    pipe.problems.mask(ODD, 0, "bad")
    pipe.problems.unknown_cell(ODD, 1)
    console.show_pipeline(pipe, {"train": rows})
    console.tell_problems(pipe)
    told = capsys.readouterr().err
    assert f"1 bad cells of {ODD} counted" in told and f"1 cells of {ODD} hold labels that" in told
    assert told.count("[/x] [red]a") == 3


def test_reports_of_data(capsys):
    rows = read_table(pd.DataFrame({ODD: [ODD, "b", "[/]", "c"] * 3, "n": range(12)}))
    console.show_report(audit(rows, [ODD]), [ODD])
    shown = capsys.readouterr().out
    assert shown.count("[/x] [red]a[/red] :smile:") >= 3 and "[/]" in shown


def test_lines_and_errors(capsys):
    console.tell(f"2 rows → {ODD}")
    with pytest.raises(typer.Exit) as ended, failing_plainly():
        raise ImportError('shards need TensorFlow Datasets. Do: pip install "mmkeras[tfds]"')
    with pytest.raises(typer.Exit), failing_plainly():
        raise PermissionError(13, "Permission denied", ODD)
    told = capsys.readouterr().err
    assert ended.value.exit_code == 1 and 'pip install "mmkeras[tfds]"' in told
    assert f"2 rows → {ODD}\n" in told and "mmkeras: [Errno 13] Permission denied: '[/x]" in told


def test_comparisons(capsys):
    figures = {"score": 0.5, "deviation": 0.1, "calibration_error": None, "parameters": 10}
    figures.update(cpu_seconds_per_epoch=1.0, peak_memory_mib=None)
    names = {"best_single": ODD, "best_fusion": "LateFusion", "target": ODD, "metric": "accuracy"}
    results = {**names, "systems": {ODD: figures}, "rows": {"test": 2}, "verdict": f"Take {ODD}."}
    compare.show_comparison(results)
    shown = capsys.readouterr().out
    assert f"{ODD}: accuracy" in shown and f"Take {ODD}." in shown and shown.count(ODD) == 3


def test_the_demo(capsys):
    Console(emoji=False).print(_results(ODD, metrics(), 0.25, ODD))
    shown = capsys.readouterr().out
    assert shown.count(ODD) == 3 and "0.250" in shown
