"""Tables in memory: pandas DataFrames."""

from data_pipelines.sources.rows import Rows
from data_pipelines.sources.source import CHUNK, Source
from data_pipelines.sources.written import cells_of, check_names


def read_frame(frame, root):
    """Opens a DataFrame; columns of objects with bytes among them hold media."""
    columns = [str(column) for column in frame.columns]
    check_names(columns, "DataFrame")
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
            yield {column: cells_of(part.iloc[:, place].tolist()) for place, column in enumerate(columns)}

    return Rows(Source("DataFrame", columns, read, root, binary, first_row=0))
