"""Seeds that a data set carries along, so that what is random in it does not depend on what runs beside it."""

import itertools

import tensorflow as tf

from data_pipelines.sources.source import SEED


def with_seeds(dataset, seed, passes=0, elements=0):
    """Pairs every element with a seed of its own.

    Every pass over the data set has other seeds; the same pass of another data set with the same `seed` has the same.

    Args:
        dataset: `tf.data.Dataset`.
        seed: int.
        passes: int >= 0. Passes that were made before. Defaults to `0`.
        elements: int >= 0. Elements of the first pass that came before. Defaults to `0`.
    Returns:
        `tf.data.Dataset` of (element, int32 `(2,)`).
    """
    numbers = tf.data.Dataset.random(seed, rerandomize_each_iteration=True)
    for _ in range(passes):
        next(iter(numbers))
    return tf.data.Dataset.zip(dataset, numbers.skip(elements).map(lambda number: tf.bitcast(number, tf.int32)))


def seed_rows(rows, seed=None, passes=0, elements=0):
    """Rows that carry a seed of their own, `"_seed"`.

    Args:
        rows: `tf.data.Dataset` of dicts.
        seed: int, or None for seeds that nothing decides, where rows come in no fixed order. Defaults to `None`.
        passes, elements: see `with_seeds`.
    """
    if seed is None:
        return rows.map(lambda row: {**row, SEED: _undecided()})
    return with_seeds(rows, seed, passes, elements).map(lambda row, own: {**row, SEED: own})


def _undecided():
    """A seed that TensorFlow's own doesn't decide: under it, workers of a service draw the same in every pass."""
    return tf.raw_ops.RandomUniformInt(shape=[2], minval=-(2**31), maxval=2**31 - 1, seed=0, seed2=0)


def fresh_seeds(seed):
    """A function without arguments that gives another seed, int32 `(2,)`, at every call; `seed` decides them all."""
    calls = itertools.count()
    return lambda: tf.random.fold_in(seed, next(calls))
