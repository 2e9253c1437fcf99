"""Embeddings of rows."""

import numpy as np

from data_pipelines.naming import MASK
from mmkeras.inference.row_batches import row_batches
from mmkeras.models.dual_encoder import embedded


def embed(model, pipe, rows, batch_size=64):
    """Embeds rows, in order, a batch at a time; bad cells count as absent.

    Args:
        model: `keras.Model` from `build_dual_encoder`.
        pipe: adapted `Pipeline`.
        rows: `Rows` with the inputs' columns; targets are not read.
        batch_size: int > 0. Defaults to `64`.
    Returns:
        tuple of two dicts: input → float32 `(N, D)` of length 1, zeros where the row lacks the input; input → bool
        `(N,)`, whether it has it.
    Raises:
        ValueError: the model gives no embeddings.
    Example:
        >>> vectors, present = embed(model, pipe, test)
    """
    names = embedded(model)
    if not names:
        raise ValueError(
            f"embed: the model must give embeddings. Received: outputs={model.output_names}. Do: build_dual_encoder."
        )
    vectors, present = {name: [] for name in names}, {name: [] for name in names}
    for batch, _, _ in row_batches(model, pipe, rows, batch_size, with_targets=False):
        given = batch.whole()
        for name in names:
            mask = batch.x[name + MASK]
            vectors[name].append(given[name].astype("float32"))
            present[name].append(mask.reshape(len(mask), -1).any(1))
    return tuple({name: np.concatenate(parts) for name, parts in both.items()} for both in (vectors, present))
