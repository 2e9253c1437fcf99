"""The suite's figures of merit; all are better when larger."""

import numpy as np


def score(metric, truth, answers):
    """How well answers fit.

    Args:
        metric: `"accuracy"`, `"macro_f1"`, `"micro_f1"` (tags, joined by `|`) or `"r2"`.
        truth, answers: sequences `(N,)`.
    Returns:
        float.
    """
    return METRICS[metric](list(truth), list(answers))


def noise(metric, truth, answers, draws=200):
    """Standard deviation of the score over test rows drawn anew; no score is surer than one row."""
    truth, answers = np.array(list(truth), object), np.array(list(answers), object)
    random = np.random.default_rng(0)
    drawn = (random.integers(0, len(truth), len(truth)) for _ in range(draws))
    return max(1 / len(truth), float(np.std([score(metric, truth[rows], answers[rows]) for rows in drawn])))


def epoch_seconds(times):
    """Processor seconds of an epoch, validation included, by when each ended; the first, with its compiling, is none.

    Args:
        times: list of float, seconds.
    Returns:
        float, or None for a single epoch.
    """
    return (times[-1] - times[0]) / (len(times) - 1) if len(times) > 1 else None


def accuracy(truth, answers):
    return float(np.mean([one == other for one, other in zip(_words(truth), _words(answers), strict=True)]))


def macro_f1(truth, answers):
    """The mean over classes of the truth."""
    truth, answers = np.array(_words(truth)), np.array(_words(answers))
    return float(np.mean([_f1((truth == name), (answers == name)) for name in np.unique(truth)]))


def micro_f1(truth, answers):
    pairs = [(_tags(one), _tags(other)) for one, other in zip(truth, answers, strict=True)]
    both = sum(len(one & other) for one, other in pairs)
    return 2 * both / max(1, sum(len(one) + len(other) for one, other in pairs))


def r2(truth, answers):
    truth, answers = np.array(truth, float), np.array(answers, float)
    return float(1 - ((truth - answers) ** 2).sum() / ((truth - truth.mean()) ** 2).sum())


METRICS = {"accuracy": accuracy, "macro_f1": macro_f1, "micro_f1": micro_f1, "r2": r2}


def _f1(truth, answers):
    return 2 * (truth & answers).sum() / max(1, truth.sum() + answers.sum())


def _words(values):
    """Classes as they are written: 3.0 and 3 are the same."""
    return [f"{value:g}" if isinstance(value, (int, float, np.number)) else str(value) for value in values]


def _tags(cell):
    return {tag for tag in str(cell).split("|") if tag} if isinstance(cell, str) else set()
