"""A trained model as the judge of what another one generates."""

import numpy as np

from data_pipelines.naming import TARGET, plain_name
from mmkeras.inference.seen_batches import seen_batches
from mmkeras.inference.subset_model import SubsetModel


def preference(model, pipe, answer, batch_size=64):
    """Makes a judge for `generate(prefer=…)` out of a trained model that reads such answers.

    An answer's merit is how little the model is surprised by the row's own labels once it has seen the answer: the
    log-probability of the category that a picture was asked for, of the words that a voice was to say. Where the model
    has several targets, the sum of those that the row has.

    Args:
        model: `keras.Model` from `build`, trained; not the one that generates, nor one that will judge in the end.
        pipe: its adapted `Pipeline`. Its targets must be columns of the rows asked for, its other inputs may be.
        answer: str. Its input that the answers are given to.
        batch_size: int > 0. Defaults to `64`.
    Returns:
        callable (answers, rows) → float array `(N,)`, minus the losses of the targets' decoders; NaN for an empty
        answer and for a row without any label.
    Raises:
        ValueError: `answer` is no input, or reads several columns; in a call, a target's column that is not there, or
            another number of answers than rows.
    Example:
        >>> judge = preference(reader, reading, "picture")  # a model picture → category
        >>> pictures = generate(painter, pipe, test, "picture", candidates=8, prefer=judge)
    """
    answer = plain_name(answer)
    if answer not in pipe.inputs or len(pipe.inputs[answer].columns(answer)) != 1:
        fitting = [pipe.title(name) for name, modality in pipe.inputs.items() if len(modality.columns(name)) == 1]
        raise ValueError(
            f"preference: answer must be an input of one column. Received: answer={answer!r}. Do: of {fitting}."
        )
    (column,) = pipe.inputs[answer].columns(answer)
    asked = SubsetModel(model, [*pipe.inputs, *(target + TARGET for target in pipe.targets)])
    losses = {target: model.get_layer(target).default_loss() for target in pipe.targets}

    def prefer(answers, rows):
        merits = []
        batches = pipe.batches(_answered(answers, rows, column, pipe), batch_size, on_bad="mask")
        for batch, y, w in seen_batches(asked, batches):
            predictions = batch.whole()
            surprise = sum(_by_row(losses[name].call(y[name], predictions[name]), w[name]) for name in y)
            known = sum(w.values()) > 0
            merits.append(np.where(known, -surprise, np.nan))
        empty = np.array([not part for part in answers])
        return np.where(empty, np.nan, np.concatenate(merits))

    return prefer


def _answered(answers, rows, column, pipe):
    """The rows as a judge reads them, the answers in the place of a column."""
    import pandas as pd

    from data_pipelines import read_table

    rows.require(pipe.target_columns())
    if len(answers) != len(rows):
        raise ValueError(
            f"preference: there must be an answer for each row. Received: {len(answers)} answers, {len(rows)} rows."
        )
    wanted = [name for name in (*pipe.input_columns(), *pipe.target_columns()) if name != column]
    cells = {name: rows.values(name) if name in rows.columns else [""] * len(rows) for name in wanted}
    return read_table(pd.DataFrame({column: list(answers), **cells}), rows.source.media_root or None)


def _by_row(losses, weights):
    """Sums of a batch's losses by row, those without a label 0: `(B,)`."""
    losses = np.asarray(losses, "float64").reshape(len(weights), -1).mean(axis=1)
    return np.where(weights > 0, losses, 0.0)
