"""Commands that are killed, or meet a full disk, while they write onto an output that is good: it stays, or is new."""

import csv
import json
import os
import shutil
import subprocess
import sys

import hostile_cells
import keras
import numpy as np
import pandas
import pytest
import tensorflow as tf
from fuzzing import LONG, amount

import mmkeras as mm
from data_pipelines import Image, Number, Pipeline, read_table
from mmkeras.comparing.comparison_report import table
from mmkeras.training import run

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
WORDS = {
    "inspect": "inspect {table} --target kind --html out/data.html --write-spec out/spec.json",
    "train": "train {table} --target kind --output out --epochs 1 --dim 8 --seed {seed} --overwrite",
    "evaluate": "evaluate {run} {table} --output out",
    "scores": "evaluate {run} {table} --output out",  # beside a file of the user's
    "predict": "predict {run} {table} --output out/answers.csv",
    "draw": "predict {run}-drawing {table} --output out/answers.csv",
    "export": "export {run} --output out",
    "onnx": "export {run} --output out --format onnx",
    "explain": "explain {run} {table} --output out --rows 1",
    "ensemble": "ensemble {run} {run} --output out --overwrite",
    "prepare": "prepare {table} out --target kind --rows-per-shard 20",
    "compare": "compare {table} --target kind --output out --seeds 1 --epochs 1 --dim 8 --fusion SumFusion",
}
OLD = {"table": "old/t.csv", "run": "old/run", "seed": 0}
NEW = {"table": "new/t.csv", "run": "new/run", "seed": 1}


def write_table(path, seed):
    random = np.random.default_rng(seed)
    os.makedirs(path.parent)
    with open(path, "w", newline="") as file:
        out = csv.writer(file)
        out.writerow(["size", "word", "kind"])
        out.writerows([round(random.normal(), 3), random.choice(["red", "blue"]), "ab"[n % 2]] for n in range(60))


def draw(folder, seed):
    """Saves a run that draws a picture."""
    keras.utils.set_random_seed(seed)
    rows = read_table(pandas.DataFrame({"size": [0.5, 1.0], "picture": [hostile_cells.png(4, 4)] * 2}))
    pipe = Pipeline({"size": Number()}, {"picture": Image(4)}).adapt(rows)
    run.save(mm.build(pipe.spec, dim=4), pipe, folder)


