"""Models whose weights or answers are no finite numbers."""

import math

import numpy as np
from keras import ops


def require_finite_weights(who, model):
    """Refuses a model that can only answer NaN.

    Args:
        who: str. What the message begins with.
        model: `keras.Model`.
    Raises:
        ValueError: a weight is NaN or infinite.
    """
    for weight in getattr(model, "weights", ()):
        if "float" in str(weight.dtype) and not bool(ops.all(ops.isfinite(weight))):
            raise ValueError(
                f"{who}: the weights of a model must be finite numbers. Received: NaN or infinity in {weight.path!r}. "
                "Do: train anew with a smaller learning_rate, or take a model from before."
            )


def without_answer(prediction):
    """bool array `(B,)`: rows of a prediction that are no finite numbers."""
    prediction = np.asarray(prediction)
    if prediction.dtype.kind in "biuSUO":
        return np.zeros(len(prediction), bool)
    return ~np.isfinite(prediction.astype("float32").reshape(len(prediction), -1)).all(1)


def blank(answers, rows):
    """Answers with `""` or NaN in some rows; files stay as they are."""
    if not rows.any() or answers.dtype == object:
        return answers
    return np.where(rows, "" if answers.dtype.kind in "US" else np.nan, answers)


def with_nulls(value):
    """A JSON-ready value with None in place of numbers that are not finite, which JSON cannot hold."""
    if isinstance(value, dict):
        return {name: with_nulls(part) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [with_nulls(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def without_nulls(value):
    """The same with NaN in place of None."""
    if isinstance(value, dict):
        return {name: without_nulls(part) for name, part in value.items()}
    return math.nan if value is None else value
