"""`mmkeras train`."""

import contextlib
import json
import os
from typing import Annotated

import typer

from mmkeras.commands.app import (
    EncodingOption,
    HeaderOption,
    MediaOption,
    OnlyBelowOption,
    TableArgument,
    app,
    failing_plainly,
)
from mmkeras.commands.console import show_pipeline, tell
from mmkeras.commands.evaluate import judge


@app.command()
def train(
    table: TableArgument,
    output: Annotated[str, typer.Option(help="folder for the run")],
    target: Annotated[list[str], typer.Option(help="column to predict; may be given again")] = [],  # noqa: B006
    validation: Annotated[
        str | None, typer.Option(metavar="TABLE", help="rows to choose by; default: some of TABLE")
    ] = None,
    test: Annotated[str | None, typer.Option(metavar="TABLE", help="rows to judge by; default: some of TABLE")] = None,
    by: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="rows of equal cells stay in one part, where parts are cut")
    ] = None,
    input: Annotated[list[str], typer.Option(help="column to predict from; default: all useful ones")] = [],  # noqa: B006
    ignore: Annotated[list[str], typer.Option(help="column to leave out; may be given again")] = [],  # noqa: B006
    spec: Annotated[str | None, typer.Option(help="JSON file of modalities instead of guesses, see inspect")] = None,
    fusion: Annotated[
        str | None,
        typer.Option(help="name of a fusion; default: SumFusion for labels and numbers, else TokenTransformer"),
    ] = None,
    encoder: Annotated[list[str], typer.Option(help="NAME=ENCODER for an input; may be given again")] = [],  # noqa: B006
    decoder: Annotated[list[str], typer.Option(help="NAME=DECODER for a target; may be given again")] = [],  # noqa: B006
    tokens: Annotated[
        bool,
        typer.Option("--tokens", help="one transformer answers all; tokenizers of pictures and sounds learn first"),
    ] = False,
    tokenizer_epochs: Annotated[int, typer.Option(min=1, help="with --tokens")] = 30,
    epochs: Annotated[int | None, typer.Option(min=1, help="the most; default: until validation stops it")] = None,
    minutes: Annotated[float | None, typer.Option(min=0.0, help="of training at the most")] = None,
    batch_size: Annotated[int | None, typer.Option(min=1, help="default: 16 to 128, by the number of rows")] = None,
    learning_rate: Annotated[float, typer.Option(min=0.0)] = 1e-3,
    weight_decay: Annotated[float, typer.Option(min=0.0)] = 0.5,
    label_smoothing: Annotated[float, typer.Option(min=0.0, max=0.99, help="of categories")] = 0.1,
    modality_dropout: Annotated[float | None, typer.Option(min=0.0, max=0.99)] = None,
    balance: Annotated[str | None, typer.Option(help="of targets: UncertaintyWeighting or GradNorm")] = None,
    balanced: Annotated[bool, typer.Option("--balanced", help="weigh classes by their rarity")] = False,
    dim: Annotated[int, typer.Option(min=4, help="width of a token")] = 64,
    seed: int = 0,
    on_bad: Annotated[str, typer.Option(help="raise, mask or drop")] = "raise",
    resume: Annotated[
        bool, typer.Option("--resume", help="go on with a run that was cut off, with the same table and options")
    ] = False,
    save_every: Annotated[
        str | None, typer.Option(help="steps (200) or time (5min) between checkpoints; default: each epoch, 10min")
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="replace a run that is there, once the new one is finished")
    ] = False,
    patience: Annotated[
        int | None, typer.Option(min=1, help="epochs without a better loss before the rate falls, then training ends")
    ] = None,
    refit: Annotated[
        bool,
        typer.Option("--refit", help="then learns anew, as many epochs as were best, from validation rows as well"),
    ] = False,
    cache: Annotated[
        str | None, typer.Option(help="of decoded rows: memory, disk or none; default: what has room")
    ] = None,
    media_root: MediaOption = None,
    encoding: EncodingOption = None,
    header: HeaderOption = False,
    only_below: OnlyBelowOption = None,
):
    """Trains a model on a table and keeps the run in a folder."""
    with failing_plainly(), stopping_plainly():
        import mmkeras as mm
        from data_pipelines import read_table
        from data_pipelines.infer import left_out
        from mmkeras.training import run
        from mmkeras.training.row_parts import row_parts

        if refit and resume:
            raise typer.BadParameter("--resume goes on with one training, --refit are two: leave one of them out")
        if resume and overwrite:
            raise typer.BadParameter("--resume goes on with a run, --overwrite replaces it: leave one of them out")
        finished = found_in(output, resume, overwrite)
        if finished and is_judged(output):
            return
        rows, val, judges = (
            other and read_table(other, media_root, encoding, header, only_below) for other in (table, validation, test)
        )
        if finished:
            judge(*run.load(output), row_parts(rows, val, judges, by)["test"], output)
            return
        pipe = pipeline_of(rows, spec, target, input, ignore, on_bad)
        for line in [] if spec or input else left_out(rows.without(*ignore), pipe):
            tell(line, "yellow")

        def parts_of_model(known):
            parts = {"fusion": fusion, "encoders": named(encoder), "decoders": named(decoder), "balance": balance}
            if tokens:
                options = {"epochs": tokenizer_epochs, "batch_size": batch_size or 32, "seed": seed}
                learned = row_parts(rows, val, judges, by)["train"]
                parts.update(decoder="tokens", tokenizers=tokenizers_of(pipe, learned, **options))
            return {**parts, "dim": dim, "modality_dropout": modality_dropout}

        trained = mm.train(
            rows,
            output=output,
            pipeline=pipe,
            validation=val,
            test=judges,
            by=by,
            parts=parts_of_model,
            minutes=minutes,
            seed=seed,
            class_weight="balanced" if balanced else None,
            refit=refit,
            resume=resume,
            overwrite=overwrite,
            save_every=save_every,
            show=show_pipeline,
            epochs=epochs,
            batch_size=batch_size,
            patience=patience,
            learning_rate=learning_rate,
            weight_decay=weight_decay,
            label_smoothing=label_smoothing,
            cache=cache,
        )
        judge(trained.model, trained.pipe, trained.parts["test"], output, trained.metrics, trained.report_rows)


