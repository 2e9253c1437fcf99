"""What each command does; `mmkeras.cli` starts them."""

import contextlib
import csv
import json
import os
from typing import Annotated

import typer
from rich.progress import Progress

from mmkeras.console import show_pipeline, show_report, show_scores, tell_problems, told

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Multimodal learning on tables of mixed media.")

TableArgument = Annotated[str, typer.Argument(metavar="TABLE", help="csv, tsv, jsonl or parquet file")]
RunArgument = Annotated[str, typer.Argument(metavar="RUN", help="folder of a training run")]
MediaOption = Annotated[str | None, typer.Option(help="folder that paths in cells start from; default: the table's")]


@contextlib.contextmanager
def _failing_plainly():
    """Turns what users can mend into one message and exit code 1."""
    import tensorflow as tf

    try:
        yield
    except (ValueError, FileNotFoundError, ImportError, tf.errors.OpError) as error:
        message = str(error)
        if "ValueError: " in message:
            message = message.split("ValueError: ", 1)[1].split("\nTraceback", 1)[0]
        told.print(f"[bold red]mmkeras:[/] {message.strip()}", highlight=False, soft_wrap=True)
        raise typer.Exit(1) from error


@app.command()
def inspect(
    table: TableArgument,
    target: Annotated[list[str], typer.Option(help="column to predict; may be given again")] = [],  # noqa: B006
    media_root: MediaOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="print JSON instead of tables")] = False,
    write_spec: Annotated[
        str | None, typer.Option(help="write the guessed spec to this file, to edit for train")
    ] = None,
):
    """Says what each column is, what is missing, broken, unbalanced or leaking."""
    with _failing_plainly():
        from data_pipelines import read_table
        from data_pipelines.audit import audit
        from data_pipelines.infer import infer

        rows = read_table(table, media_root)
        with Progress(console=told, transient=True) as progress:
            task = progress.add_task("opening media", total=len(rows))
            report = audit(rows, target, lambda done, total: progress.update(task, completed=done))
        if write_spec:
            from mmkeras.run import write_json

            parts = zip(("inputs", "targets"), infer(rows, target), strict=True)
            write_json(write_spec, {part: {name: m.get_config() for name, m in found.items()} for part, found in parts})
    if as_json:
        print(json.dumps(report, ensure_ascii=False, indent=1))
    else:
        show_report(report, target)


