"""The ninth promise: TensorFlow and JAX give the same numbers within 1e-4, for every component.

Models are saved here as `.keras` and loaded by this very file, run as a program under the other backend.
"""

import importlib.util
import os
import pathlib
import subprocess
import sys

import keras
import numpy as np
import pytest

HERE = pathlib.Path(__file__)
TOLERANCE = 1e-4


def other_backend():
    return "jax" if keras.backend.backend() == "tensorflow" else "tensorflow"


def save_all(folder):
    """A model, a batch and what it gives, of every component; weights moved away from zeros and ones."""
    from component_cases import cases

    random = np.random.default_rng(0)
    names = []
    for case in cases("layers", "encoders", "fusions", "decoders"):
        model, batch = case.model(case.make()), case.batch()
        for weight in model.trainable_weights:
            weight.assign(weight + random.normal(scale=0.3, size=weight.shape).astype("float32"))
        given = model.predict_on_batch(batch)
        model.save(folder / f"{case}.keras")
        np.savez(folder / f"{case}.npz", given=given, **batch)
        names.append(repr(case))
    return names


def compare_all(folder):
    """Names and largest differences of models that give other numbers here."""
    import mmkeras  # noqa: F401

    offenders = []
    for file in sorted(folder.glob("*.keras")):
        batch = dict(np.load(file.with_suffix(".npz")))
        wanted = batch.pop("given")
        given = np.asarray(keras.saving.load_model(file).predict_on_batch(batch))
        if not np.allclose(given, wanted, atol=TOLERANCE, rtol=TOLERANCE):
            offenders.append(f"{file.stem}: {np.abs(given - wanted).max():.2g}")
        print(f"compared {file.stem}")
    return offenders


@pytest.mark.skipif(not importlib.util.find_spec(other_backend()), reason=f"{other_backend()} is not installed")
def test_9_both_backends_give_the_same(tmp_path):
    names = save_all(tmp_path)
    path = os.pathsep.join([str(HERE.parents[1]), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, str(HERE), str(tmp_path)],
        env={**os.environ, "KERAS_BACKEND": other_backend(), "PYTHONPATH": path},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("compared ") == len(names)


if __name__ == "__main__":
    wrong = compare_all(pathlib.Path(sys.argv[1]))
    sys.exit("\n".join(wrong) if wrong else 0)
