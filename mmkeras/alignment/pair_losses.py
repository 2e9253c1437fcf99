"""What a batch of pairs costs, as plain functions, in float32.

Rows that are not `paired` are no partners and no negatives. A batch without a pair costs 0, never NaN.
"""

from keras import ops


def infonce(first, second, paired, scale):
    """Cross-entropy of finding each row's partner among all rows, in both directions, a mean over pairs.

    Args:
        first: float tensor `(B, D)`, unit norm.
        second: float tensor `(B, D)`, unit norm.
        paired: bool tensor `(B,)`; True = the row has both.
        scale: scalar. 1 / temperature.
    Returns:
        float32 scalar; 0 where there are fewer than two pairs.
    """
    own = scale * ops.sum(first * second, axis=-1)
    logits = scale * ops.matmul(first, ops.transpose(second))
    logits = ops.where(_both(paired), logits, -1e9)
    lost = (ops.logsumexp(logits, axis=0) + ops.logsumexp(logits, axis=1)) / 2.0 - own
    return ops.sum(ops.where(paired, lost, 0.0)) / _count(paired)


def sigmoid(first, second, paired, scale, bias):
    """−log σ(±(scale · aᵢ·bⱼ + bias)), + where i = j, summed over all pairs of rows, divided by the number of rows.

    Args:
        first: float tensor `(B, D)`, unit norm.
        second: float tensor `(B, D)`, unit norm.
        paired: bool tensor `(B,)`; True = the row has both.
        scale: scalar. 1 / temperature.
        bias: scalar.
    Returns:
        float32 scalar; 0 where there is no pair.
    """
    own = scale * ops.sum(first * second, axis=-1) + bias
    logits = scale * ops.matmul(first, ops.transpose(second)) + bias
    # log(1 + e⁻ᶻ) = log(1 + eᶻ) − z: every cell as a negative one, then the partners put right.
    negative = ops.sum(ops.where(_both(paired), ops.softplus(logits), 0.0))
    return (negative - ops.sum(ops.where(paired, own, 0.0))) / _count(paired)


def _both(paired):
    return ops.logical_and(paired[:, None], paired[None, :])


def _count(paired):
    return ops.maximum(ops.sum(ops.cast(paired, "float32")), 1.0)
