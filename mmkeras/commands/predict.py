"""`mmkeras predict`."""

import os
from typing import Annotated

import typer
from rich.progress import Progress

from mmkeras.commands.app import (
    EncodingOption,
    GenerateOption,
    HeaderOption,
    MediaOption,
    OnlyBelowOption,
    RunArgument,
    TableArgument,
    app,
    failing_plainly,
    generation_options,
)
from mmkeras.commands.console import tell, tell_problems, told


@app.command()
def predict(
    run: RunArgument,
    table: TableArgument,
    output: Annotated[str, typer.Option(help="csv file to write; pictures and sounds go into folders beside it")],
    generate: GenerateOption = None,
    seed: Annotated[int, typer.Option(help="of all that is drawn")] = 0,
    batch_size: Annotated[int, typer.Option(min=1)] = 64,
    as_is: Annotated[
        bool, typer.Option("--as-is", help="no ' before texts that begin as formulas do, with = + - or @")
    ] = False,
    media_root: MediaOption = None,
    encoding: EncodingOption = None,
    header: HeaderOption = False,
    only_below: OnlyBelowOption = None,
):
    """Writes one answer for each row of a table, in order; a spreadsheet runs none of them, see --as-is."""
    with failing_plainly():
        import mmkeras as mm
        from data_pipelines import read_table
        from data_pipelines.files.whole_file import check_apart
        from mmkeras.inference.answer_table import answer_table
        from mmkeras.training.run import load

        options = generation_options(generate)
        check_apart("predict", output, [table, *_needed(run)])
        model, pipe = load(run)
        rows = read_table(table, media_root, encoding, header, only_below)
        with answer_table(pipe, output, as_is) as write, Progress(console=told, transient=True) as progress:
            task = progress.add_task("predicting", total=len(rows))
            for answers in mm.predict(model, pipe, rows, batch_size, options, seed):
                write(answers)
                progress.update(task, advance=len(next(iter(answers.values()))))
        tell_problems(pipe)
    tell(f"{len(rows)} rows → {output}")


def _needed(folder):
    """What of a run must not be lost."""
    from mmkeras.runs import run_folder

    names = ("MODEL", "PIPELINE", "SPEC", "METRICS", "HISTORY", "RUN", "TRAINING")
    return [os.path.join(folder, getattr(run_folder, name)) for name in names]