class Commands:
    """Runs commands in forks of one process, see `writing_faults`."""

    def __init__(self, place):
        self.place = place
        environment = {**os.environ, "PYTHONPATH": ROOT, "COLUMNS": "300", "KERAS_BACKEND": "tensorflow"}
        script = [sys.executable, os.path.join(ROOT, "tests", "writing_faults.py")]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
        self.process = subprocess.Popen(script, **pipes, text=True, env=environment)

    def __call__(self, words, given, fault=None, at=0):
        words = words.format(**given).split()
        job = {"words": words, "watch": str(self.place), "fault": fault, "at": at}
        self.process.stdin.write(json.dumps(job) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def end(self):
        self.process.communicate(timeout=60)


@pytest.fixture(scope="module")
def commands(tmp_path_factory):
    place = tmp_path_factory.mktemp("commands")
    found = Commands(place)
    for given in (OLD, NEW):
        write_table(place / given["table"], given["seed"])
    done = found(WORDS["train"].replace("--output out", "--output {run}"), OLD)
    assert done["code"] == 0, done["said"]
    model, pipe = run.load(place / OLD["run"])
    model.set_weights([weight + 0.1 for weight in model.get_weights()])
    run.save(model, pipe, place / NEW["run"])
    for given in (OLD, NEW):
        draw(place / f"{given['run']}-drawing", given["seed"])
    yield found
    found.end()


@pytest.fixture(scope="module")
def known(commands):
    """Of a command: how many changes it makes, and what its output says before and after; made once."""
    cases = {}

    def find(name):
        if name not in cases:
            out, before = commands.place / "out", commands.place / f"before-{name}"
            shutil.rmtree(out, ignore_errors=True)
            out.mkdir()
            if name == "scores":
                (out / "notes.txt").write_text("mine")
            done = commands(WORDS[name], OLD)
            assert done["code"] == 0, done["said"]
            old = read(name, out)
            shutil.copytree(out, before)
            done = commands(WORDS[name], NEW)
            assert done["code"] == 0, done["said"]
            cases[name] = before, done["changes"], old, read(name, out)
            assert not same(old, cases[name][3])
        return cases[name]

    return find


def read(name, out):
    """What the output of a command says, all of it."""
    if name in ("train", "ensemble"):
        return run_says(out)
    if name == "export":
        serve = tf.saved_model.load(str(out)).signatures["serving_default"]
        assert (out / "assets" / "kind_classes.txt").read_text() == "a\nb\n"
        return serve(size=tf.constant([0.1, 2.0]), word=tf.constant(["red", "blue"]))["kind_probabilities"].numpy()
    if name == "prepare":
        return {column: list(map(str, cells)) for chunk in read_table(out).chunks() for column, cells in chunk.items()}
    if name == "compare":
        return comparison(out)
    if name == "draw":
        with open(out / "answers.csv", newline="") as file:
            return [(out / line["picture"]).read_bytes() for line in csv.DictReader(file)]
    return {path.name: path.read_bytes() for path in out.iterdir() if not path.name.startswith(".")}


def comparison(out):
    """The scores of all systems; a page that is there shows them and what they cost, which is other each time."""
    results = json.loads((out / "results.json").read_text())
    if (out / "comparison.html").exists():
        page = (out / "comparison.html").read_text()
        assert all(line[key] in page for line in table(results) for key in ("score", "seconds", "memory"))
    return {name: system["scores"] for name, system in results["systems"].items()}


def run_says(out):
    model, pipe = run.load(out)
    metrics = out / "metrics.json"
    assert not metrics.exists() or json.loads(metrics.read_text())["run"] == run.check(out)
    rows = read_table(out.parent / OLD["table"])
    return model.predict(pipe.batches(rows, 60), verbose=0)["kind"]


def same(one, other):
    if isinstance(one, np.ndarray):
        return np.allclose(one, other, atol=1e-5)
    return one == other


def moments(changes, count):
    """The last changes of a command, at which outputs take their places, and others between."""
    last = range(max(0, changes - (count + 1) // 2), changes)
    return sorted({*last, *(changes * part // (count // 2 + 1) for part in range(1, count // 2 + 1))})


def after(commands, known, name, fault, at):
    """What a command that fails leaves: the answer of the process, and whether the output is old or new."""
    before, _, old, new = known(name)
    out = commands.place / "out"
    shutil.rmtree(out)
    shutil.copytree(before, out)
    sweep(commands)
    done = commands(WORDS[name], NEW, fault, at)
    found = read(name, out)
    if name == "inspect":  # two files, neither of which needs the other
        assert found.keys() == old.keys() and all(found[file] in (old[file], new[file]) for file in found)
    elif name == "scores" and "report.html" not in found:  # of other scores, it goes before them
        without = [{file: said for file, said in told.items() if file != "report.html"} for told in (old, new)]
        assert found in without
    else:
        assert same(found, old) or same(found, new), f"{name}: neither the old nor the new output after change {at}"
    return done, same(found, old)


def sweep(commands):
    """Removes what a killed command left beside its output: without it, `prepare` begins anew."""
    for name in os.listdir(commands.place):
        if name.endswith((".part", ".again")):
            shutil.rmtree(commands.place / name)


QUICK = ("export", "ensemble", "prepare")
LATER = tuple(name for name in WORDS if name not in QUICK)


@pytest.mark.fuzz
@pytest.mark.parametrize("name", (*QUICK, *LATER) if LONG else QUICK)
def test_killed_it_leaves_the_old_output_or_the_new_one(commands, known, name):
    for at in moments(known(name)[1], amount(2, 10)):
        done, _ = after(commands, known, name, "kill", at)
        assert done["code"] == -9, done["said"]
    again = commands(WORDS[name], NEW)
    assert again["code"] == 0, again["said"]
    assert same(read(name, commands.place / "out"), known(name)[3])


@pytest.mark.fuzz
@pytest.mark.parametrize("name", (*QUICK, *LATER) if LONG else ("ensemble", "prepare"))
@pytest.mark.parametrize(("fault", "message"), [("full", "no room left"), ("read-only", "Read-only file system")])
def test_without_room_or_leave_to_write_it_says_so(commands, known, name, fault, message):
    for at in [0] if fault == "read-only" else moments(known(name)[1], amount(1, 10)):
        done, is_old = after(commands, known, name, fault, at)
        if done["code"]:  # the last changes may be removals, which succeed
            assert done["code"] == 1 and "Traceback" not in done["said"], done["said"]
            assert message in done["said"]
        else:
            assert not is_old and fault == "full"
