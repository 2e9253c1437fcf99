"""Rows as the table has them, for pages that show cells."""


def raw_rows(rows, columns):
    """Yields rows as dicts of raw cells, `"_row"` included."""
    for chunk in rows.chunks(columns):
        yield from (dict(zip(chunk, cells, strict=True)) for cells in zip(*chunk.values(), strict=True))
