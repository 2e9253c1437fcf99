"""Drawings: picture + title + numbers → one of 14 categories, trained from scratch; test rows.

Three seeds of the fused model; one of each input alone and of each pair.

Command: python benchmarks/clipart.py
Floors: mean 0.70 and 5 points over the best input alone; with an input missing at test, 0.9 × a model trained on the
others.
"""

import os
import sys
import tempfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np

import mmkeras as mm
from mmkeras.recipes import recipes

SEEDS = 3


def main():
    recipe = recipes()["clipart"]
    names = list(recipe.inputs())
    fused, without = [], {name: [] for name in names}
    with tempfile.TemporaryDirectory() as place:
        for seed in range(SEEDS):
            scores = judged(recipe, place, seed, names)
            fused.append(scores["targets"]["category"]["accuracy"])
            for name in names:
                without[name].append(scores["without"][name]["category"]["accuracy"])
            print(f"seed {seed}: fused {fused[-1]:.3f}", flush=True)
        alone = {name: accuracy(recipe, place, [name]) for name in names}
        pairs = {name: accuracy(recipe, place, [other for other in names if other != name]) for name in names}
    print(
        f"fused {np.mean(fused):.3f} ± {np.std(fused):.3f}; over the best alone "
        f"{100 * (np.mean(fused) - max(alone.values())):+.1f} points"
    )
    kept = {name: np.mean(without[name]) / pairs[name] for name in names}
    for name in names:
        print(f"{name} alone {alone[name]:.3f}; fused, it missing {np.mean(without[name]):.3f}", end="; ")
        print(f"trained on the others {pairs[name]:.3f}, ratio {kept[name]:.2f}")
    if np.mean(fused) < 0.70 or np.mean(fused) - max(alone.values()) < 0.05 or min(kept.values()) < 0.9:
        sys.exit("below the floor")


def accuracy(recipe, place, names):
    """Test accuracy of a model trained on some of the inputs, first seed."""
    score = judged(recipe, place, 0, names)["targets"]["category"]["accuracy"]
    print(f"trained on {' + '.join(names)}: {score:.3f}", flush=True)
    return score


def judged(recipe, place, seed, names):
    """Scores on the test rows of a model trained on some of the inputs."""
    model, pipe, rows = recipe.train(place, seed, names, verbose=0)
    return mm.evaluate(model, pipe, rows["test"])


if __name__ == "__main__":
    main()
