"""`mmkeras prepare`."""

from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from mmkeras.commands.app import (
    EncodingOption,
    HeaderOption,
    MediaOption,
    OnlyBelowOption,
    TableArgument,
    app,
    failing_plainly,
)
from mmkeras.commands.console import tell, tell_problems, told
from mmkeras.commands.train import pipeline_of


@app.command()
def prepare(
    table: TableArgument,
    output: Annotated[str, typer.Argument(metavar="OUT", help="folder for the shards; begun before, it is finished")],
    target: Annotated[list[str], typer.Option(help="column to predict; may be given again")] = [],  # noqa: B006
    input: Annotated[list[str], typer.Option(help="column to predict from; default: all useful ones")] = [],  # noqa: B006
    ignore: Annotated[list[str], typer.Option(help="column to leave as it is; may be given again")] = [],  # noqa: B006
    spec: Annotated[str | None, typer.Option(help="JSON file of modalities instead of guesses, see inspect")] = None,
    file_format: Annotated[str, typer.Option("--format", help="tfrecord or array_record")] = "tfrecord",
    rows_per_shard: Annotated[int, typer.Option(min=1, help="rows in a file")] = 1000,
    on_bad: Annotated[str, typer.Option(help="raise, mask or drop")] = "raise",
    media_root: MediaOption = None,
    encoding: EncodingOption = None,
    header: HeaderOption = False,
    only_below: OnlyBelowOption = None,
):
    """Decodes media once and writes shards, which every command takes as TABLE."""
    with failing_plainly():
        from data_pipelines import read_table
        from data_pipelines.formats.shard import import_tfds

        # While it is imported, TFDS' own import hook would break the thread of the bar, which imports too.
        import_tfds(file_format)
        rows = read_table(table, media_root, encoding, header, only_below)
        pipe = pipeline_of(rows, spec, target, input, ignore, on_bad)
        columns = TextColumn("preparing"), BarColumn(), MofNCompleteColumn(), TextColumn("rows"), TimeRemainingColumn()
        with Progress(*columns, console=told, transient=True) as progress:
            task = progress.add_task("preparing", total=len(rows))
            options = {"file_format": file_format, "rows_per_shard": rows_per_shard}
            index = pipe.prepare(
                rows, output, progress=lambda done, total: progress.update(task, completed=done), **options
            )
        tell_problems(pipe)
    tell(f"{sum(note['rows'] for note in index['shards'])} rows in {len(index['shards'])} shards → {output}")
