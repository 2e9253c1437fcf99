"""Long tables, a line a step, → tables with one series a row."""

from data_pipelines.sources.clock import clock

ID = "series"


def long_table(frame, by, values, time=None, static=()):
    """Gathers the lines of each series into one cell, as `TimeSeries` reads it.

    Args:
        frame: pandas DataFrame with a line a step.
        by: str or list of str. Columns whose equal values make one series.
        values: list of str. Columns of numbers, the channels; NaN is a gap.
        time: str or None. Column of times, numbers or dates (then in seconds): steps are put in that order, and the
            time comes first in every step, for `TimeSeries(times=True)`. Defaults to `None`: lines in order, no times.
        static: list of str. Columns that stay as they are, from the first line of each series. Defaults to `()`.
    Returns:
        pandas DataFrame: the columns `by` and `static`, and `series`, lists of lists of numbers.
    Raises:
        ValueError: a column that is not there, one that holds no numbers, or a line without time.
    Example:
        >>> rows = read_table(long_table(log, by="machine", values=["load", "heat"], time="when", static=["fault"]))
    """
    import pandas

    by = [by] if isinstance(by, str) else list(by)
    times = [] if time is None else [time]
    lacking = [c for c in (*by, *values, *times, *static) if c not in frame.columns]
    if lacking:
        raise ValueError(
            f"long_table: a column must be in the table. Received: {lacking[0]!r}. Do: of {list(frame.columns)}."
        )
    if ID in (*by, *static):
        raise ValueError(f"long_table: {ID!r} is what the new column is called. Do: rename the one that is there.")
    steps = frame[[*by, *times, *values, *static]].copy()
    if time is not None:
        steps[time] = clock(steps[time], time, "long_table")
    for column in (*times, *values):
        steps[column] = _numbers(steps[column], column)
    rows = []
    for key, lines in steps.groupby(by, sort=False, dropna=False):
        lines = lines.sort_values(time, kind="stable") if times else lines
        cells = lines[[*times, *values]].to_numpy("float64").tolist()
        rows.append({**dict(zip(by, key, strict=True)), **lines[list(static)].iloc[0].to_dict(), ID: cells})
    return pandas.DataFrame(rows, columns=[*by, *static, ID])


def _numbers(column, name):
    """Numbers as they are, dates as seconds since 1970."""
    import pandas

    if pandas.api.types.is_numeric_dtype(column):
        return column
    try:
        if pandas.api.types.is_datetime64_any_dtype(column):
            return (column - pandas.Timestamp(0, tz=column.dt.tz)) / pandas.Timedelta(seconds=1)
        return pandas.to_numeric(column)
    except ValueError as error:
        raise ValueError(
            f"long_table: a channel must hold numbers, a time numbers or dates. Received: column {name!r} ({error}). "
            "Do: pandas.to_numeric or pandas.to_datetime."
        ) from error
