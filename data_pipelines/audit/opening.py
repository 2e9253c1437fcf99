"""Opens every media cell once, several at a time, and keeps figures of it: no picture or sound stays in memory."""

import array
import concurrent.futures
import hashlib
import math
import os
import sys
import warnings

import numpy as np
import tensorflow as tf

from data_pipelines.audit.openers import OPENERS
from data_pipelines.modalities import CellContext
from data_pipelines.sources.source import ROW

WINDOW = 256  # cells whose results wait at a time


class OpenedColumn:
    """What opening the cells of a column found: some 200 bytes a row, and a fingerprint a file.

    Attributes:
        rows: list of int. All rows of the table; those without a cell have no facts.
        faults: list of dicts `{"row": int, "why": str}` of those that cannot be read.
        digests: list of bytes, one a row: equal where the contents are; b"" where there are none.
        keys: list of bytes, one a row: the digest, or the cell itself where it names no file.
        prints: dict digest → (the first row that has it, (code, sketch)), of contents that have a fingerprint.
    """

    def __init__(self):
        self.rows, self.faults, self.digests, self.keys, self.prints = [], [], [], [], {}
        self._facts = {}  # name → numbers or texts, as far as the last row that has it
        self._same = {}

    def add(self, row, cell, why, facts, digest, sketch):
        """Takes what opening a cell gave."""
        for name, value in facts.items():
            is_text = isinstance(value, str)
            column = self._facts.setdefault(name, [] if is_text else array.array("d"))
            column.extend(self._lacking(column, len(self.rows)))
            column.append(sys.intern(value) if is_text else value)
        digest = self._same.setdefault(digest, digest)
        self.rows.append(int(row))
        self.digests.append(digest)
        self.keys.append(digest or (cell if isinstance(cell, bytes) else str(cell).strip().encode("utf-8")))
        if sketch is not None:
            self.prints.setdefault(digest, (int(row), sketch))
        if why:
            self.faults.append({"row": int(row), "why": why})

    @staticmethod
    def _lacking(column, size):
        return [None if isinstance(column, list) else math.nan] * (size - len(column))

    def names(self):
        """The names of all facts, in the order in which they first come."""
        return list(self._facts)

    def values(self, name):
        """A fact of all rows that have it: array of numbers, or list of texts."""
        column = self._facts[name]
        if isinstance(column, list):
            return [value for value in column if value is not None]
        values = np.array(column)
        return values[~np.isnan(values)]

    def aligned(self, name):
        """A fact of every row: array of numbers, or list of texts; NaN or None where it lacks."""
        column = self._facts[name]
        whole = [*column, *self._lacking(column, len(self.rows))]
        return whole if isinstance(column, list) else np.array(whole)


def open_columns(rows, guesses, progress=None):
    """Opens the media of a table.

    Args:
        rows: `Rows`.
        guesses: dict column → `Guess`.
        progress: callable (done, total) or None. Defaults to `None`.
    Returns:
        dict column → `OpenedColumn`, of the columns that hold media.
    """
    openers = {
        column: OPENERS[guess.kind](guess.modality(None), CellContext(column in rows.source.bytes_columns))
        for column, guess in guesses.items()
        if guess.kind in OPENERS
    }
    found = {column: OpenedColumn() for column in openers}
    done, total = 0, len(rows)
    workers = max(2, os.cpu_count() or 1)
    with concurrent.futures.ThreadPoolExecutor(workers) as pool, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Of what a header says oddly; whatever matters is an error.
        media = {c: opener.modality.locate for c, opener in openers.items() if opener.modality.media}
        for cells in rows.chunks_with_paths(list(openers), media):
            for start in range(0, len(cells[ROW]), WINDOW):
                part = slice(start, start + WINDOW)
                for column, opener in openers.items():
                    _open(found[column], opener, cells[ROW][part], cells[column][part], pool)
                done += len(cells[ROW][part])
                if progress:
                    progress(done, total)
    return found


def _open(column, opener, rows, cells, pool):
    for row, cell, found in zip(rows, cells, pool.map(_looker(opener), cells), strict=True):
        column.add(row, cell, *found)


def _looker(opener):
    """Opens one cell: (why not, facts, digest, fingerprint)."""

    def look(cell):
        digest = b""
        if not _is_filled(cell):
            return None, {}, digest, None
        try:
            data = opener.read(cell)
            digest = hashlib.blake2b(data, digest_size=16).digest()
            facts, sketch = opener(data)
            return None, facts, digest, sketch
        except (tf.errors.OpError, ValueError, OverflowError, MemoryError):
            return opener.why(cell), {}, digest, None

    return look


def _is_filled(cell):
    return bool(cell) if isinstance(cell, bytes) else bool(str(cell).strip())


def arrays(prints):
    """Fingerprints as two arrays: codes `(N,)` and sketches `(N, K)`."""
    codes, sketches = zip(*prints, strict=True)
    return np.array(codes, "uint64"), np.stack(sketches)
