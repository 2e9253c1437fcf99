"""Numbers as fillings of bins."""

from keras import ops


def fill_bins(values, num_bins):
    """How far each number in [-1, 1] fills each of its bins, from 0 to 1, and the number itself.

    Args:
        values: float tensor `(B, N)`.
        num_bins: int > 0.
    Returns:
        float tensor `(B, N, num_bins + 1)`.
    """
    values = values[..., None]
    edges = ops.cast(ops.arange(num_bins), values.dtype) * (2.0 / num_bins) - 1.0
    filled = ops.clip((values - edges) * (num_bins / 2.0), 0.0, 1.0)
    return ops.concatenate([filled, values], axis=-1)
