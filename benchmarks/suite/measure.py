"""One system on one table in a process of its own: what `run.py` starts.

Command: python benchmarks/suite/measure.py TABLE SYSTEM SEED FOLDER RESULT.json [--quick]
FOLDER holds the table's files (SYSTEM `write` makes them). SYSTEM: `ours`, `keras`, `sklearn`, `absent`.
Seconds are the processor's, of all threads, and begin when the libraries are imported; memory is the process's peak.
"""

import argparse
import ast
import importlib
import inspect
import json
import os
import pathlib
import resource
import sys
import textwrap
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:1] = [str(ROOT), str(ROOT / "benchmarks")]
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
QUICK_ROWS = 300


def main():
    parser = argparse.ArgumentParser()
    for name in ("table", "system", "seed", "folder", "result"):
        parser.add_argument(name, type=int if name == "seed" else str)
    parser.add_argument("--quick", action="store_true")
    asked = parser.parse_args()
    table = importlib.import_module(f"suite.tables.{asked.table}")
    if asked.system == "write":
        found = table.write(asked.folder, QUICK_ROWS if asked.quick else None)._asdict()
    else:
        result = os.path.abspath(asked.result)
        os.chdir(asked.folder)
        found = SYSTEMS[asked.system](table, asked.seed, asked.quick, os.path.splitext(result)[0] + "_run")
        found |= {"table": asked.table, "system": asked.system, "seed": asked.seed}
        found["metric"] = table.METRIC
        found["peak_megabytes"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
        asked.result = result
    with open(asked.result, "w", encoding="utf-8") as file:
        json.dump(found, file, indent=1)


def opponent_keras(table, seed, quick, _):
    """The hand-written model."""
    import keras

    from suite.scores import epoch_seconds

    keras.utils.set_random_seed(seed)
    keras.config.disable_interactive_logging()

    class Curve(keras.callbacks.Callback):
        """Validation score and processor seconds of each epoch."""

        def on_epoch_end(self, epoch, logs=None):
            curve.append((round(time.process_time() - start, 2), logs[f"val_{table.METRIC}"]))

    curve, start = [], time.process_time()
    options = {"callbacks": [Curve()], **({"epochs": 1} if quick else {})}
    found = judged(table, start, table.keras_opponent, **options)
    return {**found, "epoch_seconds": epoch_seconds([second for second, _ in curve]), "curve": curve}


def opponent_sklearn(table, seed, quick, _):
    """Simple features and a classical model; it has no epochs."""
    import sklearn  # noqa: F401

    start = time.process_time()
    return judged(table, start, table.sklearn_opponent)


def judged(table, start, opponent, **options):
    """Scores and seconds of an opponent."""
    from suite.scores import noise, score
    from suite.writing import Parts, read_parts

    train, validation, test = read_parts(Parts("train.csv", "validation.csv", "test.csv"))
    predict = opponent(train, validation, **options)
    learned = time.process_time() - start
    said = {
        name: list(predict(frame.drop(columns=table.TARGET)))
        for name, frame in (("validation", validation), ("test", test))
    }
    seconds = time.process_time() - start
    scores = {
        "validation": score(table.METRIC, validation[table.TARGET], said["validation"]),
        "test": score(table.METRIC, test[table.TARGET], said["test"]),
        "noise": noise(table.METRIC, test[table.TARGET], said["test"]),
    }
    return {**scores, "train_seconds": round(learned, 2), "seconds": round(seconds, 2), "lines": lines_of(opponent)}


def lines_of(function):
    """Lines of a function that aren't empty and no docstring."""
    source = textwrap.dedent(inspect.getsource(function))
    body = ast.parse(source).body[0].body
    told = ast.get_docstring(ast.parse(source).body[0]) is not None
    skipped = range(body[0].lineno, body[0].end_lineno + 1) if told else ()
    return sum(bool(line.strip()) for place, line in enumerate(source.splitlines(), 1) if place not in skipped)


def ours(table, seed, quick, run_folder):
    """`mm.train` with nothing chosen."""
    import mmkeras  # noqa: F401
    from suite.ours import trained

    return trained(table, seed, quick, run_folder)


def absent(table, seed, quick, run_folder):
    """Our models with each input absent, and without it."""
    import mmkeras  # noqa: F401
    from suite.absent import absences

    return absences(table, seed, quick, run_folder)


SYSTEMS = {"ours": ours, "keras": opponent_keras, "sklearn": opponent_sklearn, "absent": absent}

if __name__ == "__main__":
    main()
