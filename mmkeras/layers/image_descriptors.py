"""What a picture looks like in numbers that nobody has to learn: edges by place, colours, a thumbnail."""

import math

import numpy as np
from keras import ops

DIRECTIONS, SHADES = 8, 4
LEAST_EDGE = 0.05  # keeps noise in flat places from being blown up
RAREST = 1e-3  # share of a colour below which the root is bent


def cell_size(size, cells):
    """Pixels of a cell along one axis, so that there are about as many cells as wanted."""
    return max(1, size // cells)


def edge_histograms(images, cells=7):
    """How strong edges of eight directions are in each cell, over the strength of all edges around the cell.

    Args:
        images: float tensor `(B, H, W, C)` in [0, 1].
        cells: int > 0. About as many cells along each axis. Defaults to `7`.
    Returns:
        float tensor `(B, N)`, N = rows · columns · 8, in about [0, 5].
    References:
        [Dalal and Triggs, 2005](https://doi.org/10.1109/CVPR.2005.177). Differs: a direction belongs to its neighbours
        too, by the cosine of twice the angle, and no sign; each cell is divided by the mean of 3 × 3 cells.
    """
    grey = ops.mean(images, axis=-1)
    across = ops.pad(grey[:, :, 2:] - grey[:, :, :-2], ((0, 0), (0, 0), (1, 1)))
    down = ops.pad(grey[:, 2:] - grey[:, :-2], ((0, 0), (1, 1), (0, 0)))
    strength = ops.sqrt(across**2 + down**2 + 1e-6)
    doubled = ops.stack([(across**2 - down**2) / strength, 2.0 * across * down / strength], axis=-1)
    angles = 2.0 * math.pi * np.arange(DIRECTIONS) / DIRECTIONS
    towards = ops.convert_to_tensor(np.stack([np.cos(angles), np.sin(angles)]).astype("float32"))
    edges = ops.relu(ops.matmul(doubled, towards) - 0.5 * strength[..., None])
    size = tuple(cell_size(side, cells) for side in images.shape[1:3])
    cell = ops.average_pool(edges, size, size, padding="valid", data_format="channels_last")
    around = ops.average_pool(ops.sum(cell, -1, keepdims=True), 3, 1, padding="same", data_format="channels_last")
    return _flat(4.0 * cell / (3.0 * around + LEAST_EDGE))


def shrink(images, least):
    """Images `(B, H, W, C)` whose sides are as many times smaller, in whole times, as leaves `least` pixels."""
    times = max(1, min(images.shape[1:3]) // least)
    return ops.average_pool(images, times, times, padding="valid", data_format="channels_last") if times > 1 else images


def thumbnail(images, side=8):
    """The picture in about `side` × `side` pixels, `(B, N)` in [-1, 1]."""
    size = tuple(cell_size(length, side) for length in images.shape[1:3])
    return _flat(ops.average_pool(images, size, size, padding="valid", data_format="channels_last")) * 2.0 - 1.0


def colour_histogram(images):
    """Roots of the shares of colours, each channel in four shades, of every second pixel: `(B, 4^C)`, C ≤ 3.

    A pixel between two shades counts for both, so that the shares change smoothly.
    """
    seen = images[:, ::2, ::2, :3]
    levels = ops.reshape(seen, (-1, math.prod(seen.shape[1:3]), seen.shape[3], 1)) * (SHADES - 1.0)
    near = ops.relu(1.0 - ops.abs(levels - ops.arange(SHADES, dtype="float32")))
    *others, last = (near[:, :, channel] for channel in range(seen.shape[3]))
    joint = ops.ones_like(last[:, :, :1])
    for shades in others:
        joint = ops.reshape(joint[..., None] * shades[:, :, None], (-1, last.shape[1], joint.shape[2] * SHADES))
    shares = _flat(ops.matmul(ops.swapaxes(joint, 1, 2), last)) / last.shape[1]
    return 8.0 * ops.sqrt(shares + RAREST) - 8.0 * RAREST**0.5


def _flat(values):
    return ops.reshape(values, (-1, math.prod(values.shape[1:])))
