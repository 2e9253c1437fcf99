"""`mmkeras compare`."""

from typing import Annotated

import typer
from rich.markup import escape
from rich.progress import Progress
from rich.table import Table

from mmkeras.commands.app import (
    EncodingOption,
    HeaderOption,
    MediaOption,
    OnlyBelowOption,
    TableArgument,
    app,
    failing_plainly,
)
from mmkeras.commands.console import output, show_pipeline, tell, tell_problems, told
from mmkeras.commands.train import named, pipeline_of

HEADS = {"name": "system", "score": "score", "single": "over the best input alone", "baseline": "over the baseline"}
COSTS = {"error": "calibration error", "parameters": "parameters", "seconds": "CPU s an epoch", "memory": "peak MiB"}


@app.command()
def compare(
    table: TableArgument,
    output: Annotated[str, typer.Option(help="folder for runs, results.json and comparison.html")],
    target: Annotated[list[str], typer.Option(help="column to predict; the score is of the first")] = [],  # noqa: B006
    fusion: Annotated[list[str], typer.Option(help="name of a fusion, or all; may be given again")] = [],  # noqa: B006
    by: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="rows of equal cells stay in one part, where parts are cut")
    ] = None,
    input: Annotated[list[str], typer.Option(help="column to predict from; default: all useful ones")] = [],  # noqa: B006
    ignore: Annotated[list[str], typer.Option(help="column to leave out; may be given again")] = [],  # noqa: B006
    spec: Annotated[str | None, typer.Option(help="JSON file of modalities instead of guesses, see inspect")] = None,
    encoder: Annotated[list[str], typer.Option(help="NAME=ENCODER for an input; may be given again")] = [],  # noqa: B006
    seeds: Annotated[int, typer.Option(min=1, help="trainings of each system")] = 5,
    epochs: Annotated[int, typer.Option(min=1)] = 20,
    batch_size: Annotated[int, typer.Option(min=1)] = 32,
    learning_rate: Annotated[float, typer.Option(min=0.0)] = 1e-3,
    modality_dropout: Annotated[float, typer.Option(min=0.0, max=0.99)] = 0.2,
    dim: Annotated[int, typer.Option(min=4, help="width of a token")] = 64,
    robust: Annotated[bool, typer.Option(help="also measure under corruptions")] = True,
    on_bad: Annotated[str, typer.Option(help="raise, mask or drop")] = "raise",
    media_root: MediaOption = None,
    encoding: EncodingOption = None,
    header: HeaderOption = False,
    only_below: OnlyBelowOption = None,
):
    """Says what fusing is worth: every input alone, TokenTransformer, LateFusion and other fusions, over seeds.

    Started again with the same words, it goes on where it stopped.
    """
    encoders = named(encoder)
    with failing_plainly():
        import mmkeras as mm
        from data_pipelines import read_table
        from mmkeras.comparing.comparison_report import comparison_report
        from mmkeras.training.row_parts import row_parts

        rows = read_table(table, media_root, encoding, header, only_below)
        parts = row_parts(rows, by=by)
        for remark in parts.remarks:
            tell(remark)
        pipe = pipeline_of(rows, spec, target, input, ignore, on_bad).adapt(parts["train"])
        show_pipeline(pipe, parts)
        options = {"dim": dim, "modality_dropout": modality_dropout}
        with Progress(console=told, transient=True) as progress:
            task = progress.add_task("")

            def show(done, total, name):
                progress.update(task, completed=done, total=total, description=escape(name))

            results = mm.compare(
                pipe,
                parts,
                output,
                target=target[0] if target else None,
                seeds=seeds,
                parts=lambda found: {**options, "encoders": dict(encoders)},
                training={"epochs": epochs, "batch_size": batch_size, "learning_rate": learning_rate},
                robust=robust,
                progress=show,
                **({"fusions": "all" if fusion == ["all"] else fusion} if fusion else {}),
            )
        tell_problems(pipe)
        try:
            tell(f"report → {comparison_report(results, output)}")
        except ImportError as error:
            told.print(f"[yellow]no report:[/] {escape(str(error))}")
    show_comparison(results)


def show_comparison(results):
    """Prints the table of systems and the verdict on stdout."""
    from mmkeras.comparing.comparison_report import table

    title = f"{results['target']}: {results['metric']}, points of {results['rows']['test']} test rows"
    shown = Table(title=escape(title))
    heads = {**HEADS, **COSTS}
    for name, head in heads.items():
        shown.add_column(head, justify="left" if name == "name" else "right", no_wrap=name == "name")
    for line in table(results):
        shown.add_row(*(escape(line[name]) for name in heads), style="bold" if line["note"] == "best fusion" else None)
    out = output()
    out.print(shown)
    out.print(results["verdict"], markup=False, highlight=False, soft_wrap=True)
