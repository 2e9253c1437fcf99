"""Texts, pictures and sounds for rows."""

import numpy as np

from mmkeras.generator import answering, draw_on, generating_decoders, generator


def generate(model, pipe, rows, target, batch_size=32, seed=0, progress=None, **options):
    """Generates one target's answer for each row, in order.

    Args:
        model: `keras.Model` from `build`, or one that takes and gives the same dicts.
        pipe: adapted `Pipeline`.
        rows: `Rows` with the inputs' columns; targets are not read. Bad cells count as absent.
        target: str. The target's name.
        batch_size: int > 0. Defaults to `32`.
        seed: int. For all that is drawn; each batch draws on. Defaults to `0`.
        progress: callable (rows done) or None. Defaults to `None`.
        options: of the decoder's `generate`, such as `beams=4` or `temperature=0.8`.
    Returns:
        list of what `Modality.write` gives a row: str, or the bytes of a PNG or a WAV.
    Raises:
        ValueError: a target that is not there or not generated.
    Example:
        >>> generate(model, pipe, test, "caption", beams=4)[0]
        'two red circles left of a blue square'
    """
    known = generating_decoders(model)
    if target not in known:
        raise ValueError(f"generate: target must be generated. Received: target={target!r}. Do: of {list(known)}.")
    pipe.problems.clear()
    # What other targets would say is not generated.
    speaking = answering(generator(model, {target: options}, seed), target)
    answers = []
    for x in pipe.batches(rows, batch_size, with_targets=False, on_bad="mask").as_numpy_iterator():
        answers.extend(written(pipe, target, speaking.predict_on_batch(x)[target]))
        draw_on(speaking)
        if progress is not None:
            progress(len(answers))
    return answers


def written(pipe, target, prediction):
    """What a target's modality writes of an array of predictions: list of str or, for media, bytes."""
    modality = pipe.targets[target]
    answers = np.asarray(modality.write(target, np.asarray(prediction))[target]).tolist()
    if modality.ending is not None:
        return answers
    return [answer.decode("utf-8", "replace") if isinstance(answer, bytes) else answer for answer in answers]
