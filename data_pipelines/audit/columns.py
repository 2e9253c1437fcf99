"""What stands in the columns: lengths of texts, ranges of numbers, labels, and what the headers of media said."""

import numpy as np
import tensorflow as tf

from data_pipelines.audit.summaries import counted, outliers, summary
from data_pipelines.sources.source import CHUNK

TOP = 20
FAR = 50
NO_LIMIT = 2**30


def media_facts(column):
    """The facts of an `OpenedColumn`: name → summary of numbers, or label → rows."""
    facts = {}
    for name in column.names():
        values = column.values(name)
        facts[name] = counted(values, TOP) if isinstance(values, list) else summary(values)
    return facts


def written_facts(column, guess, cells, order):
    """The facts of a column of written cells, and its cells that cannot be read.

    Args:
        column: str.
        guess: `Guess`.
        cells: object array of all cells.
        order: list of row numbers.
    Returns:
        tuple (facts, faults): dict name → summary, or label → rows; list of `{"row", "why"}`.
    """
    filled = np.array([bool(str(cell).strip()) for cell in cells], bool)
    if guess.kind == "Number":
        return _numbers(guess.modality(column), cells, order)
    if guess.kind == "Text":
        return _lengths(guess.modality(column), cells[filled]), []
    if guess.kind == "Tags":
        tags = [[tag.strip() for tag in str(cell).split("|") if tag.strip()] for cell in cells[filled]]
        return {"tags": summary([len(own) for own in tags]), "tag": counted((t for own in tags for t in own), TOP)}, []
    if guess.kind in ("Category", "split", "constant"):
        return {"label": counted(cells[filled], TOP)}, []
    return {}, []


def _numbers(number, cells, order):
    """Range and outliers of a column of numbers."""
    (values,), bad = number.parse([tf.constant([str(cell) for cell in cells])], None)
    values, bad = values.numpy(), bad.numpy()
    far = outliers(values)
    facts = {"value": summary(values)}
    if far.any():
        facts["outliers"] = {str(order[place]): float(values[place]) for place in np.flatnonzero(far)[:FAR]}
        facts["outlier count"] = int(far.sum())
    faults = [
        {"row": order[place], "why": f"{str(cells[place])[:40]!r} is not a finite number"}
        for place in np.flatnonzero(bad)
    ]
    return facts, faults


def _lengths(text, cells):
    """Characters, tokens at the modality's split, and texts longer than a batch takes."""
    limit, text.max_tokens = text.max_tokens, NO_LIMIT
    count = tf.function(
        lambda texts: text.tokenize(texts).row_lengths(), input_signature=[tf.TensorSpec([None], tf.string)]
    )
    parts = [count(tf.constant(cells[at : at + CHUNK])).numpy() for at in range(0, len(cells), CHUNK)]
    tokens = np.concatenate([*parts, np.zeros(0, "int64")])
    facts = {"characters": summary([len(str(cell)) for cell in cells]), f"tokens ({text.split})": summary(tokens)}
    return {**facts, "max_tokens": limit, "beyond max_tokens": int((tokens > limit).sum())}
