"""Which rows are learned from, which ones choose, and which ones judge."""

TRAIN, VALIDATION, TEST = "train", "val", "test"
SPLITS = {TRAIN: ("train",), VALIDATION: ("val", "dev"), TEST: ("test",)}


def row_parts(rows, validation=None, test=None):
    """Training, validation and test rows.

    Args:
        rows: `Rows`.
        validation: `Rows` of a table of their own, or None: those that a column of the table names, else a tenth.
        test: the same; where there are none, the validation rows judge as well.
    Returns:
        dict `"train"`, `"val"`, `"test"` → `Rows`.
    Raises:
        ValueError: a part without rows.
    """
    named = _named_parts(rows)
    parts = {TRAIN: named.get(TRAIN, rows), VALIDATION: validation, TEST: test}
    for part in (VALIDATION, TEST):
        if parts[part] is None:
            parts[part] = named.get(part)
    if parts[VALIDATION] is None and parts[TEST] is not None and test is None:
        parts[VALIDATION] = parts[TEST]
    if parts[VALIDATION] is None and parts[TEST] is None:
        parts = dict(zip(parts, parts[TRAIN].split(0.8, 0.1, 0.1), strict=True))
    elif parts[VALIDATION] is None:
        parts[TRAIN], parts[VALIDATION] = parts[TRAIN].split(0.9, 0.1)
    elif parts[TEST] is None:
        parts[TEST] = parts[VALIDATION]
    for part, found in parts.items():
        if not len(found):
            raise ValueError(
                f"train: every part must have rows. Received: no {part} rows out of {len(rows)}. Do: more rows, or a "
                "table of validation rows: --validation TABLE (validation=rows)."
            )
    return parts


def require_columns(parts, columns):
    """Refuses parts that lack a column.

    Args:
        parts: dict name → `Rows`.
        columns: list of str.
    Raises:
        ValueError: which part, and which column.
    """
    for part, rows in parts.items():
        try:
            rows.require(columns)
        except ValueError as error:
            raise ValueError(f"train, {part} rows: {error}") from error


def _named_parts(rows):
    """The parts that a column of the table names, those that it has."""
    from data_pipelines.infer import split_column

    column = split_column(rows)
    if column is None:
        return {}
    words = {str(word) for word in rows.values(column)}
    named = {part: [w for w in words if w.lower().startswith(starts)] for part, starts in SPLITS.items()}
    return {part: rows.where(**{column: found}) for part, found in named.items() if found}
