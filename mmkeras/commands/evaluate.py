"""`mmkeras evaluate`."""

import json

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
from mmkeras.console import show_scores, tell, tell_problems, told


@app.command()
def evaluate(
    run: RunArgument,
    table: TableArgument,
    media_root: MediaOption = None,
    encoding: EncodingOption = None,
    header: HeaderOption = False,
    only_below: OnlyBelowOption = None,
):
    """Scores a run on a table: JSON on stdout, report.html in the run."""
    with failing_plainly():
        from data_pipelines import read_table
        from mmkeras.run import load

        model, pipe = load(run)
        metrics = judge(model, pipe, read_table(table, media_root, encoding, header, only_below), run)
    print(json.dumps({key: metrics[key] for key in ("rows", "targets", "counts")}, ensure_ascii=False))


def judge(model, pipe, rows, folder, metrics=None):
    """Scores, where that is not done yet, writes metrics.json and report.html, shows the table."""
    import mmkeras as mm
    from mmkeras.run import write_metrics

    if metrics is None:
        metrics = mm.evaluate(model, pipe, rows)
        write_metrics(metrics, folder)
    show_scores(metrics)
    tell_problems(pipe)
    try:
        path = mm.report(model, pipe, rows, folder)
    except ImportError as error:
        told.print(f"[yellow]no report:[/] {escape(str(error))}")
    else:
        tell(f"report → {path}")
    return metrics
