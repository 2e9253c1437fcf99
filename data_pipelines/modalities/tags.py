"""Any number of labels out of a known set."""

import tensorflow as tf

from data_pipelines.cells.labels import canonical_table, count_labels, strip
from data_pipelines.cells.media_cells import is_longer, longer
from data_pipelines.field_spec import FieldSpec, LabelSpec
from data_pipelines.modalities.modality import Modality, modality


@modality
class Tags(Modality):
    """A set of labels, written in one cell; booleans and whole numbers have one writing each, as in `Category`.

    Args:
        separator: str, one character. What stands between labels. Defaults to `"|"`.
        max_tags: int > 0. Most tags kept, by frequency; others are left out. Defaults to `200`.
        min_count: int > 0. Tags seen less often in training rows are left out. Defaults to `2`.
        max_labels: int > 0. As an input, different known tags of a cell that are kept, the first ones, as `Text` keeps
            its first tokens; a target has all of its tags. Defaults to `200`.
        max_characters: int > 0. A cell of more is a bad cell: cut short it would be another set.
            Defaults to `100_000`.
        column: str or None. The table's column. Defaults to `None`: the modality's name.
    Batch:
        int32 `(B, T)` of tag numbers from 1, mask bool `(B, T)`; a tag that a cell repeats counts once. As a target:
        float32 `(B, K)` of 0 and 1; an empty cell is a missing label, weight 0; a cell of unknown tags only is all 0.
    Raises:
        ValueError: a separator of more than one character, numbers below 1, no tag in training rows.
    """

    as_target = True
    answers_too = ("_probabilities",)

    def __init__(self, separator="|", max_tags=200, min_count=2, max_labels=200, max_characters=100_000, column=None):
        super().__init__(column)
        if len(separator) != 1:
            raise ValueError(f"Tags: separator must be one character. Received: separator={separator!r}. Do: '|'.")
        if min(max_tags, min_count) < 1:
            raise ValueError(
                f"Tags: max_tags and min_count must be > 0. Received: max_tags={max_tags}, min_count={min_count}."
            )
        if min(max_labels, max_characters) < 1:
            raise ValueError(
                "Tags: max_labels and max_characters must be > 0. Received: "
                f"max_labels={max_labels}, max_characters={max_characters}. Do: leave them out."
            )
        self.separator = separator
        self.max_tags = int(max_tags)
        self.min_count = int(min_count)
        self.max_labels = int(max_labels)
        self.max_characters = int(max_characters)
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
        self.table, self.writing = canonical_table(self.classes)

    def parse(self, cells, context):
        return [cells[0]], tf.zeros_like(cells[0], tf.bool)

    def _places(self, cells):
        """(ragged int32 `(B, None)`: the places of the known tags of each cell, each once; bad bool `(B,)`)."""
        bad = is_longer(cells, self.max_characters)
        pieces = tf.strings.split(tf.where(bad, "", cells), self.separator)
        places = tf.cast(self.table.lookup(self.writing(strip(pieces.flat_values))), tf.int64)
        keys = pieces.value_rowids() * len(self.classes) + places
        keys = tf.unique(tf.boolean_mask(keys, places >= 0))[0]
        rows, places = keys // len(self.classes), tf.cast(keys % len(self.classes), tf.int32)
        return tf.RaggedTensor.from_value_rowids(places, rows, pieces.nrows()), bad

    def encode(self, served):
        places, bad = self._places(served[0])
        places = places[:, : self.max_labels]
        width = tf.maximum(tf.cast(tf.reduce_max(tf.concat([[0], places.row_lengths()], 0)), tf.int32), 1)
        value = (places + 1).to_tensor(0, shape=[None, self.max_labels])[:, :width]
        return tf.ensure_shape(value, (None, None)), tf.sequence_mask(places.row_lengths(), width), bad

    def unknown(self, cells, value, mask):
        return (strip(cells[0]) != "") & ~tf.reduce_any(mask, 1)

    def encode_target(self, cells, context):
        places, bad = self._places(cells[0])
        where = tf.stack([tf.cast(places.value_rowids(), tf.int32), places.flat_values], 1)
        shape = (tf.size(bad), len(self.classes))
        hot = tf.scatter_nd(where, tf.ones_like(places.flat_values, tf.float32), shape)
        present = (strip(cells[0]) != "") & ~bad
        return tf.ensure_shape(hot, (None, len(self.classes))), tf.cast(present, tf.float32), bad

    def write(self, name, prediction):
        chosen = prediction >= 0.5
        labels = tf.broadcast_to(tf.constant(self.classes), tf.shape(chosen))
        joined = tf.strings.reduce_join(tf.ragged.boolean_mask(labels, chosen), axis=1, separator=self.separator)
        return {name: joined, f"{name}_probabilities": prediction}

    def reason(self, cells, context):
        return longer(cells[0], self.max_characters, "max_characters") or super().reason(cells, context)

    def spec(self):
        return FieldSpec("Tags", (None,), "int32", (None,), self.most, details={"classes": self.classes})

    def label_spec(self):
        return LabelSpec((len(self.classes),))

    def get_config(self):
        config = {"separator": self.separator, "max_tags": self.max_tags, "min_count": self.min_count}
        bounds = {"max_labels": self.max_labels, "max_characters": self.max_characters}
        return {**super().get_config(), **config, **bounds}
