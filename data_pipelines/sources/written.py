"""How values of any table are written as cells: texts, or bytes where they are bytes."""

import json
import math

import numpy as np

LIST_SEPARATOR = "|"
MEDIA_RECORD = {"bytes", "path"}


def cells_of(values):
    """An object array of cells, `str` or `bytes`; `""` for whatever means missing.

    Lists become texts joined by `|`, lists in lists joined by commas; dicts become JSON, a record of a picture's or
    recording's bytes and path its bytes; None, NaN and NA become empty.
    """
    cells = np.empty(len(values), object)
    cells[:] = [_written(value) for value in values]
    return cells


def check_names(columns, name):
    """Refuses tables without columns, or with two of one name.

    Raises:
        ValueError: there are none, or two of one name.
    """
    if not columns:
        raise ValueError(f'read_table "{name}": a table must have columns. Received: columns=[]. Do: another table.')
    if len(set(columns)) < len(columns):
        raise ValueError(
            f'read_table "{name}": every column must have a name of its own. Received: {columns[:8]}. Do: rename them.'
        )


def _written(value):
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        # JSON may hold half a surrogate pair, which UTF-8 cannot.
        return value if value.isascii() else value.encode("utf-8", "replace").decode("utf-8")
    if value is None or (isinstance(value, float | np.floating) and math.isnan(value)):
        return ""
    if isinstance(value, bool | np.bool_):
        return "true" if value else "false"
    if isinstance(value, list | tuple | set | np.ndarray):
        return LIST_SEPARATOR.join(_listed(item) for item in value)
    if isinstance(value, dict) and value.keys() == MEDIA_RECORD:
        return value["bytes"] or ""
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False, default=str)
    if type(value).__name__ in ("NAType", "NaTType"):
        return ""
    return repr(value.item()) if isinstance(value, np.number) else str(value)


def _listed(item):
    """One item of a list; a list in a list, as of a series' channels, divided by commas with its gaps."""
    if isinstance(item, list | tuple | np.ndarray):
        return ",".join(str(_written(number)) or "nan" for number in item)
    return str(_written(item)).replace(LIST_SEPARATOR, " ")
