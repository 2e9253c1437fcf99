"""An answer as one number a row, which explanations take apart."""

import numpy as np
from keras import ops

SCALES = {"Category": ("log_odds", "probability"), "Tags": ("log_odds", "probability"), "Number": ("value",)}
FLOOR = 1e-7


def scales(modality):
    """The numbers that an answer of this modality has, the one to explain by gradients first.

    Raises:
        ValueError: a modality without any.
    """
    kind = type(modality).__name__
    if kind not in SCALES:
        raise ValueError(f"explain: a target must be one of {sorted(SCALES)}. Received: {kind}. Do: another target.")
    return SCALES[kind]


def chosen(modality, predictions, labels=None):
    """The class whose probability is explained: the one predicted, or the label's; 0 for a number.

    Args:
        modality: of the target.
        predictions: array `(B, K)`.
        labels: array `(B,)`, `(B, K)`, or None for the predicted one. Of tags, the label's surest one.
    Returns:
        int array `(B,)`.
    """
    kind = type(modality).__name__
    if kind == "Number":
        return np.zeros(len(predictions), int)
    if kind == "Tags" and labels is not None:
        return np.where(labels > 0.5, predictions, -1.0).argmax(1)
    return predictions.argmax(1) if labels is None else np.asarray(labels).astype(int)


def answer(modality, predictions, classes, scale):
    """One number a row: float tensor `(B,)`.

    Args:
        modality: of the target.
        predictions: float tensor `(B, K)`; a number's is standardised.
        classes: int array `(B,)`, see `chosen`.
        scale: `"value"`, in the target's units; `"probability"` of the class; or its `"log_odds"`,
            log p − log of what the other classes have, where no probability counts as less than 1e-7.
    """
    if scale == "value":
        return modality.units(predictions[:, 0])
    picked = ops.one_hot(classes, predictions.shape[1], dtype=predictions.dtype)
    likely = ops.sum(predictions * picked, axis=1)
    if scale == "probability":
        return likely
    rest = 1.0 - likely if type(modality).__name__ == "Tags" else ops.sum(predictions * (1.0 - picked), axis=1)
    return ops.log(ops.maximum(likely, FLOOR)) - ops.log(ops.maximum(rest, FLOOR))
