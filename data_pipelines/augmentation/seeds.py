"""Seeds that a data set carries along, so that what is random in it does not depend on what runs beside it."""

import itertools

import tensorflow as tf


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


def fresh_seeds(seed):
    """A function without arguments that gives another seed, int32 `(2,)`, at every call; `seed` decides them all."""
    calls = itertools.count()
    return lambda: tf.random.fold_in(seed, next(calls))
