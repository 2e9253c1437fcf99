"""Drawings: picture + title + numbers → one of 14 categories, trained from scratch. Three seeds, test rows.

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
    pairs, alone = {name: [] for name in names}, {name: [] for name in names}
    with tempfile.TemporaryDirectory() as place:
        for seed in range(SEEDS):
            scores = judged(recipe, place, seed, names)
            fused.append(scores["targets"]["category"]["accuracy"])
            for name in names:
                without[name].append(scores["without"][name]["category"]["accuracy"])
                others = [other for other in names if other != name]
                pairs[name].append(judged(recipe, place, seed, others)["targets"]["category"]["accuracy"])
                alone[name].append(judged(recipe, place, seed, [name])["targets"]["category"]["accuracy"])
            print(f"seed {seed}: fused {fused[-1]:.3f}", flush=True)
    show = lambda values: f"{np.mean(values):.3f} ± {np.std(values):.3f}"  # noqa: E731
    print(f"fused {show(fused)}")
    for name in names:
        print(f"{name}: alone {show(alone[name])}; fused without it {show(without[name])}", end="; ")
        print(f"trained on the others {show(pairs[name])}; ratio {np.mean(without[name]) / np.mean(pairs[name]):.2f}")
    best = max(np.mean(values) for values in alone.values())
    kept = min(np.mean(without[name]) / np.mean(pairs[name]) for name in names)
    print(f"over the best alone {100 * (np.mean(fused) - best):+.1f} points; least kept {kept:.2f}")
    if np.mean(fused) < 0.70 or np.mean(fused) - best < 0.05 or kept < 0.9:
        sys.exit("below the floor")


def judged(recipe, place, seed, names):
    """Scores on the test rows of a model trained on some of the inputs."""
    model, pipe, rows = recipe.train(place, seed, names, verbose=0)
    return mm.evaluate(model, pipe, rows["test"])


if __name__ == "__main__":
    main()
