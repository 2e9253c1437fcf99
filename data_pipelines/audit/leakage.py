"""Does one column tell the target by itself? Guesses from that column alone, measured on rows they have not seen."""

import collections
import re

import numpy as np

from data_pipelines.audit.opening import OpenedColumn
from data_pipelines.cells.number_text import read_numbers

LEAK = 0.95
MARGIN = 0.02
COVERED = 0.2  # share of unseen rows whose value was seen, below which a vote says nothing
MOST_ROWS = 4000  # that a tree learns from, and is judged by
WORDS = 2**10
DEPTH = 8
UNUSED = ("split", "empty", "constant")
NO_SKLEARN = 'columns were tried for leaks by votes alone: a quick model needs pip install "mmkeras[inspect]"'


def has_sklearn():
    """Whether scikit-learn is installed."""
    try:
        import sklearn  # noqa: F401
    except ImportError:
        return False
    return True


def leaks(table, opened, guesses, target, targets):
    """Columns that tell a target alone.

    A vote of the rows with the same value, and a small decision tree on numbers, on the numbers inside names, on words,
    or on what the headers of files say (size, format, rate …): whichever is right more often.

    Args:
        table: dict column → object array of cells.
        opened: dict column → `OpenedColumn`, in the order of the table.
        guesses: dict column → `Guess`.
        target: str.
        targets: names of all targets, which are not tried.
    Returns:
        dict column → `{"score": float, "measure": "accuracy" or "R²", "by": str, "base": float}`, where the score is
        at least 0.95 and `base`, what the most common label or the mean would have, is clearly less.
    """
    is_number = guesses[target].kind == "Number"
    truth = read_numbers(table[target]) if is_number else np.array([str(cell) for cell in table[target]], object)
    known = np.isfinite(truth) if is_number else truth != ""
    draw = np.random.default_rng(0).random(len(truth)) < 0.5
    seen, unseen = np.flatnonzero(draw & known), np.flatnonzero(~draw & known)
    if min(len(seen), len(unseen)) < 4:
        return {}
    found = {}
    for column, guess in guesses.items():
        if column not in targets and guess.kind not in UNUSED:
            cells = opened.get(column, table.get(column))
            leak = _leak(cells, guess.kind, truth, is_number, seen, unseen)
            if leak:
                found[column] = leak
    return found


def _leak(cells, kind, truth, is_number, seen, unseen):
    """The better of vote and model, where it tells the target; else None."""
    base = 0.0 if is_number else max(collections.Counter(truth[unseen]).values()) / len(unseen)
    ways = []
    if not isinstance(cells, OpenedColumn) and not is_number:
        ways.append((_vote(cells, truth, seen, unseen), "the label that its value has most often"))
    if has_sklearn():
        score, by = _model(cells, kind, truth, is_number, seen, unseen)
        ways.append((score, by))
    score, by = max(ways, default=(None, ""), key=lambda way: -1 if way[0] is None else way[0])
    if score is None or score < LEAK or score <= base + MARGIN:
        return None
    return {"score": round(score, 4), "measure": "R²" if is_number else "accuracy", "by": by, "base": round(base, 4)}


def _vote(cells, truth, seen, unseen):
    """The share of rows right of those whose value the seen rows have; None where these are few."""
    votes = collections.defaultdict(collections.Counter)
    for value, label in zip(cells[seen], truth[seen], strict=True):
        votes[value][label] += 1
    best = {value: counts.most_common(1)[0][0] for value, counts in votes.items()}
    judged = [best[value] == label for value, label in zip(cells[unseen], truth[unseen], strict=True) if value in best]
    return float(np.mean(judged)) if len(judged) >= max(1, COVERED * len(unseen)) else None


def _model(cells, kind, truth, is_number, seen, unseen):
    """A decision tree's share of rows right, or R², and what it looked at."""
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

    seen, unseen = (np.sort(np.random.default_rng(1).permutation(part)[:MOST_ROWS]) for part in (seen, unseen))
    if not is_number and len(set(truth[seen])) > len(seen) / 2:
        return None, ""
    features, by = _features(cells, kind)
    if features is None:
        return None, ""
    tree = (DecisionTreeRegressor if is_number else DecisionTreeClassifier)(max_depth=DEPTH, random_state=0)
    tree.fit(features[seen], truth[seen].astype("float64" if is_number else str))
    told = tree.predict(features[unseen])
    if not is_number:
        return float(np.mean(told == truth[unseen].astype(str))), by
    spread = np.sum((truth[unseen] - truth[unseen].mean()) ** 2)
    return (float(1 - np.sum((truth[unseen] - told) ** 2) / spread), by) if spread > 0 else (None, "")


def _features(cells, kind):
    """What a tree looks at: array or sparse matrix `(N, K)`, and in words what that is."""
    if isinstance(cells, OpenedColumn):
        return _header_features(cells), "what the headers of its files say"
    if kind == "Number":
        return _ranks(read_numbers(cells)), "its number"
    if kind == "identifier":
        return _digits(cells), "the number in its names"
    from sklearn.feature_extraction.text import HashingVectorizer

    words = HashingVectorizer(n_features=WORDS, alternate_sign=False, norm=None, binary=True, token_pattern=r"[^\W_]+")
    return words.transform([str(cell) for cell in cells]), "its words"


def _ranks(values):
    """Numbers by their order, since a tree takes them as float32, in which time stamps are alike."""
    _, places = np.unique(values, return_inverse=True)
    return np.where(np.isfinite(values), places, np.nan)[:, None].astype("float32")


def _digits(cells):
    """The last whole number in each name, NaN where there is none."""
    found = (re.findall(r"\d+", str(cell)) for cell in cells)
    return np.array([[float(digits[-1][:15]) if digits else np.nan] for digits in found], "float32")


def _header_features(column):
    """Numbers of the headers, and 1 where a header has a label."""
    facts = [column.aligned(name) for name in column.names()]
    numbers = [values for values in facts if not isinstance(values, list)]
    if not numbers:
        return None
    texts = [np.array(values, object) for values in facts if isinstance(values, list)]
    hot = [values == label for values in texts for label in dict.fromkeys(values.tolist()) if label is not None]
    return np.stack([*numbers, *hot], 1).astype("float32")
