"""`mmkeras export`."""

from typing import Annotated

import typer

from mmkeras.commands.app import GenerateOption, RunArgument, app, failing_plainly, generation_options
from mmkeras.commands.console import tell


@app.command()
def export(
    run: RunArgument,
    output: Annotated[str, typer.Option(help="folder to write")],
    format: Annotated[str, typer.Option(help="saved_model, onnx or litert")] = "saved_model",
    generate: GenerateOption = None,
    seed: Annotated[int, typer.Option(help="of all that is drawn")] = 0,
):
    """Writes a run as one SavedModel from raw bytes and strings to answers, or its network as ONNX or LiteRT."""
    from mmkeras.exporting.export import FORMATS

    if format not in FORMATS:
        raise typer.BadParameter(f"the format must be one of {', '.join(FORMATS)}, not {format!r}")
    with failing_plainly():
        import mmkeras as mm
        from mmkeras.training.run import load

        mm.export(*load(run), output, format=format, generate=generation_options(generate), seed=seed)
    tell(f"{format} → {output}")
