"""Random graphs as encoders take them."""

import numpy as np


def graphs(places=5, features=3, channels=2, rows=3, seed=0):
    """Random graphs `(B, N, C + N·E)` and their mask: symmetric, about half of all edges, first channel 1.

    Row 0 is whole, row 1 lacks its last two nodes, row 2 has no edge.
    """
    random = np.random.default_rng(seed)
    nodes = random.normal(size=(rows, places, features))
    edges = random.normal(size=(rows, places, places, channels))
    there = random.random((rows, places, places)) < 0.3
    edges[..., 0] = 1
    edges *= there[..., None]
    edges = np.where(there[..., None], edges, edges.transpose(0, 2, 1, 3))
    mask = np.ones((rows, places), bool)
    mask[1:2, -2:] = False
    edges[2:3] = 0
    both = mask[:, :, None] & mask[:, None, :]
    return joined(nodes * mask[..., None], edges * both[..., None]), mask


def joined(nodes, edges):
    """Features and edges as one tensor."""
    return np.concatenate([nodes, edges.reshape(*nodes.shape[:2], -1)], -1).astype("float32")


def parted(inputs, channels):
    """Features and edges out of it."""
    places = inputs.shape[1]
    features = inputs.shape[2] - places * channels
    return inputs[..., :features], inputs[..., features:].reshape(len(inputs), places, places, channels)


def permuted(inputs, channels, order):
    """The same graphs with their nodes in another order."""
    nodes, edges = parted(inputs, channels)
    return joined(nodes[:, order], edges[:, order][:, :, order])


def padded(inputs, mask, channels, more, garbage):
    """The same graphs with places added, garbage in their rows and in their columns."""
    nodes, edges = parted(inputs, channels)
    shown = np.pad(mask, [(0, 0), (0, more)])
    nodes = np.pad(nodes, [(0, 0), (0, more), (0, 0)])
    edges = np.pad(edges, [(0, 0), (0, more), (0, more), (0, 0)])
    both = shown[:, :, None] & shown[:, None, :]
    return joined(np.where(shown[..., None], nodes, garbage), np.where(both[..., None], edges, garbage)), shown
