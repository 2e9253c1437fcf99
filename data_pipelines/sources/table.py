"""Tables: csv, tsv, jsonl, parquet and pandas DataFrames, streamed."""

import csv
import itertools
import json
import math
import os

import numpy as np

from data_pipelines.sources.rows import CHUNK, Rows, Source
from data_pipelines.sources.shards import is_shards, read_shards

LIST_SEPARATOR = "|"
MEDIA_RECORD = {"bytes", "path"}
csv.field_size_limit(2**31 - 1)


def read_table(table, media_root=None):
    """Opens a table lazily.

    Args:
        table: path of a `.csv`, `.tsv`, `.jsonl`/`.ndjson` or `.parquet` file or of a folder of shards, or a pandas
            DataFrame. A csv or tsv has a header line. Lists become texts joined by `|`; `None`, NaN and NA
            become empty cells.
        media_root: path or None. The folder that relative paths in cells start from. Defaults to `None`: the folder
            of the file; the current one for a DataFrame.
    Returns:
        `Rows`.
    Raises:
        ValueError: an unknown ending, an empty table, one without a header, or a cell or line that cannot be read.
        FileNotFoundError: there is no such file.
        ImportError: parquet without pyarrow.
    Example:
        >>> rows = read_table("pets.csv")
        >>> train, test = rows.split(0.8, 0.2, by="owner")
    """
    if hasattr(table, "iloc") and hasattr(table, "columns"):
        return _from_frame(table, media_root or "")
    path = os.fspath(table)
    if not os.path.exists(path):
        raise FileNotFoundError(
            f"read_table: the table must be a file that exists. Received: {path!r}. Do: check the path."
        )
    if is_shards(path):
        return read_shards(path)
    if os.path.isdir(path):
        raise ValueError(
            f"read_table: the table must be a file. Received the folder {path!r}. Do: read_folder({path!r})."
        )
    root = os.path.dirname(path) if media_root is None else os.fspath(media_root)
    ending = os.path.splitext(path)[1].lower()
    if ending not in _READERS:
        known = ", ".join(_READERS)
        raise ValueError(f"read_table: a table must end in {known}. Received: {path!r}. Do: convert it.")
    return _READERS[ending](path, root)


def _written(value):
    """A cell as text, or as bytes where it is bytes; `""` for whatever means missing."""
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
        return json.dumps(value, ensure_ascii=False)
    if type(value).__name__ in ("NAType", "NaTType"):
        return ""
    return repr(value.item()) if isinstance(value, np.number) else str(value)


def _listed(item):
    """One item of a list; a list in a list, as of a series' channels, divided by commas with its gaps."""
    if isinstance(item, list | tuple | np.ndarray):
        return ",".join(str(_written(number)) or "nan" for number in item)
    return str(_written(item)).replace(LIST_SEPARATOR, " ")


def _column(values):
    column = np.empty(len(values), object)
    column[:] = [_written(value) for value in values]
    return column


def _delimited(delimiter):
    def open_table(path, root):
        name = os.path.basename(path)
        with open(path, newline="", encoding="utf-8-sig") as file:
            lines = _lines(file, delimiter, name)
            (_, header), (_, first) = next(lines, (0, None)), next(lines, (0, None))
        _check_header(header, first, name)
        return Rows(Source(name, header, lambda: _read_delimited(path, header, delimiter), root, first_row=2))

    return open_table


def _lines(file, delimiter, name):
    """Yields the lines that are not blank, with their numbers: (number, cells)."""
    lines = csv.reader(file, delimiter=delimiter)
    try:
        yield from ((lines.line_num, cells) for cells in lines if cells)
    except (csv.Error, UnicodeDecodeError) as error:
        raise ValueError(
            f'read_table "{name}": a table must be UTF-8 text. Received: {error}, after line {lines.line_num}. '
            "Do: save it as UTF-8."
        ) from error


def _check_header(header, first, name):
    """Refuses tables with nothing to learn from, and those whose first line is a row already."""
    if not header:
        raise ValueError(f'read_table "{name}": a table must have a header and rows. Received: an empty file.')
    if first is None and not any(_is_number(cell) for cell in header):
        raise ValueError(f'read_table "{name}": a table must have rows under its header. Received: only {header}.')
    strange = [cell for cell in header if not cell.strip() or _is_number(cell)]
    doubled = sorted({cell for cell in header if header.count(cell) > 1})
    if strange or doubled:
        raise ValueError(
            f'read_table "{name}": the first line must name every column, each once. Received: {header[:8]}. '
            "Do: add a header line, such as picture,title,price."
        )


