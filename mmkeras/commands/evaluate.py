"""`mmkeras evaluate`."""

import json
import os
from typing import Annotated

import typer
from rich.markup import escape

from mmkeras.commands.app import (
    EncodingOption,
    HeaderOption,
    MediaOption,
    OnlyBelowOption,
    RunArgument,
    TableArgument,
    app,
    failing_plainly,
)
from mmkeras.commands.console import show_scores, tell, tell_problems, told

SHOWN = ("rows", "targets", "counts", "seen")


@app.command()
def evaluate(
    run: RunArgument,
    table: TableArgument,
    output: Annotated[
        str | None, typer.Option(help="folder for metrics.json and report.html; default: RUN/evaluate/TABLE")
    ] = None,
    media_root: MediaOption = None,
    encoding: EncodingOption = None,
    header: HeaderOption = False,
    only_below: OnlyBelowOption = None,
):
    """Scores a run on a table: JSON on stdout, metrics.json and report.html in a folder of their own.

    The scores that the run was given when it was trained stay as they are.
    """
    with failing_plainly():
        from data_pipelines import read_table
        from data_pipelines.files.whole_file import check_folder
        from data_pipelines.files.whole_folder import whole_folder
        from mmkeras.inference.finite_answers import with_nulls
        from mmkeras.runs.run_folder import EVALUATIONS, REPORT, RunFolder
        from mmkeras.training.run import load

        if output is None:
            name = os.path.splitext(os.path.basename(os.path.abspath(table)))[0]
            output = os.path.join(run, EVALUATIONS, name)
        elif RunFolder(output).published:
            raise ValueError(
                f"evaluate: scores on a table do not take the place of a run's own. Received: --output {output!r}, "
                "which holds a run. Do: another folder, or none."
            )
        model, pipe = load(run)
        rows = read_table(table, media_root, encoding, header, only_below)
        check_folder("evaluate", output)
        with whole_folder("evaluate", output, last=REPORT) as unfinished:
            metrics = judge(model, pipe, rows, run, output=unfinished)
        page = os.path.join(output, REPORT)
        if os.path.exists(page):
            tell(f"report → {page}")
    print(json.dumps(with_nulls({key: metrics[key] for key in SHOWN if key in metrics}), ensure_ascii=False))


def judge(model, pipe, rows, run, metrics=None, report_rows=None, output=None):
    """Scores, where that is not done yet, writes metrics.json and report.html, shows the table.

    Args:
        model: `keras.Model`.
        pipe: adapted `Pipeline`.
        rows: `Rows`.
        run: path of the run.
        metrics: dict that `evaluate` gave for the rows. Defaults to `None`.
        report_rows: `ReportRows` that saw the rows, where `metrics` is given. Defaults to `None`.
        output: path of the folder to write to, which the caller says. Defaults to `None`: the run's own.
    """
    from mmkeras.inference.evaluate import watched
    from mmkeras.reporting.report import report_of
    from mmkeras.reporting.report_rows import ReportRows
    from mmkeras.runs.run_folder import RunFolder
    from mmkeras.training.run import HISTORY, write_metrics
    from mmkeras.training.seen_rows import told as told_seen
    from mmkeras.training.seen_rows import with_seen

    if metrics is None:
        report_rows = ReportRows(pipe, rows)
        metrics = with_seen(watched(model, pipe, rows, report_rows.add), RunFolder(run), pipe, rows)
        write_metrics(metrics, run, output)
    show_scores(metrics)
    tell_problems(pipe)
    seen = told_seen(metrics)
    if seen:
        tell(seen, "yellow")
    try:
        history = os.path.join(run, HISTORY)
        path = report_of(report_rows, model, pipe, rows, output or run, metrics, history=history)
    except ImportError as error:
        told.print(f"[yellow]no report:[/] {escape(str(error))}")
    else:
        if output is None:
            tell(f"report → {path}")
    return metrics
