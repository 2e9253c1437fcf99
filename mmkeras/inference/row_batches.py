"""Rows, decoded once, whatever is asked about them."""

from mmkeras.inference.seen_batches import seen_batches
from mmkeras.inference.subset_model import SubsetModel


def row_batches(model, pipe, rows, batch_size=64, with_targets=True, on_bad="mask"):
    """Yields rows, in order, a batch at a time, ready to be asked about; counts of bad cells begin anew.

    Args:
        model: `keras.Model` that needs no labels, see `mmkeras.generator`; it draws anew for each batch.
        pipe: adapted `Pipeline`.
        rows: `Rows` with the inputs' columns, and the targets' if they are wanted.
        batch_size: int > 0. Defaults to `64`.
        with_targets: bool. Defaults to `True`.
        on_bad: policy for bad cells, see `Pipeline`. Defaults to `"mask"`.
    Yields:
        tuple of a `SeenBatch`, and dicts target → array: labels and weights, empty without targets.
    Example:
        >>> parts = [batch.whole()["price"] for batch, _, _ in row_batches(generator(model), pipe, rows)]
    """
    pipe.problems.clear()
    shapes = "few" if model.jit_compile else False
    batches = pipe.batches(rows, batch_size, with_targets=with_targets, on_bad=on_bad, static_shapes=shapes)
    yield from seen_batches(SubsetModel(model, pipe.inputs), batches)
