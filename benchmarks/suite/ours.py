"""Our side: `mm.train` with nothing chosen, or, as long as that is not there, `mmkeras train`."""

import csv
import inspect
import os
import resource
import subprocess
import sys
import time

import numpy as np
import pandas as pd

from suite.scores import noise, score
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


def trained_by_api(table, seed, quick, folder):
    """Trains and answers in this process."""
    import mmkeras as mm
    from data_pipelines import read_table

    start = time.process_time()
    train, validation = read_table(PATHS.train), read_table(PATHS.validation)
    options = {"epochs": 1} if quick and "epochs" in inspect.signature(mm.train).parameters else {}
    run = mm.train(train, targets=[table.TARGET], validation=validation, output=folder, seed=seed, **options)
    learned = time.process_time() - start
    answered = answers(table, run.model, run.pipe)
    seconds = {"train_seconds": round(learned, 2), "seconds": round(time.process_time() - start, 2)}
    return {**answered, **seconds, "curve": curve(table, folder, start), "lines": LINES}


def trained_by_command(table, seed, quick, folder):
    """Trains by the command line, which takes one table with a column of parts, and answers here."""
    from mmkeras.run import load

    imported = time.process_time()
    frames = [pd.read_csv(path, dtype=str).assign(split=part) for part, path in PATHS._asdict().items()]
    pd.concat(frames).to_csv("all.csv", index=False)
    command = [
        sys.executable,
        "-c",
        "from mmkeras.cli import main; main()",
        "train",
        "all.csv",
        "--target",
        table.TARGET,
        "--output",
        folder,
    ]
    options = ["--seed", str(seed), *(["--epochs", "1"] if quick else [])]
    subprocess.run([*command, *options], check=True, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)})
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    learned = used.ru_utime + used.ru_stime - imported
    start = time.process_time()
    answered = answers(table, *load(folder))
    seconds = {"train_seconds": round(learned, 2), "seconds": round(learned + time.process_time() - start, 2)}
    memory = {"peak_megabytes": round(used.ru_maxrss / 1024)}
    return {**answered, **seconds, **memory, "curve": curve(table, folder, imported), "lines": LINES}


def answers(table, model, pipe):
    """Scores on validation and test rows."""
    import mmkeras as mm
    from data_pipelines import read_table

    found = {}
    for part in ("validation", "test"):
        path = getattr(PATHS, part)
        told = [batch[table.TARGET] for batch in mm.predict(model, pipe, read_table(path))]
        truth = pd.read_csv(path)[table.TARGET]
        found[part] = score(table.METRIC, truth, np.concatenate(told).tolist())
        if part == "test":
            found["noise"] = noise(table.METRIC, truth, np.concatenate(told).tolist())
    return found


def curve(table, folder, start):
    """Processor seconds and validation score of each epoch, where the run's history says both."""
    with open(os.path.join(folder, "history.csv"), newline="", encoding="utf-8") as file:
        epochs = list(csv.DictReader(file))
    names = [name for name in epochs[0] if name.startswith("val_") and name.endswith(ENDINGS[table.METRIC])]
    if not names or "cpu_seconds" not in epochs[0]:
        return []
    return [
        (round(float(epoch["cpu_seconds"]) - start, 2), float(epoch[names[0]])) for epoch in epochs if epoch[names[0]]
    ]
