"""How alike two sets of pictures are, by features of them: distances of distributions, as plain functions.

Features are arrays `(N, F)` of any encoder; whose they are must be said wherever a figure is. Those of Inception are
what "FID" and "KID" alone mean; `features_of` takes the encoder of a model trained here, `coarse_pixels` none at all.
"""

import keras
import numpy as np


def frechet_distance(first, second):
    """Fréchet distance of two sets of features, each taken for a Gaussian.

    ‖μ₁ − μ₂‖² + tr(Σ₁ + Σ₂ − 2 (Σ₁ Σ₂)^½). Biased upwards, the more the fewer rows: compare equal numbers only.

    Args:
        first, second: float arrays `(N, F)` and `(M, F)`, N and M > 1.
    Returns:
        float ≥ 0.
    Raises:
        ValueError: other shapes, or fewer than two rows.
    References:
        [Heusel et al., 2017](https://arxiv.org/abs/1706.08500), the distance in FID.
    """
    first, second = _checked("frechet_distance", first, second)
    spreads = [np.atleast_2d(np.cov(part, rowvar=False)) for part in (first, second)]
    # Σ₁ Σ₂ has the eigenvalues of Σ₁^½ Σ₂ Σ₁^½, which is symmetric: roots without complex numbers.
    values, vectors = np.linalg.eigh(spreads[0])
    root = (vectors * np.sqrt(np.clip(values, 0, None))) @ vectors.T
    overlap = np.sqrt(np.clip(np.linalg.eigvalsh(root @ spreads[1] @ root), 0, None)).sum()
    apart = ((first.mean(0) - second.mean(0)) ** 2).sum()
    return float(max(0.0, apart + np.trace(spreads[0]) + np.trace(spreads[1]) - 2 * overlap))


def kernel_distance(first, second):
    """Unbiased squared maximum mean discrepancy of two sets of features under the kernel (x · y / F + 1)³.

    About 0 where both come from one distribution, below it by chance; not biased by the number of rows.

    Args:
        first, second: float arrays `(N, F)` and `(M, F)`, N and M > 1.
    Returns:
        float.
    Raises:
        ValueError: other shapes, or fewer than two rows.
    References:
        [Bińkowski et al., 2018](https://arxiv.org/abs/1801.01401), the distance in KID. Differs: all rows at once, not
        a mean over subsets.
    """
    first, second = _checked("kernel_distance", first, second)
    within = [_mean_of_others(_kernel(part, part)) for part in (first, second)]
    return float(sum(within) - 2 * _kernel(first, second).mean())


def _kernel(first, second):
    return (first @ second.T / first.shape[1] + 1) ** 3


def _mean_of_others(kernel):
    count = len(kernel)
    return (kernel.sum() - np.trace(kernel)) / (count * (count - 1))


def _checked(who, first, second):
    first, second = np.asarray(first, "float64"), np.asarray(second, "float64")
    fits = first.ndim == second.ndim == 2 and first.shape[1] == second.shape[1] and min(len(first), len(second)) > 1
    if not fits:
        raise ValueError(
            f"{who}: features must be (N, F) and (M, F), with at least two rows each. "
            f"Received: shapes {first.shape} and {second.shape}. Do: features.reshape(len(features), -1)."
        )
    return first, second


def features_of(model, pictures, name, batch_size=256):
    """Features of pictures by the encoder of an input of a trained model: its tokens, averaged.

    Args:
        model: `keras.Model` from `build`, with an `Image` input.
        pictures: float array `(N, H, W, 3)` in [0, 1], of the input's size.
        name: str. The input.
        batch_size: int > 0. Defaults to `256`.
    Returns:
        float32 array `(N, D)`.
    """
    encoder = model.get_layer(f"{name}_encoder")
    pieces = [pictures[first : first + batch_size] for first in range(0, len(pictures), batch_size)]
    return np.concatenate([keras.ops.convert_to_numpy(encoder(piece)).mean(1) for piece in pieces])


def coarse_pixels(pictures, side=8):
    """Features of pictures that need no encoder: colours averaged over rectangles, at most `side` a line and column.

    They tell colours and rough shapes, no details.

    Args:
        pictures: float array `(N, H, W, C)`.
        side: int > 0. Defaults to `8`.
    Returns:
        float array `(N, F)`, F ≤ `side`² C.
    """
    for axis in (1, 2):
        length = pictures.shape[axis]
        edges = np.linspace(0, length, min(side, length) + 1).round().astype(int)
        sizes = np.diff(edges).reshape([-1 if place == axis else 1 for place in range(4)])
        pictures = np.add.reduceat(pictures, edges[:-1], axis) / sizes
    return pictures.reshape(len(pictures), -1)