def _check_names(columns, name):
    if len(set(columns)) < len(columns):
        raise ValueError(
            f'read_table "{name}": every column must have a name of its own. Received: {columns[:8]}. Do: rename them.'
        )


def _is_number(text):
    try:
        float(text)
    except ValueError:
        return False
    return True


def _read_delimited(path, header, delimiter):
    name = os.path.basename(path)
    with open(path, newline="", encoding="utf-8-sig") as file:
        lines = _lines(file, delimiter, name)
        next(lines)
        while batch := list(itertools.islice(lines, CHUNK)):
            for number, cells in batch:
                if len(cells) != len(header):
                    raise ValueError(
                        f'read_table "{name}": a line must have {len(header)} cells. '
                        f"Received: {len(cells)} in line {number}: {str(cells)[:80]}. Do: quote the cell."
                    )
            columns = zip(*(cells for _, cells in batch), strict=True)
            yield {column: _column(cells) for column, cells in zip(header, columns, strict=True)}


def _open_json_lines(path, root):
    name = os.path.basename(path)
    columns = {}
    for record in itertools.islice(_records(path), 1000):
        columns.update(dict.fromkeys(record))
    if not columns:
        raise ValueError(f'read_table "{name}": a table must have rows. Received: an empty file.')

    def read():
        records = _records(path)
        while batch := list(itertools.islice(records, CHUNK)):
            yield {column: _column([record.get(column) for record in batch]) for column in columns}

    return Rows(Source(name, tuple(columns), read, root))


def _records(path):
    name = os.path.basename(path)
    number = 0
    try:
        with open(path, encoding="utf-8-sig") as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    yield _record(line, number, name)
    except UnicodeDecodeError as error:
        raise ValueError(
            f'read_table "{name}": a table must be UTF-8 text. Received: {error}, after line {number}. '
            "Do: save it as UTF-8."
        ) from error


def _record(line, number, name):
    try:
        record = json.loads(line)
    except json.JSONDecodeError as error:
        record = error
    if not isinstance(record, dict):
        raise ValueError(
            f'read_table "{name}": every line must be a JSON object. '
            f"Received: {line.strip()[:80]!r} in line {number}. Do: write one {{…}} a line."
        )
    return record


def _open_parquet(path, root):
    try:
        import pyarrow as arrow
        import pyarrow.parquet as parquet
    except ImportError as error:
        raise ImportError('read_table: parquet needs pyarrow. Do: pip install "mmkeras[parquet]"') from error
    name = os.path.basename(path)
    try:
        file = parquet.ParquetFile(path)
    except (arrow.ArrowInvalid, OSError) as error:
        raise ValueError(f'read_table "{name}": this is no parquet file ({error}).') from error
    schema = file.schema_arrow
    _check_names(schema.names, name)
    if not file.metadata.num_rows:
        raise ValueError(f'read_table "{name}": a table must have rows. Received: 0 rows, columns {schema.names}.')

    def is_media(kind):
        if arrow.types.is_struct(kind):
            return {field.name for field in kind} == MEDIA_RECORD
        return arrow.types.is_binary(kind) or arrow.types.is_large_binary(kind)

    binary = {field.name for field in schema if is_media(field.type)}

    def read():
        for batch in parquet.ParquetFile(path).iter_batches(CHUNK if not binary else 256):
            yield {column: _column(batch.column(column).to_pylist()) for column in schema.names}

    return Rows(Source(name, schema.names, read, root, binary))


def _from_frame(frame, root):
    columns = [str(column) for column in frame.columns]
    _check_names(columns, "DataFrame")
    if not len(frame):
        raise ValueError(f"read_table: a table must have rows. Received: a DataFrame of 0 rows, columns {columns}.")
    binary = {
        str(name)
        for name, column in frame.items()
        if column.dtype == object and column.map(lambda cell: isinstance(cell, bytes)).any()
    }

    def read():
        for start in range(0, len(frame), CHUNK):
            part = frame.iloc[start : start + CHUNK]
            yield {column: _column(part.iloc[:, place].tolist()) for place, column in enumerate(columns)}

    return Rows(Source("DataFrame", columns, read, root, binary, first_row=0))


_READERS = {
    ".csv": _delimited(","),
    ".tsv": _delimited("\t"),
    ".jsonl": _open_json_lines,
    ".ndjson": _open_json_lines,
    ".parquet": _open_parquet,
}
