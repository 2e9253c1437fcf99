"""Processes that are killed with -9 at moments of all kinds, and what is found afterwards."""

import os
import random
import subprocess
import sys
import time

import numpy as np
import pytest
from test_resume import history

import mmkeras
from mmkeras import run

EPOCHS = 100
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


@pytest.mark.slow
def test_killed_again_and_again_it_ends_with_the_unbroken_weights(tmp_path):
    assert start(tmp_path / "whole").wait() == 0
    random.seed(0)
    kills, words = 0, []
    parts = [None, ".npz.", "part-", "next", None, ".npz.", "gathered", "history.csv.", None, "next"]
    for part in parts:
        process = start(tmp_path / "run", *words)
        kills += kill_when(process, tmp_path / "run", part, random.uniform(0, 0.2))
        words = ["resume"]
        if process.returncode == 0:
            break
    assert kills >= 5
    assert start(tmp_path / "run", "resume").wait() == 0
    assert history(tmp_path / "run") == history(tmp_path / "whole")
    killed, whole = (run.load(tmp_path / name)[0] for name in ("run", "whole"))
    for mine, theirs in zip(killed.weights, whole.weights, strict=True):
        np.testing.assert_array_equal(mine, theirs)
