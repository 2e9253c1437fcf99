"""Seeds that a data set carries along, so that what is random in it does not depend on what runs beside it."""

import itertools

import tensorflow as tf


def with_seeds(dataset, seed):
    """Pairs every element with a seed of its own.

    Every pass over the data set has other seeds; the same pass of another data set with the same `seed` has the same.

    Args:
        dataset: `tf.data.Dataset`.
        seed: int.
    Returns:
        `tf.data.Dataset` of (element, int32 `(2,)`).
    """
    numbers = tf.data.Dataset.random(seed, rerandomize_each_iteration=True)
    return tf.data.Dataset.zip(dataset, numbers.map(lambda number: tf.bitcast(number, tf.int32)))


def uniform_draws(seed):
    """A function (shape, low = −1, high = 1) that draws float32 numbers, others at every call, which `seed` decides.

    Args:
        seed: int32 `(2,)`.
    """
    calls = itertools.count()

    def draw(shape, low=-1.0, high=1.0):
        return tf.random.stateless_uniform(shape, tf.random.fold_in(seed, next(calls)), low, high)

    return draw
