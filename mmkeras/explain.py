"""Why a model answers as it does: what each input is worth, what decides within it, what is looked at."""

import numpy as np

from mmkeras.evaluate import MASK
from mmkeras.explaining.answers import answer, chosen, scales
from mmkeras.explaining.evidence import evidence
from mmkeras.explaining.explanation import Explanation
from mmkeras.explaining.gradients import integrated_gradients
from mmkeras.explaining.inside import Inside
from mmkeras.explaining.shapley import shapley_values, subset_predictions

KINDS = ("predicted", "true")


def explain(model, pipe, rows, target=None, of="predicted", examples=12, steps=32, batch_size=64, gradients=True):
    """Explains answers: exact Shapley values over the inputs for every row, details for the first ones.

    Every row is decoded once. Shapley values ask for 2^M predictions a row, M inputs, at most 12. The details are
    integrated gradients within each input, and the fusion's attention where it attends.

    Args:
        model: `keras.Model` from `build`.
        pipe: adapted `Pipeline`.
        rows: `Rows` with the inputs' columns; with the targets' too, the true class is explained as well.
        target: str or None. Of category, number or tags. Defaults to `None`: the first one.
        of: `"predicted"` or `"true"`. The class whose log-odds the gradients explain; rows without a label have no
            gradients under `"true"`. Defaults to `"predicted"`.
        examples: int >= 0. Rows with details. Defaults to `12`.
        steps: int > 0. Points of the integral. Defaults to `32`.
        batch_size: int > 0. Defaults to `64`.
        gradients: bool. Defaults to `True`; they need TensorFlow or JAX.
    Returns:
        `Explanation`.
    Raises:
        ValueError: an unknown target or `of`, one of a modality that has no explanation, more than 12 inputs,
            `of="true"` without labels.
    Example:
        >>> found = explain(model, pipe, test.take(50))
        >>> found.summary()["inputs"]["title"]["mean_size"]["log_odds"]
        >>> found.save("why/")
    """
    target = target or next(iter(pipe.targets))
    _check(pipe, target, of)
    labelled = set(pipe.target_columns()) <= set(rows.columns)
    if of == "true" and not labelled:
        raise ValueError('explain: of="true" needs the targets\' columns. Received: rows without. Do: of="predicted".')
    from mmkeras.report import raw_rows

    raw = raw_rows(rows, list(dict.fromkeys([*pipe.input_columns(), *(pipe.target_columns() if labelled else ())])))
    explanation = Explanation(pipe, target, of)
    pipe.problems.clear()
    for batch in pipe.batches(rows, batch_size, with_targets=labelled, on_bad="mask"):
        x, y, w = batch if labelled else (batch, {}, {})
        x, y, w = ({name: np.asarray(value) for name, value in part.items()} for part in (x, y, w))
        cells = [next(raw) for _ in next(iter(x.values()))]
        worth = _worth(model, pipe, target, x, y.get(target), w.get(target))
        left = max(0, examples - len(explanation.examples))
        head = {name: value[:left] for name, value in x.items()}
        details = _details(model, pipe, target, cells[:left], head, worth, of, steps, gradients) if left else []
        explanation.add(cells, worth, details)
    return explanation


def _check(pipe, target, of):
    if target not in pipe.targets:
        raise ValueError(f"explain: the target must be one of {list(pipe.targets)}. Received: target={target!r}.")
    if of not in KINDS:
        raise ValueError(f"explain: of must be one of {KINDS}. Received: of={of!r}. Do: of='predicted'.")
    scales(pipe.targets[target])


def _worth(model, pipe, target, x, labels, weights):
    """Predictions of all subsets, the classes explained, and what each input adds, on every scale."""
    modality, names = pipe.targets[target], list(pipe.inputs)
    told = subset_predictions(model, x, names, target)
    labelled = np.zeros(told.shape[1], bool) if weights is None else weights > 0
    classes = {"predicted": chosen(modality, told[-1])}
    if labelled.any() and scales(modality)[0] != "value":
        classes["true"] = np.where(labelled, chosen(modality, told[-1], labels), 0)
    found = {"prediction": told[-1], "classes": classes, "labelled": labelled, "shapley": {}}
    for kind, picked in classes.items():
        for scale in scales(modality):
            worth = np.stack([np.asarray(answer(modality, part, picked, scale), "float64") for part in told])
            values = shapley_values(worth)
            found["shapley"][kind, scale] = {"values": values, "none": worth[0], "all": worth[-1]}
    return found


def _details(model, pipe, target, cells, x, worth, of, steps, gradients):
    """For each row of a batch a dict: `inputs`, name → evidence, and `attention`, (asking, asked) → weights."""
    inside, modality = Inside(model, list(pipe.inputs), target), pipe.targets[target]
    picked = worth["classes"].get(of, worth["classes"]["predicted"])[: len(cells)]
    has_class = np.ones(len(cells), bool)
    if of == "true" and scales(modality)[0] != "value":
        has_class = worth["labelled"][: len(cells)]
    looked = inside.attention(x)

    def score(predictions, count):
        return answer(modality, predictions, np.tile(picked, count), scales(modality)[0])

    details = [{"inputs": {}, "attention": {}} for _ in cells]
    for name, own in pipe.inputs.items():
        slopes = gaps = None
        if gradients:
            slopes, gaps = integrated_gradients(inside, own, name, x, score, steps)
        for row, found in enumerate(details):
            slope = slopes[row] if slopes is not None and has_class[row] else None
            attention = looked["answer"][name][row] if looked else None
            columns = own.columns(name)
            written = [cells[row][column] for column in columns]
            shown = evidence(own, columns, written, x[name][row], x[name + MASK][row], slope, attention)
            sums = {} if slope is None else {"sum": float(slope.sum()), "gap": float(gaps[row])}
            share = {"share": float(attention.sum())} if looked else {}
            found["inputs"][name] = {**shown, **sums, **share}
    for pair, weights in looked["tokens"].items() if looked else ():
        for row, found in enumerate(details):
            found["attention"][pair] = weights[row]
    return details
