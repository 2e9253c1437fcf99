"""Why a model answers as it does: what each input is worth, what decides within it, what is looked at."""

import itertools

from data_pipelines.naming import plain_name
from mmkeras.explaining.batch import details, worth
from mmkeras.explaining.explanation import Explanation
from mmkeras.explaining.inside import Inside
from mmkeras.inference.row_batches import row_batches
from mmkeras.models.generator import answering
from mmkeras.views.answers import scales

KINDS = ("predicted", "true")


def explain(model, pipe, rows, target=None, of="predicted", examples=12, steps=32, batch_size=64, gradients=True):
    """Explains answers: exact Shapley values over the inputs for every row, details for the first ones.

    Every row is decoded once. Shapley values ask for 2^M predictions a row, M inputs, at most 12. The details are
    integrated gradients within each input, and the fusion's attention where it attends.

    Args:
        model: `keras.Model` from `build`.
        pipe: adapted `Pipeline`.
        rows: `Rows` with the inputs' columns; with the targets' too, the true class is explained as well.
        target: str or None. Name or column, of category, number or tags. Defaults to `None`: the first one.
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
    target = plain_name(target or next(iter(pipe.targets)))
    _check(pipe, target, of)
    labelled = set(pipe.target_columns()) <= set(rows.columns)
    if of == "true" and not labelled:
        raise ValueError('explain: of="true" needs the targets\' columns. Received: rows without. Do: of="predicted".')
    from mmkeras.inference.raw_rows import raw_rows

    raw = raw_rows(rows, list(dict.fromkeys([*pipe.input_columns(), *(pipe.target_columns() if labelled else ())])))
    explanation, model = Explanation(pipe, target, of), answering(model, target)
    inside = Inside(model, list(pipe.inputs), target) if examples else None
    for batch, y, w in row_batches(model, pipe, rows, batch_size, with_targets=labelled):
        cells = list(itertools.islice(raw, batch.rows))
        found = worth(batch, pipe, target, y.get(target), w.get(target))
        left = max(0, examples - len(explanation.examples))
        head = {name: value[:left] for name, value in batch.x.items()}
        inner = details(inside, pipe, target, cells[:left], head, found, of, steps, gradients) if left else []
        explanation.add(cells, found, inner)
    return explanation


def _check(pipe, target, of):
    if target not in pipe.targets:
        titles = list(pipe.titles("targets").values())
        raise ValueError(f"explain: the target must be one of {titles}. Received: target={target!r}.")
    if of not in KINDS:
        raise ValueError(f"explain: of must be one of {KINDS}. Received: of={of!r}. Do: of='predicted'.")
    scales(pipe.targets[target])
