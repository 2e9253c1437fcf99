"""Tables of lines and cells: csv and tsv."""

import csv
import itertools
import os

from data_pipelines.sources.rows import Rows
from data_pipelines.sources.source import CHUNK, Source
from data_pipelines.sources.text_file import opened_text
from data_pipelines.sources.written import cells_of

AS_NAMES = "; or header=True (--header), if these are the names"

csv.field_size_limit(2**31 - 1)


def read_delimited(path, root, delimiter, encoding=None, header=None):
    """Opens a csv or tsv with a header line. In a table of one column, a blank line is an empty cell.

    Args:
        path: str.
        root: str. The folder that relative paths in cells start from.
        delimiter: str, one character.
        encoding: str or None. Any that Python knows. Defaults to `None`: UTF-8.
        header: True or None. True takes the first line for names, numbers too. Defaults to `None`: numbers are refused.
    """
    lines = _lines(path, delimiter, encoding)
    (_, names), (_, first) = next(lines, (0, None)), next(lines, (0, None))
    lines.close()
    name = os.path.basename(path)
    _check_header(names, first, name, insist=bool(header))

    def read():
        return _chunks(_lines(path, delimiter, encoding), names, name)

    return Rows(Source(name, names, read, root, first_row=2))


def _lines(path, delimiter, encoding):
    """Yields the lines that are not blank, with their numbers: (number, cells)."""
    lines, record, width = None, [], None
    with opened_text(path, encoding, lambda: lines.line_num) as file:
        lines = csv.reader(_recorded(file, record), delimiter=delimiter)
        try:
            for cells in lines:
                if len(record) > 1:
                    _check_quotes(record, delimiter, lines.line_num, os.path.basename(path))
                record.clear()
                if cells or width == 1:
                    yield lines.line_num, cells or [""]
                    width = width or len(cells)
        except csv.Error as error:
            raise ValueError(
                f'read_table "{os.path.basename(path)}": a table must be text. '
                f"Received: {error}, after line {lines.line_num}. Do: save it as text."
            ) from error


def _recorded(file, record):
    """The lines of a file, which are noted in `record`, as is, by None, that a reader asked for more than there are."""
    for line in file:
        record.append(line)
        yield line
    record.append(None)


def _check_quotes(record, delimiter, reached, name):
    """Refuses a row of several lines that none of its cells holds: a stray quote made one cell of them."""
    *texts, last = record
    open_end = last is None
    texts = texts if open_end else record
    try:
        list(csv.reader(texts, delimiter=delimiter, strict=True))
        stray = open_end
    except csv.Error:
        stray = True
    if stray:
        first = reached - len(texts) + 1
        where = "the end of the table" if open_end else f"line {reached}"
        raise ValueError(
            f'read_table "{name}": a quote at the start of a cell must be closed at its end. Received: one row from '
            f"line {first} to {where}: {texts[0].strip()[:80]!r}. "
            'Do: close the quote in that line, or write a quote that belongs to the text as """".'
        )


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


def _check_header(header, first, name, insist):
    """Refuses tables with nothing to learn from, and those whose first line is a row already."""
    if not header:
        raise ValueError(f'read_table "{name}": a table must have a header and rows. Received: an empty file.')
    if first is None and (insist or not any(_is_number(cell) for cell in header)):
        raise ValueError(f'read_table "{name}": a table must have rows under its header. Received: only {header}.')
    numbers = [] if insist else [cell for cell in header if _is_number(cell)]
    strange = [*numbers, *(cell for cell in header if not cell.strip())]
    doubled = sorted({cell for cell in header if header.count(cell) > 1})
    if strange or doubled:
        raise ValueError(
            f'read_table "{name}": the first line must name every column, each once. Received: {header[:8]}. '
            f"Do: add a header line, such as picture,title,price{AS_NAMES if numbers and not doubled else ''}."
        )


def _is_number(text):
    try:
        float(text)
    except ValueError:
        return False
    return True
