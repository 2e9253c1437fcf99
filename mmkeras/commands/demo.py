"""`mmkeras demo`."""

from typing import Annotated

import typer

from mmkeras.commands.app import app, failing_plainly


@app.command()
def demo(
    output: Annotated[str, typer.Option(help="folder for both runs and the report")] = "demo",
    quick: Annotated[bool, typer.Option("--quick", help="a few steps only, to see that all of it works")] = False,
):
    """Trains, judges, exports and serves both bundled data sets."""
    with failing_plainly():
        from mmkeras.recipes.demo import demo as show

        show(output, quick)
