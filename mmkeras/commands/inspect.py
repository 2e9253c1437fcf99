"""`mmkeras inspect`."""

import json
from typing import Annotated

import typer
from rich.progress import Progress

from mmkeras.commands.app import (
    EncodingOption,
    HeaderOption,
    MediaOption,
    OnlyBelowOption,
    TableArgument,
    app,
    failing_plainly,
)
from mmkeras.commands.console import show_report, tell, told


@app.command()
def inspect(
    table: TableArgument,
    target: Annotated[list[str], typer.Option(help="column to predict; may be given again")] = [],  # noqa: B006
    media_root: MediaOption = None,
    encoding: EncodingOption = None,
    header: HeaderOption = False,
    only_below: OnlyBelowOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="print JSON instead of tables")] = False,
    html: Annotated[str | None, typer.Option(help="write a page with pictures, sounds and charts to this file")] = None,
    write_spec: Annotated[
        str | None, typer.Option(help="write the guessed spec to this file, to edit for train")
    ] = None,
):
    """Says what each column is, what is missing, broken, unbalanced, doubled or leaking."""
    with failing_plainly():
        from data_pipelines import read_table
        from data_pipelines.audit import audit
        from data_pipelines.files.whole_file import check_apart, write_json
        from data_pipelines.infer import infer

        for path in filter(None, (html, write_spec)):
            check_apart("inspect", path, [table])
        rows = read_table(table, media_root, encoding, header, only_below)
        with Progress(console=told, transient=True) as progress:
            task = progress.add_task("opening media", total=len(rows))
            report = audit(rows, target, lambda done, total: progress.update(task, completed=done))
        if html:
            from mmkeras.reporting.inspect_page import inspect_page

            tell(f"page written to {inspect_page(rows, report, html, target)}")
        if write_spec:
            parts = zip(("inputs", "targets"), infer(rows, target), strict=True)
            write_json(write_spec, {part: {name: m.get_config() for name, m in found.items()} for part, found in parts})
    if as_json:
        print(json.dumps(report, ensure_ascii=False, indent=1))
    else:
        show_report(report, target)
