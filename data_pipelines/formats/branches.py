"""Branches of graphs that are seldom taken, and those that leave the graph."""

import numpy as np
import tensorflow as tf


def rarely(branch):
    """Makes a branch of `tf.cond` one op until it is taken.

    TensorFlow visits every op of a branch that is not taken; hundreds of them, in a map over rows, cost more than the
    branch that is.

    Args:
        branch: callable without arguments → nest of tensors.
    """
    return tf.function(branch, autograph=False, experimental_attributes={"_noinline": True})


def in_python(change, data, *numbers):
    """What a Python function makes of the bytes of a scalar string, for files that no TensorFlow op opens.

    A graph with it cannot be exported.

    Args:
        change: callable, bytes and numbers → bytes.
        data: scalar string.
        numbers: scalar tensors.
    """
    # A graph hands over bytes, eager TensorFlow an array of them.
    changed = lambda data, *numbers: change(np.asarray(data, object).item(), *numbers)  # noqa: E731
    return tf.ensure_shape(tf.numpy_function(changed, [data, *numbers], tf.string), [])
