"""The same tables through Ludwig, whose choices are all its own, in an environment of its own.

Command: python benchmarks/suite/ludwig.py TABLE… --results FOLDER [--seeds N]
FOLDER is where `run.py` wrote its tables; the figures go there too, for `run.py` to put into its page.
Needs: an environment with ludwig>=0.17 (pip install "ludwig[vision,audio]") and no mmkeras.
Ludwig takes no clips, no graphs and no series of several channels: tables that have some are left out.
"""

import argparse
import ast
import json
import os
import pathlib
import resource
import sys
import time

import numpy as np
import pandas as pd

HERE = pathlib.Path(__file__).resolve().parent
# Without this folder, in which this file would be taken for Ludwig itself.
sys.path[:1] = [str(HERE.parent)]
ENDINGS = {".png": "image", ".jpg": "image", ".wav": "audio", ".mp4": None, ".npy": None}
WORDY, FEW = 3, 100


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tables", nargs="+", metavar="TABLE")
    parser.add_argument("--results", default="runs/suite")
    parser.add_argument("--seeds", type=int, default=1)
    asked = parser.parse_args()
    results = pathlib.Path(asked.results).resolve()
    for name in asked.tables:
        for seed in range(asked.seeds):
            command = [sys.executable, __file__, name, str(seed), str(results), "--one"]
            code = os.spawnv(os.P_WAIT, sys.executable, command)
            print(f"{name}, seed {seed}: {'done' if not code else 'failed'}", flush=True)


def one(name, seed, results):
    """Measures a table in this process."""
    try:
        from ludwig.api import LudwigModel
    except ImportError:
        sys.exit('ludwig.py: Ludwig must be installed, apart from mmkeras. Do: pip install "ludwig[vision,audio]".')
    from suite.scores import noise, score

    target, metric = asked_of(name)
    folder = results / "tables" / name
    os.chdir(folder)
    train, validation, test = (pd.read_csv(f"{part}.csv") for part in ("train", "validation", "test"))
    config = {"input_features": inputs(train.drop(columns=target)), "output_features": [output(target, metric)]}
    truth = {"validation": validation[target].copy(), "test": test[target].copy()}
    adapt(config, (train, validation, test))
    start = time.process_time()
    model = LudwigModel(config, logging_level=40)
    quiet = {f"skip_save_{what}": True for what in ("training_statistics", "progress", "log", "processed_input")}
    model.train(
        training_set=train,
        validation_set=validation,
        test_set=test,
        random_seed=seed,
        output_directory=str(results / "ludwig"),
        **quiet,
    )
    learned = time.process_time() - start
    found = {}
    for part, frame in (("validation", validation), ("test", test)):
        told = answers(model.predict(dataset=frame.drop(columns=target))[0][f"{target}_predictions"], metric)
        found[part] = score(metric, truth[part], told)
        found["noise"] = noise(metric, truth[part], told)
    found |= {"train_seconds": round(learned, 2), "seconds": round(time.process_time() - start, 2), "curve": []}
    found |= {"table": name, "system": "ludwig", "seed": seed, "metric": metric}
    found["lines"] = len(config["input_features"]) + 8
    found["peak_megabytes"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    path = results / "figures" / f"{name}.ludwig.{seed}.json"
    path.write_text(json.dumps(found, indent=1), encoding="utf-8")


def asked_of(name):
    """A table's target and metric, read without what else its file needs."""
    body = ast.parse((HERE / "tables" / f"{name}.py").read_text(encoding="utf-8")).body
    pairs = [
        ast.unparse(line.value)
        for line in body
        if ast.unparse(line).startswith(("(TARGET, METRIC) =", "TARGET, METRIC ="))
    ]
    return ast.literal_eval(pairs[0])


def inputs(frame):
    """Ludwig's features for the columns."""
    kinds = {column: kind(frame[column].dropna()) for column in frame}
    if None in kinds.values():
        sys.exit(f"ludwig.py: Ludwig takes no clips, graphs or series of several channels. Received: {list(kinds)}.")
    return [{"name": column, "type": found} for column, found in kinds.items()]


def kind(cells):
    """What a column is to Ludwig, or None."""
    if pd.api.types.is_numeric_dtype(cells):
        return "number"
    first = str(cells.iloc[0])
    if (ending := os.path.splitext(first)[1]) in ENDINGS:
        return ENDINGS[ending]
    if first.startswith("{"):
        return None
    if first.count(";") > WORDY:
        return "timeseries"
    wordy = cells.str.split().str.len().mean() >= WORDY or cells.str.len().mean() > 25
    return "text" if wordy or cells.nunique() > FEW else "category"


def output(target, metric):
    return {"name": target, "type": {"r2": "number", "micro_f1": "set"}.get(metric, "category")}


def adapt(config, frames):
    """Writes cells as Ludwig reads them: spaces between the steps of a series, and between tags."""
    for feature in [*config["input_features"], *config["output_features"]]:
        between = {"timeseries": ";", "set": "|"}.get(feature["type"])
        if between:
            for frame in frames:
                frame[feature["name"]] = frame[feature["name"]].str.replace(between, " ", regex=False)


def answers(predictions, metric):
    if metric == "micro_f1":
        return ["|".join(map(str, tags)) for tags in predictions]
    return np.asarray(predictions).tolist()


if __name__ == "__main__":
    if sys.argv[-1] == "--one":
        one(sys.argv[1], int(sys.argv[2]), pathlib.Path(sys.argv[3]))
    else:
        main()
