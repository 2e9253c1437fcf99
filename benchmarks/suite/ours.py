"""Our side: `mm.train` with nothing chosen."""

import csv
import os
import time

import numpy as np
import pandas as pd

from suite.scores import epoch_seconds, noise, score
from suite.writing import Parts

PATHS = Parts("train.csv", "validation.csv", "test.csv")
# What a user writes: two imports, the reading of three tables, train, evaluate.
LINES = 7
ENDINGS = {
    "accuracy": ("accuracy",),
    "macro_f1": ("macro_f1", "f1_score", "f1"),
    "micro_f1": ("micro_f1", "f1_score", "f1"),
    "r2": ("r2", "r2_score"),
}


def trained(table, seed, quick, folder):
    """Trains, answers, and says what it cost."""
    import mmkeras as mm
    from data_pipelines import read_table

    begun = note_fit()
    start = time.process_time()
    train, validation = read_table(PATHS.train), read_table(PATHS.validation)
    options = {"overwrite": True, **({"epochs": 1} if quick else {})}
    run = mm.train(train, targets=[table.TARGET], validation=validation, output=folder, seed=seed, **options)
    learned = time.process_time() - start
    said = {part: answers(table, run, getattr(PATHS, part)) for part in ("validation", "test")}
    seconds = {"train_seconds": round(learned, 2), "seconds": round(time.process_time() - start, 2)}
    truth = {part: pd.read_csv(getattr(PATHS, part))[table.TARGET] for part in said}
    scores = {part: score(table.METRIC, truth[part], said[part]) for part in said}
    scores["noise"] = noise(table.METRIC, truth["test"], said["test"])
    times = [float(epoch["cpu_seconds"]) for epoch in history(folder)]
    seconds["epoch_seconds"] = epoch_seconds(times)
    return {**scores, **seconds, "curve": curve(table, folder, begun[0] - start), "lines": LINES}


def note_fit():
    """A list that will hold the processor's seconds at which `fit` began: from there on a run's history counts."""
    import keras

    begun, fit = [], keras.Model.fit

    def noted(*args, **kwargs):
        begun.append(time.process_time())
        return fit(*args, **kwargs)

    keras.Model.fit = noted
    return begun


def answers(table, run, path):
    """What a run says to a table."""
    import mmkeras as mm
    from data_pipelines import read_table

    batches = mm.predict(run.model, run.pipe, read_table(path))
    return np.concatenate([batch[table.TARGET] for batch in batches]).tolist()


def curve(table, folder, before):
    """Processor seconds and validation score of each epoch, as far as the run's history says the score."""
    epochs = history(folder)
    names = [name for name in epochs[0] if name.startswith("val_") and name.endswith(ENDINGS[table.METRIC])]
    seconds = [round(before + float(epoch["cpu_seconds"]), 2) for epoch in epochs]
    return [(second, float(epoch[names[0]])) for second, epoch in zip(seconds, epochs, strict=True)] if names else []


def history(folder):
    """Lines of a run's history, one an epoch."""
    with open(os.path.join(folder, "history.csv"), newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))
