"""What a run remembers of the rows that it has seen, so that scores on them are told."""

import os
import zipfile

import numpy as np

from data_pipelines.files.whole_file import whole_file
from mmkeras.runs.run_folder import SEEN
from mmkeras.runs.run_marks import NAMED, read_mark

MOST = 200_000  # numbers of a part; of more rows, those with the smallest are kept
PARTS = ("training", "validation")


class SeenRows:
    """Digests of the cells that a run's pipeline reads, of training and validation rows: 3 MiB at the most.

    Args:
        path: of the file.
    """

    def __init__(self, path):
        self.path = os.fspath(path)

    def write(self, mark, pipe, training, validation):
        """Notes the rows of a run; `validation` may be None."""
        with whole_file(self.path, "wb") as file, zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
            archive.comment = (NAMED + mark).encode()
            for part, rows in zip(PARTS, (training, validation), strict=True):
                found = np.zeros(0, "uint64") if rows is None else np.unique(_digests(pipe, rows))
                with archive.open(f"{part}.npy", "w") as member:
                    np.lib.format.write_array(member, found[:MOST], allow_pickle=False)

    def count(self, mark, pipe, rows):
        """How many of some rows a part has seen, or rows that are equal in all that the run reads.

        Returns:
            dict `"training"`, `"validation"` → int, about right where a part has more than 200,000 rows; None where
            the run has not noted its rows.
        """
        if not os.path.exists(self.path) or read_mark(self.path) != mark:
            return None
        digests = _digests(pipe, rows)
        with np.load(self.path, allow_pickle=False) as parts:
            return {part: _met(digests, parts[part]) for part in PARTS}


def with_seen(metrics, run, pipe, rows):
    """Scores with what a run has seen of the rows, under `"seen"`, where that is known.

    Args:
        metrics: dict that `mmkeras.evaluate` gave.
        run: `RunFolder`.
        pipe: adapted `Pipeline`.
        rows: `Rows` that were scored.
    """
    seen = SeenRows(run.path(SEEN)).count(run.mark, pipe, rows)
    return metrics if seen is None else {**metrics, "seen": seen}


def told(metrics):
    """A sentence about rows that a run had seen before they were scored, or None."""
    found = [f"{count:,} {part}" for part, count in metrics.get("seen", {}).items() if count]
    if not found:
        return None
    return (
        f"{metrics['rows']:,} rows scored; the run has seen {' and '.join(found)} rows of them before: scores flatter"
    )


def _digests(pipe, rows):
    """A number a row, of the texts in all columns that the pipeline reads and the table has."""
    source = rows.source
    columns = sorted({*pipe.input_columns(), *pipe.target_columns()} & set(rows.columns))
    texts = [column for column in columns if column not in source.bytes_columns or source.key(column) != column]
    return rows.digests(texts or columns)


def _met(digests, kept):
    """How many digests are among those kept; where these are the smallest of many, as many as that makes of all."""
    if not len(kept):
        return 0
    if len(kept) < MOST:
        return int(np.isin(digests, kept).sum())
    looked = digests <= kept[-1]
    return round(len(digests) * np.isin(digests[looked], kept).sum() / max(1, looked.sum()))
