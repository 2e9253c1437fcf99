"""Parquet and arrow files, one or several of the same columns, as one table."""

import itertools
import os

from data_pipelines.cells.media_cells import full_path
from data_pipelines.sources.arrow_file import ArrowFile
from data_pipelines.sources.frames import clip_of
from data_pipelines.sources.hf_features import hf_features, with_names
from data_pipelines.sources.rows import Rows
from data_pipelines.sources.source import CHUNK, Source
from data_pipelines.sources.written import MEDIA_RECORD, cells_of, check_names

MEDIA_CHUNK = 32


def read_arrow(paths, root, name, splits=None):
    """Opens parquet and arrow files as one table.

    Where the `datasets` package wrote them, numbers of classes become their names. A record of bytes and path becomes
    its bytes, or those of the file that the path names; a list of such pictures becomes a clip.

    Args:
        paths: list of str; rows come in that order.
        root: str. The folder that relative paths in cells start from.
        name: str. What messages call the table.
        splits: list of str or None. What stands in a column `split`, one a file. Defaults to `None`: no such column.
    Raises:
        ValueError: a file of another kind, files of different columns, two columns of one name, or no rows.
        ImportError: there is no pyarrow.
    """
    files = [ArrowFile(path) for path in paths]
    schema = files[0].schema
    check_names(schema.names, name)
    for file in files:
        if sorted(file.schema.names) != sorted(schema.names):
            raise ValueError(
                f'read_table "{name}": all files must have the same columns. Received: {file.schema.names} in '
                f"{os.path.basename(file.path)!r}, {schema.names} in the first. Do: read each alone."
            )
    if not any(_has_rows(file) for file in files):
        raise ValueError(f'read_table "{name}": a table must have rows. Received: 0 rows, columns {schema.names}.')
    kinds = {field.name: _media_kind(field.type) for field in schema}
    binary = {column for column, kind in kinds.items() if kind}
    convert = _converters(kinds, hf_features(schema, os.path.dirname(paths[0])), root)
    extra = _free_name("split", schema.names) if splits else None
    columns = [*schema.names, *([extra] if splits else [])]

    def read():
        for file, split in zip(files, splits or files, strict=True):
            for batch in file.batches(schema.names, MEDIA_CHUNK if binary else CHUNK):
                chunk = {c: cells_of(_converted(batch.column(c).to_pylist(), convert.get(c))) for c in schema.names}
                yield {**chunk, extra: cells_of([split] * batch.num_rows)} if splits else chunk

    return Rows(Source(name, columns, read, root, binary))


def _has_rows(file):
    return file.count if file.count is not None else any(batch.num_rows for batch in file.batches([], CHUNK))


def _media_kind(kind):
    """`"bytes"`, `"record"`, `"records"`, or None for a column that holds no media."""
    from pyarrow import types

    if types.is_struct(kind):
        return "record" if {field.name for field in kind} == MEDIA_RECORD else None
    if types.is_list(kind) or types.is_large_list(kind):
        return "records" if _media_kind(kind.value_type) == "record" else None
    return "bytes" if types.is_binary(kind) or types.is_large_binary(kind) else None


def _converters(kinds, features, root):
    """Column → callable, value → value, for the columns whose values change."""
    named = {column: with_names(features[column]) for column in kinds if column in features}
    media = {"record": lambda value: _bytes_of(value, root), "records": lambda value: _clip(value, root)}
    found = {column: media.get(kind) or named.get(column) for column, kind in kinds.items()}
    return {column: convert for column, convert in found.items() if convert}


def _converted(values, convert):
    return values if convert is None else [convert(value) for value in values]


def _bytes_of(record, root):
    """A record's bytes, or its file's; of a file that is not there the path, so that batches say what is wrong."""
    if not record:
        return None
    if record["bytes"] or not record["path"]:
        return record["bytes"]
    path = full_path(record["path"], root)
    if not os.path.isfile(path):
        return path.encode("utf-8")
    with open(path, "rb") as file:
        return file.read()


def _clip(records, root):
    return clip_of([data for data in (_bytes_of(record, root) for record in records or ()) if data])


def _free_name(name, taken):
    return next(free for free in (name + "_" * n for n in itertools.count()) if free not in taken)
