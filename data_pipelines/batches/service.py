"""tf.data's service: decoding on other processes and machines."""

import tensorflow as tf


def distributed(dataset, address, rows):
    """The elements of a data set, made by the workers of a tf.data service: each exactly once, in any order.

    Args:
        dataset: `tf.data.Dataset`.
        address: str. The dispatcher, `"grpc://host:port"`.
        rows: `Rows` that the data set begins with.
    Raises:
        ValueError: an address of another form, or rows that only this process can read.
    """
    if not str(address).startswith("grpc://"):
        raise ValueError(
            f"Pipeline.batches: service must be an address. Received: service={address!r}. "
            "Do: mmkeras data-service, and 'grpc://host:port' as it says."
        )
    if not rows.source.in_graph:
        raise ValueError(
            "Pipeline.batches: the service's workers read tables that fit in memory, and prepared shards. "
            f'Received: "{rows.source.name}", which is streamed. Do: pipe.prepare(rows, folder), then '
            "read_shards(folder)."
        )
    sharding = tf.data.experimental.service.ShardingPolicy.DYNAMIC
    return dataset.apply(tf.data.experimental.service.distribute(sharding, str(address)))


def mixed(rows, count):
    """Rows mixed as far as `count` reaches, in another order every pass.

    What `Dataset.shuffle` draws is decided by its seed, or else by TensorFlow's own: a worker, which begins every pass
    with a new iterator, would then give the same order each time.
    """
    parts = tf.nest.flatten(rows.element_spec)
    shuffled = tf.raw_ops.ShuffleDatasetV3(
        input_dataset=tf.data.experimental.to_variant(rows),
        buffer_size=count,
        seed=0,
        seed2=0,
        seed_generator=tf.raw_ops.DummySeedGenerator(),
        output_types=[part.dtype for part in parts],
        output_shapes=[part.shape for part in parts],
        reshuffle_each_iteration=True,
    )
    return tf.data.experimental.from_variant(shuffled, rows.element_spec)