@contextlib.contextmanager
def stopping_plainly():
    """Says what Ctrl-C left, and ends with 130, as shells do."""
    try:
        yield
    except KeyboardInterrupt as stopped:
        tell(f"mmkeras: {stopped or 'stopped'}")
        raise typer.Exit(130) from stopped


def found_in(output, resume, overwrite):
    """Whether the folder's run is finished and there is nothing to go on with; refuses what may not be written over."""
    from mmkeras.runs.run_folder import FINISHED, NEW, RunFolder

    found = RunFolder(output).state(resume, overwrite)
    if found == FINISHED:
        tell(f"{output} is finished: there is nothing to go on with")
    if found == NEW and resume:
        tell(f"{output} holds nothing to go on with yet: training begins")
    return found == FINISHED


def is_judged(folder):
    """Whether a run has its scores and, where one can be made, their report."""
    from mmkeras.pages.environment import require_packages
    from mmkeras.training.run import METRICS, REPORT

    has_scores, has_report = (os.path.exists(os.path.join(folder, name)) for name in (METRICS, REPORT))
    if has_scores and not has_report:
        try:
            require_packages("report")
        except ImportError:
            return True
    return has_scores and has_report


def tokenizers_of(pipe, rows, **options):
    """Dict target → tokenizer that has learned its pictures or sounds."""
    from mmkeras.training.fit_tokenizer import fit_tokenizer, with_tokenizers

    found = {}
    for name in with_tokenizers(pipe.spec):
        tell(f"tokenizer of {pipe.title(name)}")
        found[name] = fit_tokenizer(pipe, rows, name, **options)
    return found


def named(pairs):
    """`["title=TextBagEncoder"]` → `{"title": "TextBagEncoder"}`."""
    if any("=" not in pair for pair in pairs):
        raise typer.BadParameter(f"a part must be NAME=PART, such as title=TextBagEncoder, not {pairs!r}")
    return dict(pair.split("=", 1) for pair in pairs)


def pipeline_of(rows, spec, target, inputs, ignore, on_bad):
    """A pipeline, not adapted, from a spec file or from guesses."""
    from data_pipelines import Pipeline, from_config
    from data_pipelines.infer import infer

    if spec is None:
        if not target:
            raise typer.BadParameter("name a column to predict: --target COLUMN, or give a --spec")
        return Pipeline(*infer(rows, target, inputs or None, ignore), on_bad=on_bad)
    if os.path.isdir(spec):
        raise ValueError(f"train: a spec must be a JSON file. Received: {spec!r}, a folder. Do: name the file in it.")
    with open(spec, encoding="utf-8") as file:
        try:
            parts = json.load(file)
            found = [{n: from_config(c) for n, c in parts[part].items()} for part in ("inputs", "targets")]
        except (json.JSONDecodeError, UnicodeDecodeError, RecursionError, KeyError, AttributeError, TypeError) as error:
            raise ValueError(
                f"train: a spec must be JSON with inputs and targets, name → modality. Received: {spec!r} ({error!r}). "
                "Do: mmkeras inspect TABLE --target COLUMN --write-spec FILE."
            ) from error
    return Pipeline(*found, on_bad=on_bad)
