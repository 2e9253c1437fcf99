"""Tables of lines and cells: csv and tsv."""

import csv
import itertools
import os

from data_pipelines.sources.rows import Rows
from data_pipelines.sources.source import CHUNK, Source
from data_pipelines.sources.text_file import opened_text
from data_pipelines.sources.written import cells_of

csv.field_size_limit(2**31 - 1)


def read_delimited(path, root, delimiter, encoding=None):
    """Opens a csv or tsv with a header line.

    Args:
        path: str.
        root: str. The folder that relative paths in cells start from.
        delimiter: str, one character.
        encoding: str or None. Any that Python knows. Defaults to `None`: UTF-8.
    """
    lines = _lines(path, delimiter, encoding)
    (_, header), (_, first) = next(lines, (0, None)), next(lines, (0, None))
    lines.close()
    name = os.path.basename(path)
    _check_header(header, first, name)

    def read():
        return _chunks(_lines(path, delimiter, encoding), header, name)

    return Rows(Source(name, header, read, root, first_row=2))


def _lines(path, delimiter, encoding):
    """Yields the lines that are not blank, with their numbers: (number, cells)."""
    lines = None
    with opened_text(path, encoding, lambda: lines.line_num) as file:
        lines = csv.reader(file, delimiter=delimiter)
        try:
            yield from ((lines.line_num, cells) for cells in lines if cells)
        except csv.Error as error:
            raise ValueError(
                f'read_table "{os.path.basename(path)}": a table must be text. '
                f"Received: {error}, after line {lines.line_num}. Do: save it as text."
            ) from error


def _chunks(lines, header, name):
    next(lines)
    while batch := list(itertools.islice(lines, CHUNK)):
        for number, cells in batch:
            if len(cells) != len(header):
                raise ValueError(
                    f'read_table "{name}": a line must have {len(header)} cells. '
                    f"Received: {len(cells)} in line {number}: {str(cells)[:80]}. Do: quote the cell."
                )
        columns = zip(*(cells for _, cells in batch), strict=True)
        yield {column: cells_of(cells) for column, cells in zip(header, columns, strict=True)}


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


def _is_number(text):
    try:
        float(text)
    except ValueError:
        return False
    return True
