"""Rows of a table as shards keep them: media decoded once, or as their files are."""

import concurrent.futures
import hashlib
import itertools
import os

import tensorflow as tf

from data_pipelines.batches.bad_cells import bad_cell
from data_pipelines.cells.media_cells import unreadable
from data_pipelines.formats.shard import CELL
from data_pipelines.modalities import CellContext
from data_pipelines.naming import title_of
from data_pipelines.sources.source import ROW

WINDOW = 64  # rows that are decoded at the same time, and held


class PreparedRows:
    """Turns rows of a table into those of a shard, several at a time.

    Args:
        source: `Source` of the rows.
        columns: list of str. What is kept of a row.
        inputs: dict name → modality, media only. A column that several modalities read, each its own way, is kept as
            its files are.
        on_bad: policy, see `Pipeline`.
    """

    def __init__(self, source, columns, inputs, on_bad):
        self.source = source
        self.columns = list(columns)
        self.on_bad = on_bad
        self.names = {}
        self.modalities = {}
        for name, modality in inputs.items():
            (column,) = modality.columns(name)
            self.names.setdefault(column, name)
            self.modalities.setdefault(column, []).append(modality)

    @property
    def bytes_columns(self):
        """The columns whose cells are bytes in a shard."""
        return sorted({*self.modalities, *(self.source.bytes_columns & {*self.columns})})

    def fitting(self, column):
        """What a column's bytes are fitted to where they are, JSON-ready."""
        return fitting(self.modalities[column][0])

    def paths(self, block):
        """Yields the full paths that a block's media cells name."""
        for column in self.modalities:
            if column not in self.source.bytes_columns:
                yield from (self._locate(column, cell) for cell in block[column])

    def prepare(self, block, note, progress):
        """Yields a block's rows, dict name → bytes.

        Args:
            block: dict column → list of cells, with `"_row"`.
            note: dict. Takes the set of columns `fitted`, and what is `masked`, `dropped` and said of it.
            progress: callable (rows done).
        """
        rows = (dict(zip(block, cells, strict=True)) for cells in zip(*block.values(), strict=True))
        done = 0
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            while window := list(itertools.islice(rows, WINDOW)):
                cells = [(column, row[column]) for row in window for column in self.modalities]
                prepared = pool.map(lambda pair: self._prepare_cell(*pair), cells)
                for row in window:
                    found = {column: next(prepared) for column in self.modalities}
                    if self._is_kept(row, found, note):
                        yield self._kept(row, {column: data for column, (data, _, _) in found.items()})
                done += len(window)
                progress(done)

    def _prepare_cell(self, column, cell):
        """(bytes, fitted, reason why not or None) of one media cell."""
        if not (cell if isinstance(cell, bytes) else str(cell).strip()):
            return b"", False, None
        is_bytes = column in self.source.bytes_columns
        cell = cell if is_bytes else self._locate(column, cell)
        modalities = self.modalities[column]
        context = CellContext(is_bytes)
        try:
            data = modalities[0].read(tf.constant(cell), context).numpy()
        except tf.errors.OpError:
            return b"", False, unreadable(cell, context, modalities[0].prepare)
        try:
            prepared = [modality.prepare(data) for modality in modalities]
        except (ValueError, tf.errors.OpError):
            return b"", False, self._why(modalities, data)
        shared = all(fitting(modality) == fitting(modalities[0]) for modality in modalities)
        return *(prepared[0] if shared else (data, False)), None

    def _why(self, modalities, data):
        def prepare(cell):
            for modality in modalities:
                modality.prepare(cell.numpy())

        return unreadable(data, CellContext(is_bytes=True), prepare)

    def _is_kept(self, row, found, note):
        """Raises, notes or drops a row's bad cells; whether it stays."""
        number, stays = int(row[ROW]), True
        for column, (_, fitted, reason) in found.items():
            if fitted:
                note["fitted"].add(column)
            if reason is None:
                continue
            modality, name = self.modalities[column][0], self.names[column]
            table, own = self.source.place(number)
            message = bad_cell(modality, title_of(name, modality.column), table, [column], own, reason)
            if self.on_bad == "raise":
                raise ValueError(message)
            note["examples"].append(message)
            if self.on_bad == "mask":
                note["masked"].setdefault(column, []).append(number)
            elif stays:
                note["dropped"].append(number)
                stays = False
        return stays

    def _kept(self, row, media):
        """A row as a shard keeps it; beside a media cell, what tells it apart from others in the table."""
        kept = {column: _bytes(row[column]) for column in self.columns}
        for column in self.bytes_columns:
            kept[column + CELL] = told_apart(row[column])
        return {**kept, **media}

    def _locate(self, column, cell):
        return self.modalities[column][0].locate(cell, self.source.media_root)


def told_apart(cell):
    """What tells a media cell from others: the text that stood in the table, a hash where the media themselves did."""
    return hashlib.blake2b(cell, digest_size=16).hexdigest().encode() if isinstance(cell, bytes) else _bytes(cell)


def _bytes(cell):
    return cell if isinstance(cell, bytes) else str(cell).encode("utf-8")


def fitting(modality):
    """What prepared bytes are fitted to, JSON-ready."""
    return {"modality": type(modality).__name__, **modality.prepared_for()}
