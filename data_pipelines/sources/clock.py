"""Columns of times: numbers, dates, or texts of either."""


def clock(column, name, caller):
    """A column that sorts by time: numbers as numbers, ISO dates as times, whether or not they are texts.

    Args:
        column: pandas Series.
        name: str. The column's name, for messages.
        caller: str. Who asks, for messages.
    Returns:
        pandas Series of numbers or times.
    Raises:
        ValueError: a cell that is neither, or none.
    """
    import pandas

    kinds = pandas.api.types
    if not kinds.is_numeric_dtype(column) and not kinds.is_datetime64_any_dtype(column):
        column = _read(column, name, caller)
    if column.isna().any():
        raise ValueError(f"{caller}: every line must have a time. Received: none in {name!r}. Do: drop the line.")
    return column


def _read(column, name, caller):
    import pandas

    told = ""
    for read in (pandas.to_numeric, lambda texts: pandas.to_datetime(texts, format="ISO8601")):
        try:
            return read(column)
        except (ValueError, TypeError) as error:
            told = error
    reason = str(told).splitlines()[0].split(". You")[0]
    raise ValueError(
        f"{caller}: a time must be a number or a date such as 2024-05-31 or 2024-05-31T09:30. "
        f"Received: column {name!r} ({reason}). Do: pandas.to_datetime with the format of yours."
    ) from told
