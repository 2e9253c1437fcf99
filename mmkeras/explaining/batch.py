"""One batch explained: what each input adds to the answers, and what decides within it."""

import numpy as np

from data_pipelines.naming import MASK
from mmkeras.explaining.gradients import integrated_gradients
from mmkeras.explaining.shapley import shapley_values, subset_predictions
from mmkeras.views.answers import answer, chosen, scales
from mmkeras.views.evidence import evidence


def worth(batch, pipe, target, labels, weights):
    """What each input adds to the answers of a batch.

    Args:
        batch: `SeenBatch` of a model, see `mmkeras.models.generator.answering`.
        pipe: adapted `Pipeline`.
        target: str.
        labels, weights: arrays `(B, …)`, `(B,)` of the target, or None.
    Returns:
        dict of `prediction` `(B, …)`; `classes`, kind → int `(B,)`, of `"predicted"` and, if a row has a label,
        `"true"`; `labelled`, bool `(B,)`; `shapley`, (kind, scale) → dict of `values` `(B, M)`, `none` and `all`.
    """
    modality, names = pipe.targets[target], list(pipe.inputs)
    told = subset_predictions(batch, names, target)
    labelled = np.zeros(told.shape[1], bool) if weights is None else weights > 0
    classes = {"predicted": chosen(modality, told[-1])}
    if labelled.any() and scales(modality)[0] != "value":
        classes["true"] = np.where(labelled, chosen(modality, told[-1], labels), 0)
    found = {"prediction": told[-1], "classes": classes, "labelled": labelled, "shapley": {}}
    for kind, picked in classes.items():
        for scale in scales(modality):
            parts = np.stack([np.asarray(answer(modality, part, picked, scale), "float64") for part in told])
            found["shapley"][kind, scale] = {"values": shapley_values(parts), "none": parts[0], "all": parts[-1]}
    return found


def details(inside, pipe, target, cells, x, found, of, steps=32, gradients=True):
    """What decides within each input, and what is looked at.

    Args:
        inside: `Inside` of the model.
        pipe, target: see `worth`.
        cells: list of dicts of raw cells, one a row of `x`.
        x: dict of arrays: of the batch, or of its first rows.
        found: what `worth` gave.
        of: `"predicted"` or `"true"`. Rows without a label have no gradients of a true class.
        steps: int > 0. Points of the integral. Defaults to `32`.
        gradients: bool. Defaults to `True`.
    Returns:
        list of dicts, one a row: `inputs`, name → evidence, and `attention`, (asking, asked) → weights.
    """
    modality = pipe.targets[target]
    picked = found["classes"].get(of, found["classes"]["predicted"])[: len(cells)]
    is_explained = np.ones(len(cells), bool)
    if of == "true" and scales(modality)[0] != "value":
        is_explained = found["labelled"][: len(cells)]

    def score(predictions, count):
        return answer(modality, predictions, np.tile(picked, count), scales(modality)[0])

    looked = inside.attention(x)
    noted = [{"inputs": {}, "attention": {}} for _ in cells]
    for name, own in pipe.inputs.items():
        slopes = gaps = None
        if gradients:
            slopes, gaps = integrated_gradients(inside, own, name, x, score, steps)
        for row, place in enumerate(noted):
            slope = slopes[row] if slopes is not None and is_explained[row] else None
            attention = looked["answer"][name][row] if looked else None
            place["inputs"][name] = _seen(name, own, cells[row], x, row, slope, attention)
            if slope is not None:
                place["inputs"][name].update(sum=float(slope.sum()), gap=float(gaps[row]))
    for pair, weights in looked["tokens"].items() if looked else ():
        for row, place in enumerate(noted):
            place["attention"][pair] = weights[row]
    return noted


def _seen(name, modality, cells, x, row, slope, attention):
    columns = modality.columns(name)
    written = [cells[column] for column in columns]
    seen = evidence(modality, columns, written, x[name][row], x[name + MASK][row], slope, attention)
    return seen if attention is None else {**seen, "share": float(attention.sum())}
