"""Branches of graphs that are seldom taken."""

import tensorflow as tf


def rarely(branch):
    """Makes a branch of `tf.cond` one op until it is taken.

    TensorFlow visits every op of a branch that is not taken; hundreds of them, in a map over rows, cost more than the
    branch that is.

    Args:
        branch: callable without arguments → nest of tensors.
    """
    return tf.function(branch, autograph=False, experimental_attributes={"_noinline": True})
