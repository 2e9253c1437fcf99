"""Random changes of graphs."""

import math

import tensorflow as tf

from data_pipelines.augmentation.seeds import fresh_seeds

GRAPHS = {"node_dropout": 1.0, "edge_dropout": 1.0, "jitter": math.inf}


def drop_nodes(mask, seed, share):
    """Leaves out nodes of every graph at random, but one at least stays.

    Args:
        mask: bool `(B, N)`.
        seed: int32 `(2,)`.
        share: float in [0, 1]. Share of the nodes.
    Returns:
        bool `(B, N)`: the nodes that stay.
    References:
        Node dropping of [You et al., 2020](https://arxiv.org/abs/2010.13902).
    """
    drawn = tf.where(mask, tf.random.stateless_uniform(tf.shape(mask), seed), -1.0)
    return mask & ((drawn >= share) | (drawn == tf.reduce_max(drawn, 1, keepdims=True)))


def drop_edges(edges, nodes, seed, share, directed):
    """Leaves out edges at random, and all of those that lead to or from a node that is not there.

    Args:
        edges: float32 `(B, N, N, E)`.
        nodes: bool `(B, N)`. The nodes that are there.
        seed: int32 `(2,)`.
        share: float in [0, 1]. Share of the edges.
        directed: bool. Whether the two ways between two nodes are two edges.
    """
    drawn = tf.random.stateless_uniform(tf.shape(edges)[:3], seed)
    if not directed:
        upper = tf.linalg.band_part(drawn, 0, -1)
        drawn = upper + tf.linalg.matrix_transpose(upper - tf.linalg.band_part(drawn, 0, 0))
    stays = (drawn >= share) & nodes[:, :, None] & nodes[:, None]
    return tf.where(stays[..., None], edges, 0.0)


def vary_graphs(nodes, edges, mask, seed, numbers, directed, node_dropout=0.0, edge_dropout=0.0, jitter=0.0):
    """Leaves out nodes and edges, and adds noise to the numbers of nodes.

    Args:
        nodes: float32 `(B, N, C)`.
        edges: float32 `(B, N, N, E)`.
        mask: bool `(B, N)`; padding stays as it is.
        seed: int32 `(2,)`.
        numbers: bool. Whether nodes carry numbers; names get no noise.
        directed, node_dropout, edge_dropout: see `drop_nodes` and `drop_edges`.
        jitter: float >= 0. Standard deviation of the noise.
    Returns:
        tuple (nodes, edges, mask).
    """
    fresh = fresh_seeds(seed)
    if node_dropout:
        mask = drop_nodes(mask, fresh(), node_dropout)
    if node_dropout or edge_dropout:
        edges = drop_edges(edges, mask, fresh(), edge_dropout, directed)
    if jitter and numbers:
        nodes += tf.random.stateless_normal(tf.shape(nodes), fresh()) * jitter
    return tf.where(mask[..., None], nodes, 0.0), edges, mask
