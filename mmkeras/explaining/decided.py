"""What decided in the rows that the report shows."""

import keras
import numpy as np

from mmkeras.explaining.answers import scales
from mmkeras.explaining.batch import details, worth
from mmkeras.explaining.explanation import Explanation
from mmkeras.explaining.inside import Inside
from mmkeras.explaining.page import WORDS_FOR, cards
from mmkeras.explaining.shapley import MOST
from mmkeras.generator import answering

SHOWN = 8


def decided(model, pipe, target, rows):
    """Explains the answers of a few rows that have passed by: nothing is decoded again.

    Args:
        model: `keras.Model`.
        pipe: adapted `Pipeline`.
        target: str.
        rows: list of rows of a `Gallery`.
    Returns:
        dict of `target`, `scale` and `cards`, for the page; None where there is nothing to explain or no way to: a
        target of another modality, a model that `mmkeras.build` did not make, more inputs than Shapley values can take.
    """
    if not rows or not _can_be_explained(model, pipe, target):
        return None
    explanation, model = Explanation(pipe, target, "predicted"), answering(model, target)
    for alike in _of_one_form(pipe, rows):
        _explain(explanation, model, pipe, target, alike)
    return {"target": pipe.title(target), "scale": WORDS_FOR[explanation.scales[0]], "cards": cards(explanation)}


def _can_be_explained(model, pipe, target):
    try:
        scales(pipe.targets[target])
        Inside(model, list(pipe.inputs), target)
    except ValueError:
        return False
    return len(pipe.inputs) <= MOST


def _explain(explanation, model, pipe, target, rows):
    """Adds rows of one form, as one batch."""
    x = {name: _stacked([row["x"][name] for row in rows]) for name in rows[0]["x"]}
    labels, weights = (np.stack([row[part][target] for row in rows]) for part in ("y", "w"))
    cells = [row["cells"] for row in rows]
    found = worth(model, pipe, target, x, labels, weights)
    gradients = keras.backend.backend() in ("tensorflow", "jax")
    explanation.add(cells, found, details(model, pipe, target, cells, x, found, "predicted", gradients=gradients))


def _of_one_form(pipe, rows):
    """Lists of rows that fit into one batch: graphs have their edges within their nodes, and cannot be padded."""
    graphs = [name for name, modality in pipe.inputs.items() if type(modality).__name__ == "Graph"]
    groups = {}
    for row in rows:
        groups.setdefault(tuple(row["x"][name].shape for name in graphs), []).append(row)
    return groups.values()


def _stacked(values):
    """A batch of arrays, each padded with zeros to the longest."""
    longest = np.max([value.shape for value in values], 0).astype(int)
    batch = np.zeros((len(values), *longest), values[0].dtype)
    for place, value in enumerate(values):
        batch[(place, *map(slice, value.shape))] = value
    return batch
