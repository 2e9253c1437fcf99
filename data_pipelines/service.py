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
