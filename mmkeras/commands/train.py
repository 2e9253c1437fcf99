"""`mmkeras train`."""

import contextlib
import json
import os
from typing import Annotated

import typer

from mmkeras.commands.app import EncodingOption, MediaOption, TableArgument, app, failing_plainly
from mmkeras.commands.evaluate import judge
from mmkeras.console import show_pipeline, tell


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
    decoder: Annotated[list[str], typer.Option(help="NAME=DECODER for a target; may be given again")] = [],  # noqa: B006
    tokens: Annotated[
        bool,
        typer.Option("--tokens", help="one transformer answers all; tokenizers of pictures and sounds learn first"),
    ] = False,
    tokenizer_epochs: Annotated[int, typer.Option(min=1, help="with --tokens")] = 30,
    epochs: Annotated[int, typer.Option(min=1)] = 20,
    batch_size: Annotated[int, typer.Option(min=1)] = 32,
    learning_rate: Annotated[float, typer.Option(min=0.0)] = 1e-3,
    weight_decay: Annotated[float, typer.Option(min=0.0)] = 0.05,
    label_smoothing: Annotated[float, typer.Option(min=0.0, max=0.99)] = 0.1,
    modality_dropout: Annotated[float, typer.Option(min=0.0, max=0.99)] = 0.2,
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
    patience: Annotated[int | None, typer.Option(min=1, help="epochs without a better score before stopping")] = None,
    refit: Annotated[
        bool,
        typer.Option("--refit", help="then learns anew, as many epochs as were best, from validation rows as well"),
    ] = False,
    media_root: MediaOption = None,
    encoding: EncodingOption = None,
):
    """Trains a model on a table and keeps the run in a folder."""
    with failing_plainly(), stopping_plainly():
        import keras

        import mmkeras as mm
        from data_pipelines import read_table
        from mmkeras import run

        if refit and resume:
            raise typer.BadParameter("--resume goes on with one training, --refit are two: leave one of them out")
        if resume and overwrite:
            raise typer.BadParameter("--resume goes on with a run, --overwrite replaces it: leave one of them out")
        finished = found_in(output, resume, overwrite)
        if finished and os.path.exists(os.path.join(output, run.METRICS)):
            return
        rows = read_table(table, media_root, encoding)
        parts = split(rows)
        if refit and parts["val"] is parts["test"]:
            raise ValueError(
                "train: --refit must leave rows to judge by. Received: one part for choosing and testing. "
                "Do: name some rows val and others test, or leave the column of parts out."
            )

        if finished:
            judge(*run.load(output), parts["test"], output)
            return

        def learn(learned, judged, folder, epochs):
            keras.utils.set_random_seed(seed)
            pipe = pipeline_of(rows, spec, target, input, ignore, on_bad).adapt(learned)
            show_pipeline(pipe, {**parts, "train": learned, "val": judged or ()})
            parts_of_model = {"fusion": fusion, "encoders": named(encoder), "decoders": named(decoder)}
            if tokens:
                fitted = tokenizers_of(pipe, learned, epochs=tokenizer_epochs, batch_size=batch_size, seed=seed)
                parts_of_model.update(decoder="tokens", tokenizers=fitted)
            model = mm.build(pipe.spec, **parts_of_model, dim=dim, modality_dropout=modality_dropout, balance=balance)
            steps = epochs * -(-len(learned) // batch_size)
            rate = keras.optimizers.schedules.CosineDecay(
                learning_rate / 20, steps, warmup_target=learning_rate, warmup_steps=steps // 20
            )
            mm.compile(model, pipe.spec, learning_rate=rate, weight_decay=weight_decay, label_smoothing=label_smoothing)
            options = {"batch_size": batch_size, "seed": seed, "class_weight": "balanced" if balanced else None}
            kept = {"resume": resume, "patience": patience, "save_every": save_every, "overwrite": overwrite}
            return run.fit(model, pipe, learned, judged, folder, epochs, **options, **kept), pipe

        if refit:
            chosen = os.path.join(output, "chosen")
            epochs = run.best_epoch(*learn(parts["train"], parts["val"], chosen, epochs), chosen)
            tell(f"anew on training and validation rows, {epochs} epochs")
            model, pipe = learn(parts["train"].union(parts["val"]), None, output, epochs)
        else:
            model, pipe = learn(parts["train"], parts["val"], output, epochs)
        judge(model, pipe, parts["test"], output)


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
    from mmkeras.training.run_folder import FINISHED, NEW, RunFolder

    found = RunFolder(output).state(resume, overwrite)
    if found == FINISHED:
        tell(f"{output} is finished: there is nothing to go on with")
    if found == NEW and resume:
        tell(f"{output} holds nothing to go on with yet: training begins")
    return found == FINISHED


def tokenizers_of(pipe, rows, **options):
    """Dict target → tokenizer that has learned its pictures or sounds."""
    from mmkeras.fit_tokenizer import fit_tokenizer, with_tokenizers

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


def split(rows):
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
            val, test = (rows.where(**{column: named[part]}) if named[part] else None for part in ("val", "test"))
            val, test = val or test, test or val
    parts = {"train": train_rows, "val": val, "test": test}
    for part, found in parts.items():
        if not len(found):
            raise ValueError(
                f"train: every part must have rows. Received: no {part} rows out of {len(rows)}. Do: more rows."
            )
    return parts


_SPLITS = {"train": ("train",), "val": ("val", "dev"), "test": ("test",)}
