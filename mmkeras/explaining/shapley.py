"""What each input is worth for an answer: exact Shapley values over all subsets of inputs, through their masks."""

import math

import numpy as np

from data_pipelines.naming import MASK

MOST = 12


def presence(x, names):
    """Which inputs each row of a batch has, as bits: int array `(B,)`, bit m = the m-th name."""
    bits = 0
    for place, name in enumerate(names):
        mask = np.asarray(x[name + MASK])
        bits = bits + (mask.reshape(len(mask), -1).any(1).astype(int) << place)
    return bits


def subset_predictions(batch, names, target):
    """What a model says of a batch from every subset of its inputs; nothing is decoded or encoded again.

    Args:
        batch: `SeenBatch`.
        names: list of str. M inputs, at most 12.
        target: str.
    Returns:
        array `(2^M, B, …)`; bit m of its first index = the m-th input is shown. A row that lacks an input has the very
        same numbers with and without it.
    Raises:
        ValueError: more than 12 inputs.
    """
    if len(names) > MOST:
        raise ValueError(
            f"explain: exact Shapley values ask for 2^M predictions, so there must be at most {MOST} inputs. "
            f"Received: {len(names)} inputs. Do: join columns in one input, such as Number(columns=…)."
        )
    shown = np.arange(2 ** len(names))[:, None] & presence(batch.x, names)
    asked = np.unique(shown).tolist()
    hidden = [{name for place, name in enumerate(names) if not subset >> place & 1} for subset in asked]
    told = {subset: predictions[target] for subset, predictions in zip(asked, batch.hiding(hidden), strict=True)}
    return np.stack([np.stack([told[subset][row] for row, subset in enumerate(line)]) for line in shown])


def shapley_values(worth):
    """The share of each input in what all of them together are worth.

    φ_m = Σ over the subsets S without m of |S|! (M − |S| − 1)! / M! · (v(S ∪ m) − v(S)). Their sum is v(all) − v(none).

    Args:
        worth: float array `(2^M, B)`. v of every subset; bit m of the first index = the m-th input is in it.
    Returns:
        float64 array `(B, M)`.
    Example:
        >>> shapley_values(np.array([[0.0], [2.0], [4.0], [9.0]]))
        array([[3.5, 5.5]])
    References:
        [Shapley, 1953](https://doi.org/10.1515/9781400881970-018);
        [Lundberg and Lee, 2017](https://arxiv.org/abs/1705.07874). Differs: an input left out is absent, as the model
        knows it from training, and not replaced by those of other rows.
    """
    worth = np.asarray(worth, "float64")
    count = len(worth).bit_length() - 1
    subsets = np.arange(len(worth))
    sizes = np.array([subset.bit_count() for subset in subsets.tolist()])
    shares = np.array([1 / (count * math.comb(count - 1, size)) for size in range(count)])
    values = []
    for place in range(count):
        without = subsets[(subsets >> place & 1) == 0]
        gained = worth[without | 1 << place] - worth[without]
        values.append(shares[sizes[without]] @ gained)
    return np.stack(values, 1)
