"""Processes that are killed with -9 at moments of all kinds, and what is found afterwards."""

import os
import random
import subprocess
import sys
import time

import numpy as np
import pytest
from fuzzing import amount
from test_resume import history

import mmkeras
from mmkeras.training import run

EPOCHS = amount(300, 600)  # more than all kills leave time for, on a quick machine too
SCRIPT = os.path.join(os.path.dirname(__file__), "small_run.py")
ROOT = os.path.dirname(os.path.dirname(mmkeras.__file__))


def start(folder, *words):
    environment = {**os.environ, "PYTHONPATH": ROOT, "KERAS_BACKEND": "tensorflow"}
    return subprocess.Popen([sys.executable, SCRIPT, str(folder), str(EPOCHS), *words], env=environment)


def names(folder):
    """Names of files and folders, and when the checkpoint was written."""
    found = {name for _, folders, files in os.walk(folder) for name in (*folders, *files)}
    try:
        return found, os.stat(folder / ".training" / "checkpoint.npz").st_mtime_ns
    except FileNotFoundError:
        return found, None


def kill_when(process, folder, part, wait):
    """Kills the process, once it has trained for a while, when a new name shows up; False where it ended before."""
    before, at = names(folder)
    while names(folder)[1] == at and process.poll() is None:
        time.sleep(0.001)
    end = time.monotonic() + wait
    while process.poll() is None:
        new = names(folder)[0] - before
        if time.monotonic() > end and (part is None or any(part in name for name in new)):
            process.kill()
            process.wait()
            print("killed with", sorted(new))
            return True
    return False


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole") / "run"
    assert start(folder).wait() == 0
    return folder


TEN = [None, ".npz.", "part-", "next", None, ".npz.", "gathered", "history.csv.", None, "next"]
LATE = [None, ".npz."] * 5  # when no model is better any more
ALL = TEN + amount([], LATE)  # in `make fuzz` 20 moments, 12 of them while files are written


@pytest.mark.parametrize("parts", [[".npz.", "next"], pytest.param(ALL, marks=[pytest.mark.slow, pytest.mark.fuzz])])
def test_killed_again_and_again_it_ends_with_the_unbroken_weights(parts, whole, tmp_path):
    random.seed(0)
    for number, part in enumerate(parts):
        process = start(tmp_path, *(["resume"] if number else []))
        assert kill_when(process, tmp_path, part, random.uniform(0, 0.2))
    assert start(tmp_path, "resume").wait() == 0
    assert history(tmp_path) == history(whole)
    killed, unbroken = run.load(tmp_path)[0], run.load(whole)[0]
    for mine, theirs in zip(killed.weights, unbroken.weights, strict=True):
        np.testing.assert_array_equal(mine, theirs)
    assert not (tmp_path / ".training").exists()
