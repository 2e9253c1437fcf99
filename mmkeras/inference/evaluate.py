"""How well a model does, as a whole, without each input, and with each input alone."""

import collections

import numpy as np

from mmkeras.inference.finite_answers import require_finite_weights
from mmkeras.inference.row_batches import row_batches
from mmkeras.models.generator import generator


def evaluate(model, pipe, rows, batch_size=64, subsets=True, on_bad="mask"):
    """Scores a model on rows: every row is decoded once and every input encoded once, whatever is hidden.

    Args:
        model: `keras.Model` from `build`, or one that takes and gives the same dicts. An ensemble, and a model whose
            inputs nowhere meet, is run as a whole for each subset.
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
    return watched(model, pipe, rows, batch_size=batch_size, subsets=subsets, on_bad=on_bad)


def watched(model, pipe, rows, watch=None, batch_size=64, subsets=True, on_bad="mask"):
    """`evaluate`, with somebody who looks at the rows as they pass by.

    Args:
        watch: callable of four dicts of arrays, x, labels, weights and predictions of a batch with all its inputs; or
            None. Defaults to `None`.
    """
    require_finite_weights("evaluate", model)
    names = list(pipe.inputs)
    hidden = {("all", ""): ()}
    if subsets and len(names) > 1:
        hidden.update({("without", name): (name,) for name in names})
        hidden.update({("only", name): tuple(other for other in names if other != name) for name in names})
    outcome = _Outcome(pipe)
    for batch, y, w in row_batches(generator(model), pipe, rows, batch_size, on_bad=on_bad):
        predictions = batch.hiding(list(hidden.values())) if len(hidden) > 1 else [batch.whole()]
        outcome.add(y, w, dict(zip(hidden, predictions, strict=True)))
        if watch is not None:
            watch(batch.x, y, w, predictions[0])
    result = {"rows": outcome.rows, "targets": outcome.scores(model, ("all", ""))}
    for part in ("without", "only") if len(hidden) > 1 else ():
        result[part] = {pipe.title(name): outcome.scores(model, (part, name)) for name in names}
    return {**result, "counts": pipe.problems.counts()}


class _Outcome:
    """Labels, weights and predictions of all rows, in the targets' own units."""

    def __init__(self, pipe):
        self.pipe, self.rows = pipe, 0
        self.parts = collections.defaultdict(list)

    def add(self, labels, weights, predictions):
        """Keeps a batch; `predictions` by what was hidden."""
        self.rows += len(next(iter(next(iter(predictions.values())).values())))
        for target, values in labels.items():
            self.parts["labels", target].append(self.pipe.targets[target].units(values))
            self.parts["weights", target].append(weights[target])
        for key, by_target in predictions.items():
            for target, values in by_target.items():
                self.parts[key, target].append(self.pipe.targets[target].units(values))

    def scores(self, model, key):
        """Dict target → metric → value."""
        scores = {}
        for target in self.pipe.targets:
            labels, weights, predictions = (self._joined(part, target) for part in ("labels", "weights", key))
            has_labels = (weights > 0).any()
            found = model.get_layer(target).score(labels, weights, predictions) if has_labels else {"labels": 0}
            scores[self.pipe.title(target)] = found
        return scores

    def _joined(self, part, target):
        parts = self.parts.get((part, target))
        return np.concatenate(parts) if parts else np.zeros(0)
