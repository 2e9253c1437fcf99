"""A training run in a folder: everything that is needed to go on, to judge and to serve."""

import csv
import os

import keras

from data_pipelines.whole_file import write_json

MODEL, PIPELINE, SPEC, METRICS, HISTORY, BACKUP = (
    "model.keras",
    "pipeline.json",
    "spec.json",
    "metrics.json",
    "history.csv",
    "backup",
)


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
):
    """Fits a compiled model with `model.fit` and keeps the run in a folder.

    With `keep="best"`, the weights kept are those of the best validation score of the first target (or loss, where
    there is no accuracy); with `"last"`, those at the end, as suits running means of weights.

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
        resume: bool. Goes on after the last finished epoch of a run that was cut off. Defaults to `False`.
        patience: int or None. Epochs without a better score before stopping. Defaults to `None`: all epochs.
        keep: `"best"` or `"last"`. Defaults to `"best"`.
        verbose: as in `model.fit`. Defaults to `"auto"`.
    Returns:
        The model, with the weights kept; they are in `model.keras` as well.
    """
    batches = pipe.batches(train, batch_size, training=True, seed=seed, class_weight=class_weight, cache=True)
    judged = None if validation is None else pipe.batches(validation, batch_size, cache=True, on_bad="mask")
    options = {"epochs": epochs, "resume": resume, "patience": patience, "keep": keep, "verbose": verbose}
    return fit_batches(model, pipe, batches, judged, folder, **options)


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
):
    """The same on batches that are there already.

    Args:
        batches: `tf.data.Dataset` to learn from.
        judged: `tf.data.Dataset` to choose by, or None.
        callbacks: Keras callbacks beside the run's own. Defaults to none.
        backup: bool. Whether each epoch's state is kept, for `resume`. Defaults to `True`.
        model, pipe, folder, epochs, resume, patience, keep, verbose: see `fit`.
    Returns:
        The model, with the weights kept.
    """
    folder = os.fspath(folder)
    _save_pipeline(pipe, folder)
    if not resume:
        remove_file(os.path.join(folder, HISTORY))
    best = os.path.join(folder, MODEL)
    callbacks = [
        *callbacks,
        keras.callbacks.CSVLogger(os.path.join(folder, HISTORY), append=resume),
    ]
    if backup:
        callbacks.append(keras.callbacks.BackupAndRestore(_fresh(os.path.join(folder, BACKUP), resume)))
    if judged is not None and keep == "best":
        monitor, mode = _monitored(model, pipe)
        callbacks.append(keras.callbacks.ModelCheckpoint(best, monitor=monitor, mode=mode, save_best_only=True))
        if patience:
            callbacks.append(keras.callbacks.EarlyStopping(monitor, mode=mode, patience=patience))
    model.fit(batches, validation_data=judged, epochs=epochs, callbacks=callbacks, shuffle=False, verbose=verbose)
    if judged is None or keep == "last":
        model.save(best)
        return model
    model.load_weights(best)
    return model


def best_epoch(model, pipe, folder):
    """The epoch, from 1, whose validation score was the best of a run; its weights are those kept by `"best"`."""
    monitor, mode = _monitored(model, pipe)
    with open(os.path.join(folder, HISTORY), newline="", encoding="utf-8") as file:
        scores = [float(line[monitor]) for line in csv.DictReader(file)]
    return scores.index({"min": min, "max": max}[mode](scores)) + 1


def save(model, pipe, folder):
    """Writes a model that was trained elsewhere, and its pipeline, as a run."""
    _save_pipeline(pipe, folder)
    model.save(os.path.join(folder, MODEL))


def load(folder):
    """Reads a run's model and pipeline; Keras' safe mode stays on.

    Returns:
        tuple (model, pipeline).
    Raises:
        ValueError: the folder holds no run.
    """
    from data_pipelines import Pipeline

    check(folder)
    pipe = Pipeline.load(os.path.join(folder, PIPELINE))
    return keras.models.load_model(os.path.join(folder, MODEL), safe_mode=True), pipe


def check(folder):
    """Refuses a folder that holds no run, before anything is loaded."""
    for name in (MODEL, PIPELINE):
        if not os.path.isfile(os.path.join(folder, name)):
            raise ValueError(
                f"run: a run must hold {name}. Received: {folder!r}. Do: mmkeras train … --output {folder}."
            )


def remove_file(path):
    """Removes a file if it is there."""
    if os.path.exists(path):
        os.remove(path)


def _save_pipeline(pipe, folder):
    os.makedirs(folder, exist_ok=True)
    pipe.save(os.path.join(folder, PIPELINE))
    write_json(os.path.join(folder, SPEC), pipe.spec)


def _fresh(folder, resume):
    """The backup folder, emptied unless the run goes on from it."""
    import shutil

    if not resume:
        shutil.rmtree(folder, ignore_errors=True)
    return folder


def _monitored(model, pipe):
    target = next(iter(pipe.targets))
    names = [metric.name for metric in model.get_layer(target).default_metrics()]
    if "accuracy" not in names:
        return "val_loss", "min"
    return ("val_accuracy" if len(pipe.targets) == 1 else f"val_{target}_accuracy"), "max"
