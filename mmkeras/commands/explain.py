"""`mmkeras explain`."""

from typing import Annotated

import typer

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
from mmkeras.commands.console import tell, tell_problems


@app.command()
def explain(
    run: RunArgument,
    table: TableArgument,
    output: Annotated[str, typer.Option(help="folder for explanation.html, explanation.json and arrays.npz")],
    rows: Annotated[int, typer.Option(min=0, help="how many rows to show in detail, from the first")] = 12,
    target: Annotated[str | None, typer.Option(help="what to explain; default: the first target")] = None,
    of: Annotated[str, typer.Option(help="the class that is explained: predicted or true")] = "predicted",
    media_root: MediaOption = None,
    encoding: EncodingOption = None,
    header: HeaderOption = False,
    only_below: OnlyBelowOption = None,
):
    """Says what each input is worth for the answers of a run, and what decides within it."""
    with failing_plainly():
        import mmkeras as mm
        from data_pipelines import read_table
        from data_pipelines.files.whole_file import check_folder
        from mmkeras.training.run import load

        check_folder("explain", output)
        model, pipe = load(run)
        found = mm.explain(
            model,
            pipe,
            read_table(table, media_root, encoding, header, only_below),
            target=target,
            of=of,
            examples=rows,
        )
        path = found.save(output)
        tell_problems(pipe)
    tell(f"explanation → {path}")
