"""Any number of labels out of a known set."""

import tensorflow as tf

from data_pipelines.modalities.category import count_labels, label_table, strip
from data_pipelines.modalities.modality import Modality, modality


@modality
class Tags(Modality):
    """A set of labels, written in one cell.

    Args:
        separator: str, one character. What stands between labels. Defaults to `"|"`.
        max_tags: int > 0. Most tags kept, by frequency; others are left out. Defaults to `200`.
        min_count: int > 0. Tags seen less often in training rows are left out. Defaults to `2`.
        column: str or None. The table's column. Defaults to `None`: the modality's name.
    Batch:
        int32 `(B, T)` of tag numbers from 1, mask bool `(B, T)`. As a target: float32 `(B, K)` of 0 and 1; an empty
        cell is a missing label, weight 0; a cell of unknown tags only is all 0.
    Raises:
        ValueError: a separator of more than one character, numbers below 1, no tag in training rows.
    """

    as_target = True

    def __init__(self, separator="|", max_tags=200, min_count=2, column=None):
        super().__init__(column)
        if len(separator) != 1:
            raise ValueError(f"Tags: separator must be one character. Received: separator={separator!r}. Do: '|'.")
        if max_tags < 1 or min_count < 1:
            raise ValueError(
                f"Tags: max_tags and min_count must be > 0. Received: max_tags={max_tags}, min_count={min_count}."
            )
        self.separator = separator
        self.max_tags = int(max_tags)
        self.min_count = int(min_count)
        self.classes = None

    def adapt(self, chunks):
        def pieces(column):
            for cell in column:
                text = cell.decode("utf-8") if isinstance(cell, bytes) else str(cell)
                yield from {piece.strip() for piece in text.split(self.separator)}

        counts = count_labels(chunks, pieces)
        frequent = sorted((-n, label) for label, n in counts.items() if n >= self.min_count)
        if not frequent:
            raise ValueError(
                f"Tags: some tag must be seen min_count times in training rows. Received: min_count={self.min_count}, "
                f"{len(counts)} different tags. Do: lower min_count, or check the separator {self.separator!r}."
            )
        self.set_state({"classes": sorted(label for _, label in frequent[: self.max_tags])})

    def state(self):
        return {"classes": self.classes}

    def set_state(self, state):
        self.classes = list(state["classes"])
        self.table = label_table(self.classes)

    def parse(self, cells, context):
        return [cells[0]], tf.zeros_like(cells[0], tf.bool)

    def _places(self, cells):
        """Ragged int32 `(B, None)`: the places of the known tags of each cell."""
        pieces = tf.strings.split(cells, self.separator)
        places = tf.ragged.map_flat_values(lambda piece: self.table.lookup(strip(piece)), pieces)
        return tf.ragged.boolean_mask(places, places >= 0)

    def encode(self, served):
        places = self._places(served[0])
        width = tf.maximum(tf.cast(tf.reduce_max(tf.concat([[0], places.row_lengths()], 0)), tf.int32), 1)
        value = tf.pad(places.to_tensor(-1) + 1, [[0, 0], [0, tf.maximum(0, width - tf.shape(places.to_tensor())[1])]])
        mask = tf.sequence_mask(places.row_lengths(), width)
        return tf.ensure_shape(value[:, :width], (None, None)), mask, tf.zeros_like(served[0], tf.bool)

    def encode_target(self, cells, context):
        places = self._places(cells[0])
        hot = tf.reduce_max(tf.one_hot(places.to_tensor(-1), len(self.classes)), axis=1)
        hot = tf.ensure_shape(tf.maximum(hot, 0.0), (None, len(self.classes)))
        present = strip(cells[0]) != ""
        return hot, tf.cast(present, tf.float32), tf.zeros_like(present)

    def write(self, name, prediction):
        chosen = prediction >= 0.5
        labels = tf.broadcast_to(tf.constant(self.classes), tf.shape(chosen))
        joined = tf.strings.reduce_join(tf.ragged.boolean_mask(labels, chosen), axis=1, separator=self.separator)
        return {name: joined, f"{name}_probabilities": prediction}

    def spec(self):
        return {"modality": "Tags", "shape": [None], "classes": self.classes}

    def get_config(self):
        config = {"separator": self.separator, "max_tags": self.max_tags, "min_count": self.min_count}
        return {**super().get_config(), **config}
