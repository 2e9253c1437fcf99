"""One label out of a known set."""

import numpy as np
import tensorflow as tf

from data_pipelines.cells.labels import canonical_label, canonical_table, count_labels, label_of, strip
from data_pipelines.field_spec import FieldSpec, LabelSpec
from data_pipelines.modalities.modality import Modality, modality


@modality
class Category(Modality):
    """A label: one of the K classes seen in training rows.

    Tables write the same value in several ways: a boolean is `True`, `true` or `TRUE`, a whole number `3` or `3.0`.
    Such writings are one label, called as most training rows call it; where the classes are booleans, `1` and `0` are
    labels of theirs too, and the other way round. All other text is what it is: `007`, `1e3` and `3.10` are not `7`,
    `1000` and `3.1`.

    Args:
        max_classes: int > 1. Most classes kept, by frequency; as an input, rarer ones count as unknown.
            Defaults to `1000`.
        min_count: int > 0. As an input, labels seen less often count as unknown. Defaults to `1`.
        column: str or None. The table's column. Defaults to `None`: the modality's name.
    Batch:
        int32 `(B,)`, mask bool `(B,)`; 0 = a label that was not seen in training. As a target: class index 0 … K−1.
    Raises:
        ValueError: numbers out of range; as a target, fewer than two classes or more than `max_classes`.
    """

    as_target = True
    answers_too = ("_probabilities", "_probability")

    def __init__(self, max_classes=1000, min_count=1, column=None):
        super().__init__(column)
        if max_classes < 2 or min_count < 1:
            raise ValueError(
                "Category: max_classes must be > 1 and min_count > 0. Received: "
                f"max_classes={max_classes}, min_count={min_count}. Do: leave them out."
            )
        self.max_classes = int(max_classes)
        self.min_count = int(min_count)
        self.classes = None

    def adapt(self, chunks):
        counts = count_labels(chunks, lambda column: column)
        frequent = sorted((-n, label) for label, n in counts.items() if n >= self.min_count)
        self.set_state(
            {
                "classes": sorted(label for _, label in frequent[: self.max_classes]),
                "counts": counts,
            }
        )

    def check_target(self, name):
        """Refuses classes that nothing can be learned from.

        Raises:
            ValueError: fewer than two classes, or more than `max_classes`.
        """
        if len(self.counts) < 2:
            raise ValueError(
                f'Category "{name}": a target must have at least two classes in training rows. '
                f"Received: classes={sorted(self.counts)}. Do: choose another target, or rows that have both."
            )
        if len(self.counts) > self.max_classes:
            raise ValueError(
                f'Category "{name}": a target must have at most max_classes classes. Received: {len(self.counts)} '
                f"classes, max_classes={self.max_classes}. Do: raise max_classes, or make it a Number or Text."
            )

    def state(self):
        return {"classes": self.classes, "counts": self.counts}

    def set_state(self, state):
        self.classes, self.counts = list(state["classes"]), dict(state["counts"])
        self.table, self.writing = canonical_table(self.classes)

    def parse(self, cells, context):
        return [strip(cells[0])], tf.zeros_like(cells[0], tf.bool)

    def encode(self, served):
        cells = strip(served[0])
        return self._lookup(cells) + 1, cells != "", tf.zeros_like(cells, tf.bool)

    def _lookup(self, cells):
        return self.table.lookup(self.writing(cells))

    def unknown(self, cells, value, mask):
        return mask & (value == 0)

    def is_new(self, cells):
        return not self._is_counted(cells[0])

    def _is_counted(self, cell):
        return canonical_label(label_of(cell)) in {canonical_label(label) for label in self.counts}

    def encode_target(self, cells, context):
        (label,), _ = self.parse(cells, context)
        index = self._lookup(label)
        known = index >= 0
        return tf.maximum(index, 0), tf.cast(known, tf.float32), (label != "") & ~known

    def class_weights(self):
        """Weights that give every class the same total, mean 1 over training rows, in the order of `classes`."""
        counts = np.array([self.counts[label] for label in self.classes], "float64")
        return (counts.sum() / len(counts) / counts).astype("float32")

    def write(self, name, prediction):
        labels = tf.constant(self.classes)
        return {name: tf.gather(labels, tf.argmax(prediction, -1)), f"{name}_probabilities": prediction}

    def reason(self, cells, context):
        label = cells[0].decode("utf-8", "replace")
        if self._is_counted(cells[0]):
            return f"{label!r} is too rare in the training rows for min_count={self.min_count}"
        return f"{label!r} is none of the {len(self.classes)} classes of the training rows"

    def spec(self):
        return FieldSpec("Category", (), "int32", details={"classes": self.classes})

    def label_spec(self):
        return LabelSpec((), "int32")

    def get_config(self):
        return {**super().get_config(), "max_classes": self.max_classes, "min_count": self.min_count}
