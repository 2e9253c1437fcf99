"""The data report before any training: what each column is, what is missing, broken, unbalanced, doubled, leaking."""

import numpy as np

from data_pipelines.audit.columns import media_facts, written_facts
from data_pipelines.audit.duplicates import pairs_of, same_rows
from data_pipelines.audit.leakage import NO_SKLEARN, has_sklearn, leaks
from data_pipelines.audit.opening import open_columns
from data_pipelines.audit.remarks import remarks
from data_pipelines.audit.summaries import counted
from data_pipelines.guessing.split_column import find_split
from data_pipelines.infer import guess_columns
from data_pipelines.sources.source import ROW


def audit(rows, targets=(), progress=None):
    """Looks at a whole table and opens every media file once.

    Files are opened several at a time; of each only figures, a fingerprint and a digest stay in memory.

    Args:
        rows: `Rows`.
        targets: sequence of str. Columns to be predicted. Defaults to `()`.
        progress: callable (done, total) or None. Defaults to `None`.
    Returns:
        dict, JSON-ready:

        - `rows`, and `splits`: split → rows; `split`, the column that says so, or None;
        - `columns`: column → `kind`, `why`, `missing` (share of all cells), `distinct`, `unreadable` (cells), and
          `facts`: name → summary of numbers (`min`, `median`, `max`, `bins` …), label → rows, or a number;
        - `unreadable`: column → list of `{"row", "why"}`, all of them;
        - `targets`: target → label → rows, of those that are no numbers;
        - `duplicates`: `rows`, whole rows that come again, and `media`: column → pairs of files, the same or nearly
          the same; each with `count` and the first `pairs`;
        - `leaks`: target → column → how well a guess from that column alone does on rows not seen;
        - `warnings`: sentences, the gravest first, and `notes` on what could not be looked at.
    Raises:
        ValueError: a target that is not there.
    Example:
        >>> audit(read_table("pets.csv"), ["breed"])["warnings"]
        ['breed: file alone tells it in 100% of the rows, by its words: is it known when you predict?']
    """
    rows.require(targets)
    guesses = guess_columns(rows, targets)
    opened = open_columns(rows, guesses, progress)
    written = [column for column in rows.columns if column not in opened]
    table, order = _table(rows, written)
    found = find_split(rows)
    split = found.column
    columns, unreadable = _columns(guesses, opened, table, order)
    if split is not None:
        table[split] = np.array([str(cell).strip().lower() for cell in table[split]], object)
    splits = None if split is None else dict(zip(order, table[split], strict=True))
    labelled = [target for target in targets if guesses[target].kind != "Number" and target in table]
    report = {
        "rows": len(order),
        "split": split,
        "splits": counted(table[split]) if split else {},
        "columns": columns,
        "unreadable": unreadable,
        "targets": {target: counted(table[target]) for target in labelled},
        "duplicates": _duplicates(guesses, opened, table, order, split, splits),
        "leaks": {t: leaks(table, opened, guesses, t, targets) for t in targets if t in table},
    }
    report["warnings"] = list(remarks(report, targets))
    report["notes"] = [*found.remarks, *([] if has_sklearn() or not targets else [NO_SKLEARN])]
    return report


def _table(rows, columns):
    """All cells of the columns: (dict column → object array, list of row numbers)."""
    parts = list(rows.chunks(columns))
    table = {c: np.concatenate([part[c] for part in parts]) if parts else np.array([], object) for c in columns}
    return table, [int(row) for part in parts for row in part[ROW]]


def _columns(guesses, opened, table, order):
    """What each column is and holds, and its cells that cannot be read."""
    columns, unreadable = {}, {}
    for column, guess in guesses.items():
        if column in opened:
            found = opened[column]
            facts, faults, keys = media_facts(found), found.faults, found.keys
        else:
            facts, faults = written_facts(column, guess, table[column], order)
            keys = [cell if isinstance(cell, bytes) else str(cell).strip() for cell in table[column]]
        filled = [key for key in keys if key]
        columns[column] = {
            "kind": guess.kind,
            "why": guess.why,
            "missing": round(1 - len(filled) / max(1, len(keys)), 4),
            "distinct": len(set(filled)),
            "unreadable": len(faults),
            "facts": facts,
        }
        if faults:
            unreadable[column] = faults
    return columns, unreadable


def _duplicates(guesses, opened, table, order, split, splits):
    compared = {column: opened[column].keys if column in opened else table[column] for column in guesses}
    compared.pop(split, None)
    media = {column: pairs_of(found, guesses[column].kind, splits) for column, found in opened.items()}
    return {
        "rows": same_rows(compared, order, None if split is None else table[split]),
        "media": {column: found for column, found in media.items() if found["count"]},
    }
