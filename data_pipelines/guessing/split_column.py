"""Which column of a table says what each row is for, and what it says."""

import collections

SAMPLE = 5000  # first rows that tell which columns are worth reading whole
MOST_WORDS = 1000
KNOWN_SHARE = 0.95  # of the filled cells, that must be words for parts
TRAIN, VALIDATION, TEST = "train", "val", "test"
WORDS = {
    TRAIN: ("train", "training"),
    VALIDATION: ("val", "valid", "validation", "dev", "development"),
    TEST: ("test", "testing", "holdout", "hold-out", "hold_out", "held-out", "heldout"),
}
PART_OF = {word: part for part, words in WORDS.items() for word in words}
NAMES = {"split", "splits", "part", "partition", "set", "subset", "fold"}  # of columns that are expected to say it


class SplitColumn:
    """What a table says of its parts.

    Attributes:
        column: str or None. The column that names them.
        words: dict `"train"`, `"val"`, `"test"` → list of cells that mean it; those parts that there are.
        remarks: list of str. What people should know: rows without a part, columns that could not be used.
    """

    def __init__(self):
        self.column = None
        self.words = {}
        self.remarks = []


def part_of(cell):
    """The part that a cell names, or None: blanks around it and case do not count."""
    return PART_OF.get(str(cell).strip().lower())


def names_parts(cells):
    """Whether cells, the empty ones left out, are words for parts, nearly all of them, and one of them training.

    Args:
        cells: dict cell → how many there are.
    """
    total = sum(cells.values())
    known = sum(number for cell, number in cells.items() if part_of(cell))
    return known >= KNOWN_SHARE * max(1, total) and any(part_of(cell) == TRAIN for cell in cells)


def find_split(rows):
    """Looks for the column that names parts; the order of rows makes no difference.

    Args:
        rows: `Rows`.
    Returns:
        `SplitColumn`.
    """
    found = SplitColumn()
    for column, cells in _counted(rows, _candidates(rows)).items():
        filled = {cell: number for cell, number in cells.items() if str(cell).strip()}
        if found.column is not None or not names_parts(filled):
            found.remarks += _not_used(column, filled, found.column)
            continue
        found.column = column
        for cell in filled:
            if part_of(cell):
                found.words.setdefault(part_of(cell), []).append(cell)
        left = {cell: number for cell, number in cells.items() if not part_of(cell)}
        if left:
            listed = ", ".join(f"{number} {str(cell).strip()!r}" for cell, number in left.items())
            found.remarks.append(f"rows of no part in {column!r} are left out: {listed}")
    return found


def split_column(rows):
    """The column that says which rows are for training, or None."""
    return find_split(rows).column


def _candidates(rows):
    """Columns of which the first rows say nothing else, or whose name says that they tell parts."""
    columns = [column for column in rows.columns if column not in rows.source.bytes_columns]
    seen = {column: collections.Counter() for column in columns}
    for cells in rows.take(SAMPLE).chunks(columns):
        for column in columns:
            seen[column].update(cells[column])
    found = []
    for column, cells in seen.items():
        filled = {cell: number for cell, number in cells.items() if str(cell).strip()}
        known = sum(number for cell, number in filled.items() if part_of(cell))
        if known >= KNOWN_SHARE * sum(filled.values()) or (known and column.strip().lower() in NAMES):
            found.append(column)
    return found


def _counted(rows, columns):
    """Dict column → how often each cell is there; without columns of very many different cells."""
    counts = {column: collections.Counter() for column in columns}
    for cells in rows.chunks(columns) if columns else ():
        for column in list(counts):
            counts[column].update(cells[column])
            if len(counts[column]) > MOST_WORDS:
                del counts[column]
    return counts


def _not_used(column, cells, used):
    """Says why a column that seems to name parts does not; nothing of others."""
    known = [cell for cell in cells if part_of(cell)]
    if not known:
        return []
    if used is not None:
        reason = f"{used!r} names the parts already"
    elif not any(part_of(cell) == TRAIN for cell in cells):
        reason = "no cell says train"
    else:
        others = [str(cell).strip() for cell in cells if not part_of(cell)]
        reason = f"too many cells say something else, such as {others[0]!r}"
    return [f"column {column!r} is not used to part the rows: {reason}"]
