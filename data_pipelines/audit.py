"""The data report before any training: what each column is, what is missing, broken, unbalanced, doubled, leaking."""

import collections

import numpy as np

from data_pipelines.infer import guess_columns, split_column
from data_pipelines.modalities import Image
from data_pipelines.pipeline import Pipeline
from data_pipelines.sources.rows import ROW

LEAK = 0.95
MANY = 0.2


def audit(rows, targets=(), progress=None):
    """Looks at a whole table and opens every media file once.

    Args:
        rows: `Rows`.
        targets: sequence of str. Columns to be predicted. Defaults to `()`.
        progress: callable (done, total) or None. Defaults to `None`.
    Returns:
        dict, JSON-ready: `rows`, `columns` (column → kind, why, missing, distinct), `unreadable` (column → number),
        `examples` (messages about unreadable cells), `targets` (target → label → number), `duplicates` (rows that stand
        in more than one split, or twice where there is no split), `leaks` (target → column → accuracy of a guess from
        that column alone), `warnings` (sentences).
    Raises:
        ValueError: a target that is not there.
    """
    rows.require(targets)
    guesses = guess_columns(rows, targets)
    columns = {
        column: {"kind": g.kind, "why": g.why, "missing": round(g.missing, 4), "distinct": g.distinct}
        for column, g in guesses.items()
    }
    problems = _open_media(rows, guesses, progress)
    table = {column: rows.keys(column) for column in rows.columns}
    labelled = {target: guesses[target].kind != "Number" for target in targets}
    split = split_column(rows)
    report = {
        "rows": len(rows),
        "split": split,
        "columns": columns,
        "unreadable": problems.masked,
        "examples": problems.examples,
        "targets": {t: _counts(table[t]) for t, is_label in labelled.items() if is_label},
        "duplicates": _duplicates(table, split),
        "leaks": {t: _leaks(table, guesses, t, targets) for t, is_label in labelled.items() if is_label},
    }
    report["warnings"] = list(_warnings(report, targets))
    return report


def _open_media(rows, guesses, progress):
    media = {c: g.modality(None) for c, g in guesses.items() if g.kind in ("Image", "Audio")}
    media = {c: Image(8) if isinstance(m, Image) and c not in rows.source.media else m for c, m in media.items()}
    pipe = Pipeline(media or {"_": Image(8)}, on_bad="mask")
    if not media:
        return pipe.problems
    pipe.adapted = True
    done = 0
    for x in pipe.batches(rows, 64, with_targets=False):
        done += len(next(iter(x.values())))
        if progress:
            progress(done, len(rows))
    return pipe.problems


def _counts(values):
    counts = collections.Counter(str(value) for value in values)
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:100])


def _duplicates(table, split):
    """Rows whose cells, but for the split, are all the same as another's; across splits where there are splits."""
    compared = [values for column, values in table.items() if column not in (split, ROW)]
    places = collections.defaultdict(set)
    again = 0
    for number, cells in enumerate(zip(*compared, strict=True)):
        where = table[split][number] if split else number
        again += bool(places[cells] - {where})
        places[cells].add(where)
    return again


def _leaks(table, guesses, target, targets):
    """Columns whose value alone tells the target on rows that the guess has not seen."""
    labels = np.array([str(value) for value in table[target]])
    known = labels != ""
    seen = np.random.default_rng(0).random(len(labels)) < 0.5
    common = collections.Counter(labels[known]).most_common(1)[0][1] / max(1, known.sum()) if known.any() else 1
    leaks = {}
    for column, values in table.items():
        if column in targets or guesses[column].kind in ("split", "empty", "constant", "Image", "Audio"):
            continue
        votes = collections.defaultdict(collections.Counter)
        for value, label in zip(values[seen & known], labels[seen & known], strict=True):
            votes[value][label] += 1
        rest = [(v, label) for v, label in zip(values[~seen & known], labels[~seen & known], strict=True) if v in votes]
        if len(rest) < MANY * (~seen & known).sum():
            continue
        right = np.mean([votes[value].most_common(1)[0][0] == label for value, label in rest])
        if right >= LEAK and right > common + 0.02:
            leaks[column] = round(float(right), 4)
    return leaks


def _warnings(report, targets):
    for column, number in report["unreadable"].items():
        yield f"{column}: {number} cells cannot be read"
    for column, facts in report["columns"].items():
        if facts["missing"] > MANY:
            yield f"{column}: {facts['missing']:.0%} of the cells are empty"
        if facts["kind"] in ("constant", "empty"):
            yield f"{column}: nothing to learn from, {facts['why']}"
    for target, counts in report["targets"].items():
        numbers = [n for label, n in counts.items() if label]
        if numbers and report["columns"][target]["kind"] == "Category" and max(numbers) > 10 * min(numbers):
            yield f"{target}: the most common class has {max(numbers) / min(numbers):.0f} times the rows of the rarest"
        if counts.get(""):
            yield f"{target}: {counts['']} rows have no label"
    if report["duplicates"]:
        where = "more than one split" if report["split"] else "the table twice"
        yield f"{report['duplicates']} rows stand in {where}"
    for target, columns in report["leaks"].items():
        for column, accuracy in columns.items():
            yield f"{target}: {column} alone tells it in {accuracy:.0%} of the rows: is it known when you predict?"
