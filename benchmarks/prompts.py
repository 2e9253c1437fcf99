"""Recorded speech: its language, and whether a transcript is what is said. Three seeds, unseen prompts.

Command: python benchmarks/prompts.py
Last seen, one core of an Intel Xeon, no GPU: language 1.000 0.994 1.000, match 0.831 0.834 0.840; voice alone and
transcript alone 0.500. Language had 0.983 1.000 0.967 before labels were smoothed and weights averaged, which was
chosen on validation rows.
Floors: language 0.97; match 0.75, where voice or transcript alone can only guess (0.50).
"""

import os
import sys
import tempfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np

import mmkeras as mm
from mmkeras.recipes.recipes import recipes

SEEDS = 3


def accuracy(recipe, place, seed, only=None):
    """Test accuracy of one training."""
    model, pipe, rows = recipe.train(place, seed, only, verbose=0)
    target = next(iter(pipe.targets))
    score = mm.evaluate(model, pipe, rows["test"], subsets=False)["targets"][target]["accuracy"]
    print(f"{recipe.name}, {'+'.join(pipe.inputs)}, seed {seed}: {score:.4f}", flush=True)
    return score


def main():
    found = recipes()
    with tempfile.TemporaryDirectory() as place:
        language = np.mean([accuracy(found["language"], place, seed) for seed in range(SEEDS)])
        match = np.mean([accuracy(found["match"], place, seed) for seed in range(SEEDS)])
        alone = {name: accuracy(found["match"], place, 0, [name]) for name in found["match"].inputs()}
    print(f"language {language:.3f}; match {match:.3f}; alone " + ", ".join(f"{n} {s:.3f}" for n, s in alone.items()))
    if language < 0.97 or match < 0.75:
        sys.exit("below the floor")


if __name__ == "__main__":
    main()
