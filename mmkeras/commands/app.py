"""The application that commands join, and what they share."""

import contextlib
import errno
import json
import os
from typing import Annotated

import typer
from rich.markup import escape

from mmkeras.commands.console import told

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Multimodal learning on tables of mixed media.")

FULL = (errno.ENOSPC, errno.EDQUOT)

TableArgument = Annotated[
    str, typer.Argument(metavar="TABLE", help="csv, tsv, jsonl or parquet file, or a folder of shards")
]
RunArgument = Annotated[str, typer.Argument(metavar="RUN", help="folder of a training run")]
MediaOption = Annotated[str | None, typer.Option(help="folder that paths in cells start from; default: the table's")]
EncodingOption = Annotated[str | None, typer.Option(help="of a csv, tsv or jsonl, such as gb18030; default: UTF-8")]
HeaderOption = Annotated[
    bool, typer.Option("--header", help="the first line of a csv or tsv names the columns, even where it is numbers")
]
OnlyBelowOption = Annotated[
    str | None, typer.Option(help="folder that files named in cells must lie in; default: any file that can be read")
]

GenerateOption = Annotated[
    str | None, typer.Option(help='JSON, target → how it is generated, such as {"caption": {"beams": 4}}')
]


def generation_options(text):
    """What `--generate` says as a dict, or None."""
    if text is None:
        return None
    try:
        options = json.loads(text)
    except (json.JSONDecodeError, RecursionError) as error:
        raise typer.BadParameter(f"--generate must be JSON, not {text!r} ({error})") from error
    if not isinstance(options, dict) or not all(isinstance(value, dict) for value in options.values()):
        raise typer.BadParameter(f'--generate must be like {{"caption": {{"beams": 4}}}}, not {text!r}')
    return options


@contextlib.contextmanager
def failing_plainly():
    """Turns what users can mend into one message and exit code 1."""
    import tensorflow as tf

    try:
        yield
    except (ValueError, OSError, ImportError, RecursionError, tf.errors.OpError) as error:
        message = _no_room(error) or str(error)
        if "ValueError: " in message:
            message = message.split("ValueError: ", 1)[1].split("\nTraceback", 1)[0]
        told.print(f"[bold red]mmkeras:[/] {escape(message.strip())}", highlight=False, soft_wrap=True)
        raise typer.Exit(1) from error


def _no_room(error):
    """What is said of a disk that is full, whoever met it; None of anything else."""
    if getattr(error, "errno", None) not in FULL and os.strerror(errno.ENOSPC) not in str(error):
        return None
    path = getattr(error, "filename", None)
    place = f" for {path!r}" if path else ""
    return f"there is no room left on the disk{place}. Files from before are as they were. Do: make room, start again."
