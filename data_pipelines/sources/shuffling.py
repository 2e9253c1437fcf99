"""Shuffling by a seed that the graph gives."""

import tensorflow as tf


def shuffled(dataset, size, seed):
    """`Dataset.shuffle` with a seed out of the graph, which that refuses where TensorFlow's own seed is 0."""
    flat = tf.nest.flatten(dataset.element_spec)
    shuffled = tf.raw_ops.ShuffleDataset(
        input_dataset=tf.data.experimental.to_variant(dataset),
        buffer_size=tf.constant(size, tf.int64),
        seed=seed,
        seed2=tf.ones([], tf.int64),
        output_types=[spec.dtype for spec in flat],
        output_shapes=[spec.shape for spec in flat],
        reshuffle_each_iteration=False,
    )
    return tf.data.experimental.from_variant(shuffled, dataset.element_spec)
