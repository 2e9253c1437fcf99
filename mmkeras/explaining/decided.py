"""What decided in the rows that the report shows."""

import keras
import numpy as np

from mmkeras.explaining.batch import details, worth
from mmkeras.explaining.explanation import Explanation
from mmkeras.explaining.inside import Inside
from mmkeras.explaining.page import WORDS_FOR, cards
from mmkeras.explaining.shapley import MOST
from mmkeras.inference.subset_model import SubsetModel
from mmkeras.models.generator import answering
from mmkeras.views.answers import scales

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
    parts = _parts(model, pipe, target) if rows else None
    if parts is None:
        return None
    inside, asked = parts
    explanation = Explanation(pipe, target, "predicted")
    for alike in _of_one_form(pipe, rows):
        _explain(explanation, inside, asked, pipe, target, alike)
    return {"target": pipe.title(target), "scale": WORDS_FOR[explanation.scales[0]], "cards": cards(explanation)}


def _parts(model, pipe, target):
    """(`Inside`, `SubsetModel`) of what answers the target, None where it cannot be explained."""
    try:
        scales(pipe.targets[target])
        model = answering(model, target)
        inside = Inside(model, list(pipe.inputs), target)
    except ValueError:  # as in models whose answer follows from labels
        return None
    return (inside, SubsetModel(model, pipe.inputs)) if len(pipe.inputs) <= MOST else None


def _explain(explanation, inside, asked, pipe, target, rows):
    """Adds rows of one form, as one batch."""
    x = {name: _stacked([row["x"][name] for row in rows]) for name in rows[0]["x"]}
    labels, weights = (np.stack([row[part][target] for row in rows]) for part in ("y", "w"))
    cells = [row["cells"] for row in rows]
    found = worth(asked.see(x), pipe, target, labels, weights)
    gradients = keras.backend.backend() in ("tensorflow", "jax")
    explanation.add(cells, found, details(inside, pipe, target, cells, x, found, "predicted", gradients=gradients))


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
