"""Whether targets have labels that a training can learn from and choose by."""

import numpy as np
import tensorflow as tf

from data_pipelines.modalities import CellContext


def label_remarks(pipe, train, validation):
    """Refuses rows without labels, and says in words what is odd about those that are there.

    Args:
        pipe: adapted `Pipeline`.
        train: `Rows` to learn from.
        validation: `Rows` to choose by.
    Returns:
        list of str. Remarks on validation labels that say nothing.
    Raises:
        ValueError: a target that is the same in all training rows that have one, or validation rows without any label.
    """
    for name, modality in pipe.targets.items():
        found = _labels(name, modality, train)
        if len(found) < 2 and not modality.media:
            raise ValueError(
                f"train: a target must have different values in training rows. Received: {pipe.title(name)!r}, "
                f"{'one value' if found else 'no label'} in {len(train)} rows. Do: another target, or other rows."
            )
    counts = {name: len(_labels(name, modality, validation)) for name, modality in pipe.targets.items()}
    if not any(counts.values()):
        raise ValueError(
            "train: some validation row must have a label that training rows know. "
            f"Received: {len(validation)} rows of {validation.source.name!r} without, of "
            f"{[pipe.title(name) for name in counts]}. Do: other validation rows."
        )
    told = {
        0: "has no label in validation rows: it has no say in which epoch is kept",
        1: "has one value in all validation rows: its scores say little",
    }
    return [f"{pipe.title(name)!r} {told[count]}" for name, count in counts.items() if count in told]


def _labels(name, modality, rows):
    """Labels of a target that can be used, as bytes: at most two different ones, for no more is read."""
    (column,) = modality.columns(name)
    found = set()
    for chunk in rows.chunks((column,)):
        if modality.media:
            cells = [cell if isinstance(cell, bytes) else str(cell).strip().encode() for cell in chunk[column]]
            found.update(cell for cell in cells if cell)
        else:
            context = CellContext(column in rows.source.bytes_columns)
            labels, weights, bad = modality.encode_target([tf.constant(chunk[column])], context)
            usable = (np.asarray(weights) > 0) & ~np.asarray(bad)
            found.update(label.tobytes() for label in np.asarray(labels)[usable])
        if len(found) > 1:
            return set(sorted(found)[:2])
    return found
