"""`mmkeras ensemble`."""

from typing import Annotated

import typer

from mmkeras.commands.app import app, failing_plainly
from mmkeras.commands.console import tell


@app.command()
def ensemble(
    runs: Annotated[list[str], typer.Argument(metavar="RUN…", help="folders of training runs on one table")],
    output: Annotated[str, typer.Option(help="folder of the run to write")],
    overwrite: Annotated[bool, typer.Option("--overwrite", help="replace a run that is there")] = False,
):
    """Makes one run of several that were trained apart: it answers with the mean of what they answer."""
    with failing_plainly():
        import mmkeras as mm
        from mmkeras.runs.run_folder import RunFolder
        from mmkeras.training.run import check, load, save

        for run in runs:
            check(run)
            if RunFolder(run).pipeline() != RunFolder(runs[0]).pipeline():
                raise ValueError(
                    f"ensemble: runs must read their rows alike. Received: {run!r} unlike {runs[0]!r}. "
                    "Do: train them on the same rows and columns."
                )
        loaded = [load(run) for run in runs]
        save(mm.ensemble([model for model, _ in loaded]), loaded[0][1], output, overwrite)
    tell(f"{len(runs)} runs → {output}")
