"""Tables of one JSON object a line."""

import itertools
import json
import os

from data_pipelines.sources.rows import Rows
from data_pipelines.sources.source import CHUNK, Source
from data_pipelines.sources.text_file import opened_text
from data_pipelines.sources.written import cells_of


def read_json_lines(path, root, encoding=None):
    """Opens a jsonl; its columns are the keys of all lines, so the file is read once for them.

    Args:
        path: str.
        root: str. The folder that relative paths in cells start from.
        encoding: str or None. Any that Python knows. Defaults to `None`: UTF-8.
    """
    name = os.path.basename(path)
    columns = {}
    for record in _records(path, encoding):
        if not record.keys() <= columns.keys():
            columns.update(dict.fromkeys(record))
    if not columns:
        raise ValueError(f'read_table "{name}": a table must have rows. Received: an empty file.')

    def read():
        records = _records(path, encoding)
        while batch := list(itertools.islice(records, CHUNK)):
            try:
                yield {column: cells_of([record.get(column) for record in batch]) for column in columns}
            except RecursionError as error:
                raise _too_deep(name, "a value of many brackets") from error

    return Rows(Source(name, tuple(columns), read, root))


def _records(path, encoding):
    number = 0
    with opened_text(path, encoding, lambda: number) as file:
        for number, line in enumerate(file, 1):
            if line.strip():
                yield _record(line, number, os.path.basename(path))


def _record(line, number, name):
    try:
        record = json.loads(line)
    except json.JSONDecodeError as error:
        record = error
    except RecursionError as error:
        raise _too_deep(name, f"{line.strip()[:80]!r} in line {number}") from error
    if not isinstance(record, dict):
        raise ValueError(
            f'read_table "{name}": every line must be a JSON object. '
            f"Received: {line.strip()[:80]!r} in line {number}. Do: write one {{…}} a line."
        )
    return record


def _too_deep(name, received):
    return ValueError(
        f'read_table "{name}": a value must not be nested so deeply. Received: {received}. Do: leave that value out.'
    )
