"""A training run in a folder: everything that is needed to go on, to judge and to serve."""

import csv
import functools
import os

from data_pipelines.files.held_folder import held_folder
from data_pipelines.files.whole_file import write_json
from mmkeras.inference.finite_answers import with_nulls
from mmkeras.runs.run_folder import FINISHED, HISTORY, METRICS, MODEL, PIPELINE, REPORT, RESUME, SPEC, RunFolder
from mmkeras.runs.run_marks import load_model
from mmkeras.training.batch_rows import BatchRows
from mmkeras.training.checkpoint_file import CheckpointFile
from mmkeras.training.conditions import conditions_of, digest, require_same
from mmkeras.training.monitored import monitored
from mmkeras.training.resumable_batches import ResumableBatches, later
from mmkeras.training.run_training import RunTraining
from mmkeras.training.save_every import SaveEvery
from mmkeras.training.seen_rows import SeenRows

__all__ = [
    "HISTORY",
    "METRICS",
    "MODEL",
    "PIPELINE",
    "REPORT",
    "SPEC",
    "best_epoch",
    "check",
    "fit",
    "fit_batches",
    "load",
    "save",
    "write_json",
    "write_metrics",
]

TRIES = 5  # at reading a run that a training is just replacing


def fit(
    model,
    pipe,
    train,
    validation,
    folder,
    epochs=20,
    batch_size=32,
    seed=0,
    class_weight=None,
    resume=False,
    patience=None,
    keep="best",
    verbose="auto",
    save_every=None,
    overwrite=False,
    monitor=None,
    callbacks=(),
    cache=True,
    choices=None,
):
    """Fits a compiled model with `model.fit` and keeps the run in a folder.

    Where the model's steps are compiled (`jit_compile`), sequences are padded to a few lengths.

    With `keep="best"`, the weights kept are those of the best validation score of the first target (or loss, where
    there is no accuracy); with `"last"`, those at the end, as suits running means of weights.

    A run that is cut off goes on at the step that was saved last and ends with the very weights, history and best model
    of one that is not, on the same machine. Ctrl-C saves first. The best model so far can be loaded from the folder
    while it learns, unless the folder holds another run, which stays until this one is finished.

    Args:
        model: compiled `keras.Model`.
        pipe: adapted `Pipeline`.
        train: `Rows` to learn from.
        validation: `Rows` to choose by, or None: the last weights stay.
        folder: path, made if it is not there.
        epochs: int > 0. Defaults to `20`.
        batch_size: int > 0. Defaults to `32`.
        seed: int. For the order of rows. Defaults to `0`.
        class_weight: see `Pipeline.batches`. Defaults to `None`.
        resume: bool. Goes on with a run that was cut off, with the same model, rows and arguments. A finished one is
            left as it is; where nothing was saved yet, training begins. Defaults to `False`.
        patience: int or None. Epochs without a better score before stopping. Defaults to `None`: all epochs.
        keep: `"best"` or `"last"`. Defaults to `"best"`.
        verbose: as in `model.fit`. Defaults to `"auto"`.
        save_every: int: steps between checkpoints; `"90s"`, `"5min"`, `"2h"`: time; None. Defaults to `None`: each
            epoch and every 10 minutes in long ones, at 2 % of the time at most. Where rows with bad cells are dropped,
            at the end of epochs only.
        overwrite: bool. Whether a run that is in the folder is replaced. Defaults to `False`.
        monitor: str or None. The score to choose by, see `mmkeras.training.monitored`. Defaults to `None`: the first
            target's accuracy, or the loss.
        callbacks: Keras callbacks beside the run's own. Defaults to none.
        cache: bool or path, see `Pipeline.batches`; validation rows lie beside. Defaults to `True`.
        choices: dict, JSON-ready, or None. What was chosen, for the run's `choices.json`. Defaults to `None`.
    Returns:
        The model, with the weights kept; they are in `model.keras` as well.
    Raises:
        ValueError: the folder holds a run; or one to go on with was begun otherwise, or its checkpoint is lost or
            damaged. `NotFiniteError`: a loss is NaN or infinite.
        KeyboardInterrupt: Ctrl-C was pressed, and all is saved.
    """
    from data_pipelines.batches.order import first_number

    shapes = "few" if model.jit_compile else False
    options = {"training": True, "seed": seed, "class_weight": class_weight, "cache": cache, "static_shapes": shapes}
    named = {"with_rows": True, "static_shapes": False}  # of rows, none of which fills a batch up
    if pipe.on_bad == "drop":
        made = lambda passes: later(pipe.batches(train, batch_size, **{**options, **named}), passes)  # noqa: E731
        rows = BatchRows(train, pipe, made)
        batches = ResumableBatches.of(pipe.batches(train, batch_size, **options), rows)
    else:
        options["endless"] = "by pass"
        drawn = functools.partial(pipe.batches, train, batch_size, **options)
        rows = BatchRows(train, pipe, lambda step: drawn(first_step=step, **named))
        batches = ResumableBatches(lambda step: drawn(first_step=step), -(-len(train) // batch_size), rows)
    beside = cache if isinstance(cache, bool) else f"{os.fspath(cache)}_validation"
    judged = judged_rows = None
    if validation is not None:
        judged = pipe.batches(validation, batch_size, cache=beside, on_bad="mask", static_shapes=shapes)
        made = functools.partial(pipe.batches, validation, batch_size, on_bad="mask", with_rows=True)
        judged_rows = BatchRows(validation, pipe, lambda step: made())
    conditions = {
        "batch_size": batch_size,
        "seed": seed,
        "seed_of_tensorflow": digest(first_number(seed)),
        "class_weight": class_weight,
        "rows": len(train),
        "validation_rows": 0 if validation is None else len(validation),
    }
    return fit_batches(
        model,
        pipe,
        batches,
        judged,
        folder,
        epochs,
        resume=resume,
        patience=patience,
        keep=keep,
        verbose=verbose,
        save_every=save_every,
        overwrite=overwrite,
        conditions=conditions,
        monitor=monitor,
        callbacks=callbacks,
        judged_rows=judged_rows,
        choices=choices,
        seen=lambda path, mark: SeenRows(path).write(mark, pipe, train, validation),
    )


def fit_batches(
    model,
    pipe,
    batches,
    judged,
    folder,
    epochs,
    resume=False,
    patience=None,
    keep="best",
    verbose="auto",
    callbacks=(),
    backup=True,
    save_every=None,
    overwrite=False,
    conditions=None,
    monitor=None,
    judged_rows=None,
    choices=None,
    seen=None,
):
    """The same on batches that are there already.

    Args:
        batches: `tf.data.Dataset` of one pass to learn from, or `ResumableBatches`, which need not draw what comes
            before the step that training goes on at.
        judged: `tf.data.Dataset` to choose by, or None.
        callbacks: Keras callbacks beside the run's own. Defaults to none.
        backup: bool. Whether checkpoints are kept, for `resume`. Defaults to `True`.
        conditions: dict, JSON-ready, or None. What else must be the same to go on. Defaults to `None`.
        judged_rows: `BatchRows` of `judged`, to name rows by, or None. Defaults to `None`.
        choices, seen: see `RunFolder.start`. Default to `None`.
        model, pipe, folder, epochs, resume, patience, keep, verbose, save_every, overwrite, monitor: see `fit`.
    Returns:
        The model, with the weights kept.
    """
    run, every, batches = RunFolder(folder), SaveEvery(save_every), ResumableBatches.of(batches)
    with held_folder("run", folder):
        found = run.state(resume, overwrite)
        if found == FINISHED:
            model.load_weights(run.path(MODEL))
            return model
        facts = {"epochs": epochs, "patience": patience, "keep": keep, "validation": judged is not None}
        facts["steps_per_execution"] = model.steps_per_execution
        kinds = [type(callback).__name__ for callback in callbacks]
        now = conditions_of(model, pipe, **facts, steps=batches.steps, callbacks=kinds, **(conditions or {}))
        saved = None
        if found == RESUME:
            saved = CheckpointFile(run.checkpoint).read()
            require_same(saved["conditions"], now, run.folder)
        else:
            run.start(pipe, choices, seen)
        choice = monitored(model, pipe, monitor) if judged is not None and keep == "best" else None
        training = RunTraining(run, model, batches, judged, callbacks, choice, patience, judged_rows)
        training.fit(epochs, verbose, *([every, now, saved] if backup else []))
        training.finish()
    return model


def best_epoch(model, pipe, folder, monitor=None):
    """The epoch, from 1, whose validation score was the best of a run; its weights are those kept by `"best"`."""
    monitor, mode = monitored(model, pipe, monitor)
    with open(RunFolder(folder).path(HISTORY), newline="", encoding="utf-8") as file:
        scores = [float(line[monitor]) for line in csv.DictReader(file)]
    return scores.index({"min": min, "max": max}[mode](scores)) + 1


def save(model, pipe, folder, overwrite=False):
    """Writes a model that was trained elsewhere, and its pipeline, as a run.

    Args:
        model: `keras.Model`.
        pipe: adapted `Pipeline`.
        folder: path, made if it is not there.
        overwrite: bool. Whether a run that is in the folder is replaced. Defaults to `False`.
    Raises:
        ValueError: the folder holds a run.
    """
    run = RunFolder(folder)
    with held_folder("run", folder):
        run.state(overwrite=overwrite)
        run.start(pipe)
        run.save_model(model, MODEL)
        run.publish(MODEL, finished=True)


def load(folder):
    """Reads a run's model and pipeline; Keras' safe mode stays on.

    Returns:
        tuple (model, pipeline).
    Raises:
        ValueError: the folder holds no run, or files of several.
    """
    from data_pipelines import Pipeline

    run = RunFolder(folder)
    for _ in range(TRIES):
        mark = run.check()
        paths = [run.path(PIPELINE), run.path(MODEL)]
        try:
            pipe = Pipeline.load(paths[0])
            model = load_model(paths[1])
        except (FileNotFoundError, ValueError):
            if all(os.path.exists(path) for path in paths):
                raise
            continue  # a training that goes on has just moved it
        if run.check() == mark:
            return model, pipe
    raise ValueError(f"run: a run must hold still while it is read. Received: {folder!r}. Do: try again.")


def check(folder):
    """Refuses a folder that holds no run, or files of several, before anything is loaded; gives the run's mark."""
    return RunFolder(folder).check()


def write_metrics(metrics, folder, output=None):
    """Writes the scores of a run, with its mark, into its folder or, where one is given, into `output`.

    A report that lies there, of other scores, is removed.
    """
    path, report = (os.path.join(output or folder, name) for name in (METRICS, REPORT))
    write_json(path, {"run": RunFolder(folder).mark, **with_nulls(metrics)}, report)
