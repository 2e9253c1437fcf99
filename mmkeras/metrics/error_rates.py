"""How far texts are from what they should be, in words and in characters."""

import numpy as np


def word_error_rate(texts, told):
    """Words to insert, delete and replace, all texts together, in shares of the words there should be.

    Args:
        texts: sequence of str, as they should be. Words are apart by white space.
        told: sequence of str, as long.
    Returns:
        float >= 0, which may exceed 1; where there should be no words at all, how many were told.
    """
    return _error_rate("wer", texts, told, str.split)


def character_error_rate(texts, told):
    """The same of characters, white space inside a text included: the measure for scripts without spaces."""
    return _error_rate("cer", texts, told, lambda text: list(text.strip()))


def _error_rate(name, texts, told, cut):
    texts, told = [list(map(str, side)) for side in (texts, told)]
    if len(texts) != len(told):
        raise ValueError(
            f"{name}: there must be as many texts told as there should be. Received: {len(texts)} and {len(told)}."
        )
    pairs = [(cut(text), cut(other)) for text, other in zip(texts, told, strict=True)]
    due = sum(len(text) for text, _ in pairs)
    jiwer = _jiwer()
    if jiwer is not None and due:
        return float(getattr(jiwer, name)(texts, told))
    return sum(edit_distance(*pair) for pair in pairs) / max(due, 1)


def _jiwer():
    """The jiwer module, which is faster, or None where it is not installed."""
    try:
        import jiwer
    except ImportError:
        return None
    return jiwer


def edit_distance(first, second):
    """Fewest insertions, deletions and replacements from one sequence to the other (Levenshtein)."""
    ids = {unit: number for number, unit in enumerate(dict.fromkeys([*first, *second]))}
    second = np.array([ids[unit] for unit in second], int)
    place = np.arange(len(second) + 1)
    row = place.copy()
    for unit in first:
        best = row + 1
        best[1:] = np.minimum(best[1:], row[:-1] + (second != ids[unit]))
        row = np.minimum.accumulate(best - place) + place
    return int(row[-1])
