"""A graph's tensor taken apart, as plain functions."""

from keras import ops

from mmkeras.layers.masking import hide


def node_features(layer, input_shape, num_edge_channels):
    """C, out of an input shape `(B, N, C + N·E)`.

    Raises:
        ValueError: N is open, or nothing is left for the nodes.
    """
    places, width = input_shape[1:]
    if places is None or width is None or width <= places * num_edge_channels:
        raise ValueError(
            f'{type(layer).__name__} "{layer.name}": inputs must be (B, N, C + N·E), with N known and C > 0. '
            f"Received: shape={tuple(input_shape)}, E={num_edge_channels}. Do: take both from pipe.spec."
        )
    return width - places * num_edge_channels


def split_nodes(inputs, mask, num_edge_channels):
    """Takes `(B, N, C + N·E)` apart; what a masked node has, and edges from and to it, count as nothing.

    Args:
        inputs: float tensor `(B, N, C + N·E)`.
        mask: bool tensor `(B, N)`.
        num_edge_channels: int > 0. E.
    Returns:
        tuple of features `(B, N, C)`, edges `(B, N, N, E)`, row = the node that hears, column = the one it hears, and
        linked bool `(B, N, N)`, where some channel is not 0.
    """
    places, width = inputs.shape[1:]
    features = width - places * num_edge_channels
    edges = ops.reshape(inputs[:, :, features:], (-1, places, places, num_edge_channels))
    edges = hide(edges, ops.logical_and(mask[:, :, None], mask[:, None, :]))
    return hide(inputs[:, :, :features], mask), edges, ops.any(edges != 0, axis=-1)


def with_loops(linked, mask):
    """The same links, and one from every real node to itself."""
    own = ops.cast(ops.eye(linked.shape[-1]), "bool")
    return ops.logical_or(linked, ops.logical_and(own[None], mask[:, :, None]))
