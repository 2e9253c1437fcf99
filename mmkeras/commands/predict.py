"""`mmkeras predict`."""

import csv
from typing import Annotated

import typer
from rich.progress import Progress

from mmkeras.commands.app import MediaOption, RunArgument, TableArgument, app, failing_plainly
from mmkeras.console import tell_problems, told


@app.command()
def predict(
    run: RunArgument,
    table: TableArgument,
    output: Annotated[str, typer.Option(help="csv file to write")],
    media_root: MediaOption = None,
):
    """Writes one answer for each row of a table, in order."""
    with failing_plainly():
        import mmkeras as mm
        from data_pipelines import read_table
        from mmkeras.run import load

        model, pipe = load(run)
        rows = read_table(table, media_root)
        with (
            open(output, "w", newline="", encoding="utf-8") as file,
            Progress(console=told, transient=True) as progress,
        ):
            task, out = progress.add_task("predicting", total=len(rows)), None
            for answers in mm.predict(model, pipe, rows):
                if out is None:
                    out = csv.writer(file)
                    out.writerow(answers)
                out.writerows(zip(*(values.tolist() for values in answers.values()), strict=True))
                progress.update(task, advance=len(next(iter(answers.values()))))
        tell_problems(pipe)
    told.print(f"{len(rows)} rows → {output}")
