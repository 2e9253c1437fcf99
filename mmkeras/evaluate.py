"""How well a model does, as a whole, without each input, and with each input alone."""

import collections

import numpy as np

from mmkeras.finite_answers import require_finite_weights
from mmkeras.generator import draw_on, generator, shown

MASK = "_mask"


def evaluate(model, pipe, rows, batch_size=64, subsets=True, on_bad="mask"):
    """Scores a model on rows; every row is decoded once, whatever is hidden.

    Args:
        model: `keras.Model` from `build`, or one that takes and gives the same dicts.
        pipe: adapted `Pipeline`.
        rows: `Rows` with the targets' columns.
        batch_size: int > 0. Defaults to `64`.
        subsets: bool. Also scores with each input hidden, and with each input alone. Defaults to `True`.
        on_bad: policy for bad cells, see `Pipeline`. Defaults to `"mask"`.
    Returns:
        dict, JSON-ready: `rows`, `targets` (target → metric → value, in the target's own units), `without` and `only`
        (input → the same), `counts` (`masked` by column, `dropped`). A target without a label in these rows has
        `{"labels": 0}`.
    Raises:
        ValueError: a weight of the model is NaN or infinite.
    Example:
        >>> evaluate(model, pipe, test)["targets"]["category"]["accuracy"]
    """
    require_finite_weights("evaluate", model)
    names = list(pipe.inputs)
    subsets = subsets and len(names) > 1
    hidden = {("all", ""): ()}
    if subsets:
        hidden.update({("without", name): (name,) for name in names})
        hidden.update({("only", name): tuple(other for other in names if other != name) for name in names})
    pipe.problems.clear()
    outcome = collect(model, pipe, rows, batch_size, hidden, on_bad)
    result = {"rows": outcome["rows"], "targets": _scores(model, pipe, outcome, ("all", ""))}
    for part in ("without", "only") if subsets else ():
        result[part] = {pipe.title(name): _scores(model, pipe, outcome, (part, name)) for name in names}
    return {**result, "counts": pipe.problems.counts()}


def collect(model, pipe, rows, batch_size, hidden, on_bad="mask"):
    """Labels, weights and predictions of all rows.

    Args:
        hidden: dict key → names of inputs to hide.
    Returns:
        dict: `rows`, `labels` and `weights` (target → array), `predictions` (key → target → array); labels and
        predictions in the target's own units.
    """
    labels, weights = collections.defaultdict(list), collections.defaultdict(list)
    model = generator(model)
    predictions = {key: collections.defaultdict(list) for key in hidden}
    count = 0
    for x, y, w in pipe.batches(rows, batch_size, on_bad=on_bad):
        x = {name: np.asarray(value) for name, value in shown(x, pipe.targets).items()}
        count += len(next(iter(x.values())))
        for target in y:
            labels[target].append(pipe.targets[target].units(np.asarray(y[target])))
            weights[target].append(np.asarray(w[target]))
        for key, names in hidden.items():
            left = {name: np.zeros_like(v) if name.removesuffix(MASK) in names else v for name, v in x.items()}
            for target, prediction in model.predict_on_batch(left).items():
                predictions[key][target].append(pipe.targets[target].units(np.asarray(prediction)))
        draw_on(model)
    join = {target: np.concatenate(parts) for target, parts in labels.items()}
    return {
        "rows": count,
        "labels": join,
        "weights": {target: np.concatenate(parts) for target, parts in weights.items()},
        "predictions": {k: {t: np.concatenate(parts) for t, parts in by.items()} for k, by in predictions.items()},
    }


def _scores(model, pipe, outcome, key):
    scores = {}
    for target in pipe.targets:
        title = pipe.title(target)
        weights = outcome["weights"].get(target, np.zeros(0))
        if not (weights > 0).any():
            scores[title] = {"labels": 0}
            continue
        labels, predictions = outcome["labels"][target], outcome["predictions"][key][target]
        scores[title] = model.get_layer(target).score(labels, weights, predictions)
    return scores
