"""Answers for rows, in order, in words and units."""

import numpy as np

from mmkeras.inference.finite_answers import blank, require_finite_weights, without_answer
from mmkeras.inference.row_batches import row_batches
from mmkeras.models.generator import generator


def predict(model, pipe, rows, batch_size=64, generate=None, seed=0):
    """Yields the answers for batches of rows; every row gets one, bad cells count as absent.

    Args:
        model: `keras.Model` from `build`, or one that takes and gives the same dicts.
        pipe: adapted `Pipeline`.
        rows: `Rows` with the inputs' columns; targets are not read.
        batch_size: int > 0. Defaults to `64`.
        generate: dict target → options of its decoder's `generate`, such as `{"caption": {"beams": 4}}`.
            Defaults to `None`: theirs.
        seed: int. For all that is drawn. Defaults to `0`.
    Yields:
        dict column → array `(B,)`: each target's answer under its name (a label, a number, a text, the bytes of a PNG
        or WAV file), and for a category the probability of that answer under name + `"_probability"`; `""` or NaN
        where a model gives no finite number.
    Raises:
        ValueError: a weight of the model is NaN or infinite.
    Example:
        >>> table = [answers for answers in predict(model, pipe, rows)]
    """
    require_finite_weights("predict", model)
    for batch, _, _ in row_batches(generator(model, generate, seed), pipe, rows, batch_size, with_targets=False):
        predictions = batch.whole()
        lacking = {name: without_answer(value) for name, value in predictions.items()}
        written = pipe.write({n: np.nan_to_num(v) if lacking[n].any() else v for n, v in predictions.items()})
        answers = {}
        for target in pipe.targets:
            name = pipe.title(target)
            answer = np.asarray(written[name])
            is_text = answer.dtype == object and pipe.targets[target].ending is None
            answer_text = np.array([a.decode("utf-8", "replace") for a in answer]) if is_text else answer
            answers[name] = blank(answer_text, lacking[target])
            has_probability = "_probability" in pipe.targets[target].answers_too
            if has_probability and f"{name}_probabilities" in written and answer.dtype == object:
                answers[f"{name}_probability"] = blank(
                    np.asarray(written[f"{name}_probabilities"]).max(1), lacking[target]
                )
        yield answers
