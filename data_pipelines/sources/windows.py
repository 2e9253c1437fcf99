"""Long series → rows of a past and the future that follows, divided in time."""

import numpy as np

from data_pipelines.sources.clock import clock

PARTS = ("past", "future", "begins", "ends")


def windows(frame, past, horizon, values, targets=None, time=None, by=(), static=(), step=1):
    """Cuts series into rows of what was known and what came next, for `TimeSeries` on both sides.

    Lines must be evenly spaced: put in those that lack, with NaN (`frame.resample("1h").mean()`), or a week would not
    be where a week is.

    Args:
        frame: pandas DataFrame with a line a step.
        past: int > 0. Steps of the past.
        horizon: int > 0. Steps of the future.
        values: list of str. Columns of numbers, the channels of the past; NaN is a gap.
        targets: list of str or None. The channels of the future. Defaults to `None`: `values`.
        time: str or None. Column of times, numbers or ISO dates, as texts too, in whose order lines are put.
            Defaults to `None`: lines in order, the time is the line's number in its series.
        by: str or list of str. Columns whose equal values make one series. Defaults to `()`: all is one.
        static: list of str. Columns that stay as they are, from the first line of the future: what is known of it
            beforehand, such as the weekday; never what was only measured then. Defaults to `()`.
        step: int > 0. Lines from cut to cut. Defaults to `1`.
    Returns:
        pandas DataFrame: the columns `by` and `static`; `past` and `future`, lists of lists of numbers; `begins` and
        `ends`, the times of the first and the last step of the future.
    Raises:
        ValueError: a number below 1, a column that is not there or has the name of a new one, no series long enough, a
            line without time or with one that is neither a number nor a date.
    Example:
        >>> rows = windows(log, past=168, horizon=24, values=["load", "heat"], targets=["load"], time="when")
        >>> train, test = split_in_time(rows, 0.8, 0.2)
    """
    import pandas

    by = [by] if isinstance(by, str) else list(by)
    targets = list(values if targets is None else targets)
    _check(frame, {"past": past, "horizon": horizon, "step": step}, [*by, *static], [*values, *targets], time)
    if time is not None:
        frame = frame.assign(**{time: clock(frame[time], time, "windows")}).sort_values(time, kind="stable")
    rows = []
    for key, lines in frame.groupby(by, sort=False, dropna=False) if by else [((), frame)]:
        times = np.arange(len(lines)) if time is None else lines[time].array
        known, wanted = lines[list(values)].to_numpy("float64"), lines[targets].to_numpy("float64")
        for cut in range(past, len(lines) - horizon + 1, step):
            end = cut + horizon
            cells = (known[cut - past : cut].tolist(), wanted[cut:end].tolist(), times[cut], times[end - 1])
            rows.append((*key, *(lines[column].iloc[cut] for column in static), *cells))
    if not rows:
        raise ValueError(
            f"windows: a series must have past + horizon steps. Received: {past} + {horizon} steps of at most "
            f"{len(frame)} lines. Do: shorter ones."
        )
    return pandas.DataFrame(rows, columns=[*by, *static, *PARTS])


def split_in_time(frame, *shares, begins="begins", ends="ends"):
    """Divides rows of `windows` in time: every part comes after the one before, and no future lies in two of them.

    A row belongs to the part in which its future begins; where it ends in the next, the row is left out. The pasts of
    the first rows of a part do reach back into the part before: at their time, that is known.

    Args:
        frame: pandas DataFrame.
        shares: floats > 0. Of the rows, in the order of time; together 1.
        begins: str. Column of the time when a row's future begins. Defaults to `"begins"`.
        ends: str. Column of the time when it ends. Defaults to `"ends"`.
    Returns:
        list of pandas DataFrame, one a share.
    Raises:
        ValueError: shares that are not positive or do not add up to 1, or a part without rows.
    """
    if not shares or min(shares) <= 0 or abs(sum(shares) - 1) > 1e-6:
        raise ValueError(f"split_in_time: shares must be > 0 and add up to 1. Received: {shares}. Do: 0.8, 0.2.")
    order = frame[begins].sort_values().array
    places = [round(share * len(order)) for share in np.cumsum(shares)[:-1]]
    borders = [order[min(place, len(order) - 1)] for place in places]
    parts, rest = [], frame
    for border in borders:
        parts.append(rest[rest[ends] < border])
        rest = rest[rest[begins] >= border]
    parts.append(rest)
    if not all(len(part) for part in parts):
        sizes = [len(part) for part in parts]
        raise ValueError(
            f"split_in_time: every part must have rows. Received: {sizes} of {len(frame)}. Do: fewer parts."
        )
    return [part.reset_index(drop=True) for part in parts]


def _check(frame, numbers, kept, channels, time):
    for name, number in numbers.items():
        if number < 1:
            raise ValueError(f"windows: {name} must be > 0. Received: {name}={number}. Do: a number of steps.")
    for column in (*kept, *channels, *(() if time is None else (time,))):
        if column not in frame.columns:
            raise ValueError(
                f"windows: a column must be in the table. Received: {column!r}. Do: of {list(frame.columns)}."
            )
    taken = sorted(set(kept) & set(PARTS))
    if taken:
        raise ValueError(f"windows: {taken[0]!r} is what a new column is called. Do: rename the one that is there.")
