"""Texts, pictures and sounds for rows."""

import numpy as np

from data_pipelines.naming import plain_name
from mmkeras.inference.row_batches import row_batches
from mmkeras.models.generator import answering, draw_on, generating_decoders, generator


def generate(model, pipe, rows, target, batch_size=32, seed=0, candidates=1, prefer=None, progress=None, **options):
    """Generates one target's answer for each row, in order.

    Where the decoder draws by chance, the best of several draws is often much better than one, if something else can
    tell: a classifier or a dual encoder for pictures, a recogniser for speech. That is `candidates` and `prefer`.

    Args:
        model: `keras.Model` from `build`, or one that takes and gives the same dicts.
        pipe: adapted `Pipeline`.
        rows: `Rows` with the inputs' columns; targets are not read. Bad cells count as absent.
        target: str. The target's name, or its column.
        batch_size: int > 0. Defaults to `32`.
        seed: int. For all that is drawn; each batch and each candidate draws on. Defaults to `0`.
        candidates: int > 0. Answers drawn for a row, of which one is kept. Defaults to `1`.
        prefer: callable (answers, rows) → float array `(N,)`, or None: how good each row's answer is, NaN for one that
            must not win; called once a candidate, with one answer for each row. Needed with `candidates` > 1.
            Defaults to `None`.
        progress: callable (rows done) or None. Defaults to `None`.
        options: of the decoder's `generate`, such as `beams=4` or `temperature=0.8`.
    Returns:
        list of what `Modality.write` gives a row: str, or the bytes of a PNG or a WAV.
    Raises:
        ValueError: a target that is not there or not generated; candidates < 1, or several and no `prefer`; merits of
            another number than rows.
    Example:
        >>> generate(model, pipe, test, "caption", beams=4)[0]
        'two red circles left of a blue square'
        >>> shortest = lambda answers, rows: [-len(answer) for answer in answers]
        >>> generate(model, pipe, test, "caption", temperature=1.0, candidates=8, prefer=shortest)[0]
        'a blue square'
    References:
        [Ramesh et al., 2021](https://arxiv.org/abs/2102.12092), §2.6: of 512 drawn pictures the one that CLIP finds the
        most like the text.
    """
    known, target = generating_decoders(model), plain_name(target)
    if target not in known:
        raise ValueError(f"generate: target must be generated. Received: target={target!r}. Do: of {list(known)}.")
    if candidates < 1 or (candidates > 1 and prefer is None):
        raise ValueError(
            "generate: candidates must be > 0, and something must tell which of several is best. "
            f"Received: candidates={candidates}, prefer={prefer}. Do: prefer=callable (answers, rows) → merits."
        )
    # What other targets would say is not generated.
    speaking = answering(generator(model, {target: options}, seed), target)
    drawn = [[] for _ in range(candidates)]
    for batch, _, _ in row_batches(speaking, pipe, rows, batch_size, with_targets=False):
        for number, answers in enumerate(drawn):
            if number:
                draw_on(speaking)
            prediction = batch.whole() if candidates == 1 else batch.hiding([()])[0]
            answers.extend(written(pipe, target, prediction[target]))
        if progress is not None:
            progress(len(drawn[0]))
    return drawn[0] if candidates == 1 else _best(drawn, rows, prefer)


def _best(drawn, rows, prefer):
    """Of each row's candidates the one with the most merit, of equal ones the first."""
    merits = [np.asarray(prefer(answers, rows), "float64") for answers in drawn]
    count = len(drawn[0])
    for found in merits:
        if found.shape != (count,):
            raise ValueError(
                f"generate: prefer must give a merit for each row. Received: shape={found.shape} of {count} rows. "
                "Do: return a float array (N,)."
            )
    best = np.where(np.isnan(merits), -np.inf, merits).argmax(axis=0)
    return [drawn[candidate][row] for row, candidate in enumerate(best)]


def written(pipe, target, prediction):
    """What a target's modality writes of an array of predictions: list of str or, for media, bytes."""
    modality = pipe.targets[target]
    answers = np.asarray(modality.write(target, np.asarray(prediction))[target]).tolist()
    if modality.ending is not None:
        return answers
    return [answer.decode("utf-8", "replace") if isinstance(answer, bytes) else answer for answer in answers]
