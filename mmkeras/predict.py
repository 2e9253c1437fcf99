"""Answers for rows, in order, in words and units."""

import numpy as np


def predict(model, pipe, rows, batch_size=64):
    """Yields the answers for batches of rows; every row gets one, bad cells count as absent.

    Args:
        model: `keras.Model` from `build`, or one that takes and gives the same dicts.
        pipe: adapted `Pipeline`.
        rows: `Rows` with the inputs' columns; targets are not read.
        batch_size: int > 0. Defaults to `64`.
    Yields:
        dict column → array `(B,)`: each target's answer under its name, and for a category the probability of that
        answer under name + `"_probability"`.
    Example:
        >>> table = [answers for answers in predict(model, pipe, rows)]
    """
    pipe.problems.clear()
    for x in pipe.batches(rows, batch_size, with_targets=False, on_bad="mask"):
        predictions = model.predict_on_batch(x)
        written = pipe.write({name: np.asarray(value) for name, value in predictions.items()})
        answers = {}
        for target in pipe.targets:
            name = pipe.title(target)
            answer = np.asarray(written[name])
            answers[name] = np.array([a.decode("utf-8") for a in answer]) if answer.dtype == object else answer
            if (
                f"{name}_probabilities" in written
                and answer.dtype == object
                and pipe.spec["targets"][target]["modality"] == "Category"
            ):
                answers[f"{name}_probability"] = np.asarray(written[f"{name}_probabilities"]).max(1)
        yield answers
