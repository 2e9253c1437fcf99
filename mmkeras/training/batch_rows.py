"""Which rows of a table are in which batch."""

import numpy as np

from data_pipelines.sources.source import ROW

MOST_ROWS, MOST_FILES = 16, 3  # that messages name


class BatchRows:
    """Names the rows of batches, which are made once more for it, with their numbers.

    Args:
        rows: `Rows`.
        pipe: adapted `Pipeline`.
        make: callable, the first step → `tf.data.Dataset` of the batches from there, as `Pipeline.batches` gives them
            `with_rows`.
    """

    def __init__(self, rows, pipe, make):
        self.rows = rows
        self.make = make
        both = {**pipe.inputs, **pipe.targets}
        located = {c: m.locate for name, m in both.items() if m.media for c in m.columns(name)}
        self._files = {c: locate for c, locate in located.items() if c not in rows.source.bytes_columns}

    def named(self, numbers):
        """Rows in words: their numbers in the table."""
        places = [self.rows.source.place(int(number)) for number in sorted(numbers)]
        tables = dict.fromkeys(table for table, _ in places)
        told = [_listed([str(number) for table, number in places if table == own]) + f' of "{own}"' for own in tables]
        return f"row{'s' if len(places) > 1 else ''} {', '.join(told)}"

    def files(self, numbers):
        """The files that some rows name, in words; `""` where they name none."""
        wanted, found = {int(number) for number in sorted(numbers)[:MOST_FILES]}, []
        for cells in self.rows.chunks_with_paths(list(self._files), self._files):
            for place in np.flatnonzero(np.isin(cells[ROW].astype("int64"), list(wanted))):
                found += [f"{column}={cells[column][place]!r}" for column in self._files if cells[column][place]]
        return ", ".join(found)


def _listed(words):
    rest = len(words) - MOST_ROWS
    return ", ".join(words[:MOST_ROWS]) + (f" and {rest} more" if rest > 0 else "")