@app.command()
def train(
    table: TableArgument,
    output: Annotated[str, typer.Option(help="folder for the run")],
    target: Annotated[list[str], typer.Option(help="column to predict; may be given again")] = [],  # noqa: B006
    input: Annotated[list[str], typer.Option(help="column to predict from; default: all useful ones")] = [],  # noqa: B006
    ignore: Annotated[list[str], typer.Option(help="column to leave out; may be given again")] = [],  # noqa: B006
    spec: Annotated[str | None, typer.Option(help="JSON file of modalities instead of guesses, see inspect")] = None,
    fusion: Annotated[str | None, typer.Option(help="name of a fusion; default TokenTransformer")] = None,
    encoder: Annotated[list[str], typer.Option(help="NAME=ENCODER for an input; may be given again")] = [],  # noqa: B006
    epochs: Annotated[int, typer.Option(min=1)] = 20,
    batch_size: Annotated[int, typer.Option(min=1)] = 32,
    learning_rate: Annotated[float, typer.Option(min=0.0)] = 1e-3,
    weight_decay: Annotated[float, typer.Option(min=0.0)] = 0.05,
    label_smoothing: Annotated[float, typer.Option(min=0.0, max=0.99)] = 0.1,
    modality_dropout: Annotated[float, typer.Option(min=0.0, max=0.99)] = 0.2,
    balanced: Annotated[bool, typer.Option("--balanced", help="weigh classes by their rarity")] = False,
    dim: Annotated[int, typer.Option(min=4, help="width of a token")] = 64,
    seed: int = 0,
    on_bad: Annotated[str, typer.Option(help="raise, mask or drop")] = "raise",
    resume: Annotated[bool, typer.Option("--resume", help="go on with a run that was cut off")] = False,
    patience: Annotated[int | None, typer.Option(min=1, help="epochs without a better score before stopping")] = None,
    media_root: MediaOption = None,
):
    """Trains a model on a table and keeps the run in a folder."""
    with _failing_plainly():
        import keras

        import mmkeras as mm
        from data_pipelines import read_table
        from mmkeras import run

        keras.utils.set_random_seed(seed)
        rows = read_table(table, media_root)
        parts = _split(rows)
        pipe = _pipeline(rows, spec, target, input, ignore, on_bad).adapt(parts["train"])
        show_pipeline(pipe, parts)
        model = mm.build(pipe.spec, fusion=fusion, encoders=_named(encoder), dim=dim, modality_dropout=modality_dropout)
        steps = epochs * -(-len(parts["train"]) // batch_size)
        rate = keras.optimizers.schedules.CosineDecay(
            learning_rate / 20, steps, warmup_target=learning_rate, warmup_steps=steps // 20
        )
        mm.compile(model, pipe.spec, learning_rate=rate, weight_decay=weight_decay, label_smoothing=label_smoothing)
        fit_options = {"epochs": epochs, "batch_size": batch_size, "seed": seed, "resume": resume, "patience": patience}
        balance = "balanced" if balanced else None
        model = run.fit(model, pipe, parts["train"], parts["val"], output, class_weight=balance, **fit_options)
        _judge(model, pipe, parts["test"], output)


@app.command()
def evaluate(run: RunArgument, table: TableArgument, media_root: MediaOption = None):
    """Scores a run on a table: JSON on stdout, report.html in the run."""
    with _failing_plainly():
        from data_pipelines import read_table
        from mmkeras.run import load

        model, pipe = load(run)
        metrics = _judge(model, pipe, read_table(table, media_root), run)
    print(json.dumps({key: metrics[key] for key in ("rows", "targets", "counts")}, ensure_ascii=False))


@app.command()
def predict(
    run: RunArgument,
    table: TableArgument,
    output: Annotated[str, typer.Option(help="csv file to write")],
    media_root: MediaOption = None,
):
    """Writes one answer for each row of a table, in order."""
    with _failing_plainly():
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


@app.command()
def export(
    run: RunArgument,
    output: Annotated[str, typer.Option(help="folder to write")],
    format: Annotated[str, typer.Option(help="saved_model, onnx or litert")] = "saved_model",
):
    """Writes a run as one SavedModel from raw bytes and strings to answers, or its network as ONNX or LiteRT."""
    from mmkeras.export import FORMATS

    if format not in FORMATS:
        raise typer.BadParameter(f"the format must be one of {', '.join(FORMATS)}, not {format!r}")
    with _failing_plainly():
        import mmkeras as mm
        from mmkeras.run import load

        mm.export(*load(run), output, format=format)
    told.print(f"{format} → {output}")


@app.command()
def demo(
    output: Annotated[str, typer.Option(help="folder for both runs and the report")] = "demo",
    quick: Annotated[bool, typer.Option("--quick", help="a few steps only, to see that all of it works")] = False,
):
    """Trains, judges, exports and serves both bundled data sets."""
    with _failing_plainly():
        from mmkeras.demo import demo as show

        show(output, quick)


def _named(pairs):
    """`["title=TextBagEncoder"]` → `{"title": "TextBagEncoder"}`."""
    if any("=" not in pair for pair in pairs):
        raise typer.BadParameter(f"an encoder must be NAME=ENCODER, not {pairs!r}")
    return dict(pair.split("=", 1) for pair in pairs)


def _pipeline(rows, spec, target, inputs, ignore, on_bad):
    from data_pipelines import Pipeline, from_config
    from data_pipelines.infer import infer

    if spec is None:
        if not target:
            raise typer.BadParameter("name a column to predict: --target COLUMN, or give a --spec")
        return Pipeline(*infer(rows, target, inputs or None, ignore), on_bad=on_bad)
    with open(spec, encoding="utf-8") as file:
        try:
            parts = json.load(file)
            found = [{n: from_config(c) for n, c in parts[part].items()} for part in ("inputs", "targets")]
        except (json.JSONDecodeError, KeyError, AttributeError, TypeError) as error:
            raise ValueError(
                f"train: a spec must be JSON with inputs and targets, name → modality. Received: {spec!r} ({error!r}). "
                "Do: mmkeras inspect TABLE --target COLUMN --write-spec FILE."
            ) from error
    return Pipeline(*found, on_bad=on_bad)


def _split(rows):
    """Training, validation and test rows: by the table's own column, or 80, 10, 10 % by hash."""
    from data_pipelines.infer import split_column

    column = split_column(rows)
    if column is None:
        train_rows, val, test = rows.split(0.8, 0.1, 0.1)
    else:
        words = {str(word) for word in rows.values(column)}
        named = {part: [w for w in words if w.lower().startswith(starts)] for part, starts in _SPLITS.items()}
        train_rows = rows.where(**{column: named["train"]})
        if not named["val"] and not named["test"]:
            train_rows, val, test = train_rows.split(0.8, 0.1, 0.1)
        else:
            val = rows.where(**{column: named["val"] or named["test"]})
            test = rows.where(**{column: named["test"] or named["val"]})
    parts = {"train": train_rows, "val": val, "test": test}
    for part, found in parts.items():
        if not len(found):
            raise ValueError(
                f"train: every part must have rows. Received: no {part} rows out of {len(rows)}. Do: more rows."
            )
    return parts


_SPLITS = {"train": ("train",), "val": ("val", "dev"), "test": ("test",)}


def _judge(model, pipe, rows, folder):
    """Scores, writes metrics.json and report.html, shows the table."""
    import mmkeras as mm
    from mmkeras.run import METRICS, write_json

    metrics = mm.evaluate(model, pipe, rows)
    write_json(os.path.join(folder, METRICS), metrics)
    show_scores(metrics)
    tell_problems(pipe)
    try:
        path = mm.report(model, pipe, rows, folder)
    except ImportError as error:
        told.print(f"[yellow]no report:[/] {error}")
    else:
        told.print(f"report → {path}")
    return metrics
