"""Rows → batches of tensors, with bad cells raised, masked or dropped."""

import functools
import threading

import keras
import numpy as np
import tensorflow as tf

from data_pipelines.batches.bad_cells import bad_cell
from data_pipelines.cells.media_cells import encode_strictly, in_words
from data_pipelines.modalities import CellContext
from data_pipelines.naming import MASK, TARGET, title_of
from data_pipelines.sources.source import ROW, SEED, WEIGHT


class BatchEncoder:
    """Encodes rows into batches of `(x, y, w)` under a policy for bad cells.

    Args:
        inputs: dict name → modality.
        targets: dict name → modality.
        rows: `Rows`, to look up a broken cell in.
        columns: list of str. The columns read.
        policy: `"raise"`, `"mask"` or `"drop"`, see `Pipeline`.
        problems: `Problems` to count in.
        with_rows: bool. Whether weights hold the rows' numbers too. Defaults to `False`.
        count_unknown: bool. Whether cells of inputs that training rows had nothing like are counted. Defaults to
            `False`.
    """

    def __init__(self, inputs, targets, rows, columns, policy, problems, with_rows=False, count_unknown=False):
        self.inputs = inputs
        self.targets = targets
        self.rows = rows
        self.columns = columns
        both = {**inputs, **targets}
        self.media_columns = {c: m.locate for name, m in both.items() if m.media for c in m.columns(name)}
        self.source = rows.source
        self.source.require_prepared(both)
        self.policy = policy
        self.problems = problems
        self.with_rows = with_rows
        self.count_unknown = count_unknown
        self.message = None
        self.lock = threading.Lock()
        self.kinds = [
            *((name, m, False) for name, m in inputs.items()),
            *((name, m, True) for name, m in targets.items()),
        ]

    def context(self, column):
        return CellContext(column in self.source.bytes_columns)

    def apply(self, raw, batch_size):
        """Rows → batches of `(x, y, w)`."""
        if self.policy == "raise":
            encode = lambda cells, decoded: self._judge(*self._encode(cells, decoded))  # noqa: E731
            return encode_strictly(raw, batch_size, self._decode, encode, self._find_broken)
        return self.judge(self.encode(raw.batch(batch_size)))

    def encode(self, batches):
        """Raw batches → `(cells, x, y, w, bad, unknown)`, every media cell on its own; no Python is called."""

        @tf.autograph.experimental.do_not_convert
        def encode(cells):
            return self._encode_with(cells, lambda name, m, *cell: m.encode_row(*cell, cells.get(SEED)))

        return batches.map(encode, tf.data.AUTOTUNE)

    def judge(self, encoded):
        """What `encode` gave → `(x, y, w)`, with the policy applied."""
        dataset = encoded.map(tf.autograph.experimental.do_not_convert(self._judge), tf.data.AUTOTUNE)
        return dataset.filter(lambda x, y, w: tf.size(tf.nest.flatten(x)[0]) > 0) if self.policy == "drop" else dataset

    def _decode(self, cells):
        """Decodes the media cells of one row; raises in the graph on a broken one."""
        media = [(name, m, m.columns(name)[0]) for name, m, _ in self.kinds if m.media]
        return {name: m.decode_cell(cells[c], self.context(c), cells.get(SEED)) for name, m, c in media}

    def _find_broken(self):
        """Goes through the rows once more, cell by cell, up to the broken cell, and raises its message.

        Every batch from the broken row on asks, several at a time; the first looks for all.
        """
        with self.lock:
            if self.message is None:
                check = lambda cells: self._encode_with(cells, lambda name, m, *cell: m.check_row(*cell))  # noqa: E731
                check = tf.autograph.experimental.do_not_convert(check)
                raw = self.rows.dataset(self.columns, self.media_columns).batch(32)
                try:
                    for _ in self.judge(raw.map(check, tf.data.AUTOTUNE)):
                        pass
                except tf.errors.OpError as error:  # of a bad cell, or of the table itself
                    self.message = self.message or in_words(error.message)
        gone = f'Pipeline: a media file of "{self.source.name}" could not be read a moment ago, but can now.'
        raise ValueError(self.message or gone)

    def _encode(self, cells, decoded):
        """Encodes a batch of rows whose media cells are decoded already."""

        def media(name, modality, values, context):
            value, lengths = decoded[name]
            return *modality.collate(value, lengths, values[0] != ""), tf.zeros_like(values[0], tf.bool)

        return self._encode_with(cells, media)

    def _encode_with(self, cells, media):
        x, y, w, bad, unknown = {}, {}, {}, [], []
        for name, modality, is_target in self.kinds:
            columns = modality.columns(name)
            values = [cells[column] for column in columns]
            context = self.context(columns[0])
            encode = functools.partial(media, name, modality) if modality.media else modality.encode_row
            if not is_target:
                x[name], x[name + MASK], wrong = encode(values, context)
            elif modality.media:
                *given, wrong = encode(values, context)
                y[name], w[name] = modality.label(*given)
            else:
                y[name], w[name], wrong = modality.encode_target(values, context)
            if is_target and modality.label_as_input:
                x[name + TARGET], x[name + TARGET + MASK] = y[name], modality.label_mask(y[name], w[name])
            bad.append(wrong)
            new = None if is_target or not self.count_unknown else modality.unknown(values, x[name], x[name + MASK])
            unknown.append(tf.zeros_like(wrong) if new is None else new & ~wrong)
        if WEIGHT in cells:
            w[WEIGHT] = cells[WEIGHT]
        if self.with_rows:
            w[ROW] = cells[ROW]
        return cells, x, y, w, tf.stack(bad, 1), tf.stack(unknown, 1)

    def _judge(self, cells, x, y, w, bad, unknown):
        """Lets good batches pass; raises, counts or drops where a cell is bad."""

        def report():
            columns = dict.fromkeys(c for name, m, _ in self.kinds for c in m.columns(name))
            return tf.py_function(self._report, [bad, unknown, cells[ROW], *(cells[c] for c in columns)], tf.bool)

        told = tf.cond(tf.reduce_any(bad | unknown), report, lambda: tf.constant(True))
        with tf.control_dependencies([told]):
            x, y, w = keras.tree.map_structure(tf.identity, (x, y, w))
        if self.policy == "drop":
            keep = ~tf.reduce_any(bad & [m.on_bad is None for _, m, _ in self.kinds], 1)
            x, y, w = keras.tree.map_structure(lambda t: tf.boolean_mask(t, keep), (x, y, w))
        return x, y, w

    def _report(self, bad, unknown, rows, *cells):
        """Runs in Python, for batches with a bad or an unknown cell only."""
        columns = dict.fromkeys(c for name, m, _ in self.kinds for c in m.columns(name))
        table = dict(zip(columns, cells, strict=True))
        for place, kind in np.argwhere(unknown.numpy()):
            name, modality, _ = self.kinds[kind]
            own = modality.columns(name)
            if modality.is_new([table[column][place].numpy() for column in own]):
                self.problems.unknown_cell(own[0], int(rows[place]))
        for place, kind in np.argwhere(bad.numpy()):
            name, modality, _ = self.kinds[kind]
            own = modality.columns(name)
            values = [table[column][place].numpy() for column in own]
            reason = modality.reason(values, self.context(own[0]))
            row = int(rows[place])
            own_table, number = self.source.place(row)
            message = bad_cell(modality, title_of(name, modality.column), own_table, own, number, reason)
            policy = modality.on_bad or self.policy
            if policy == "raise":
                self.message = message
                raise ValueError(message)
            if policy == "mask":
                self.problems.mask(own[0] if len(own) == 1 else name, row, message)
            else:
                self.problems.drop(row, message)
        return True
