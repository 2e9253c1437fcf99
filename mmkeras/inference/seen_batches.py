"""The one loop over batches in which a model predicts."""

from mmkeras.models.generator import draw_on


def seen_batches(asked, batches):
    """Yields batches that a model can be asked about; a model that draws by chance draws anew for each.

    Args:
        asked: `SubsetModel`.
        batches: `tf.data.Dataset` of `(x, y, w)`, or of `x` alone.
    Yields:
        tuple of a `SeenBatch`, and dicts target → array: labels and weights, empty where there is `x` alone.
    Example:
        >>> parts = [batch.whole()["price"] for batch, _, _ in seen_batches(asked, batches)]
    """
    for batch in batches.as_numpy_iterator():
        x, y, w = batch if isinstance(batch, tuple) else (batch, {}, {})
        yield asked.see(x), y, w
        draw_on(asked.model)
