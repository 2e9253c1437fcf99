"""The cells of some columns, chunk by chunk."""


class ColumnCells:
    """Chunks of a table as tuples of arrays, one array a column; can be gone through more than once."""

    def __init__(self, rows, columns, media):
        self.rows, self.columns, self.media = rows, columns, media

    def __iter__(self):
        for chunk in self.rows.chunks_with_paths(self.columns, self.media):
            yield tuple(chunk[column] for column in self.columns)
