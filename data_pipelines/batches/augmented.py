"""Varies whole training batches, every input by its own modality."""

import tensorflow as tf

from data_pipelines.augmentation.seeds import with_seeds
from data_pipelines.naming import MASK


def augment_batches(dataset, inputs, seed, passes=0, batches=0):
    """Varies batches `(x, y, w)`, anew in every pass, and the same in the same pass of another run.

    Args:
        dataset: `tf.data.Dataset` of `(x, y, w)`.
        inputs: dict name → modality.
        seed: int.
        passes: int >= 0. Passes that were made before. Defaults to `0`.
        batches: int >= 0. Batches of the first pass that came before. Defaults to `0`.
    """

    varied = [(place, name, m) for place, (name, m) in enumerate(inputs.items()) if m.augment_with]

    def vary(batch, seed):
        x, y, w = batch
        changed = dict(x)
        for place, name, modality in varied:
            own = tf.random.fold_in(seed, place)
            changed[name], changed[name + MASK] = modality.vary(x[name], x[name + MASK], own)
        return changed, y, w

    if not varied:
        return dataset
    return with_seeds(dataset, seed, passes, batches).map(vary, tf.data.AUTOTUNE)
