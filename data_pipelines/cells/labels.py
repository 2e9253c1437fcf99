"""Labels as cells write them: counted, stripped, and in one writing where tables have several."""

import re

import numpy as np
import tensorflow as tf

SPACE = r"[\s\x0b\x1c-\x1f\x{85}\p{Z}]"
BOOLEAN = "(?i:true|false)"
WHOLE = r"^(-?(?:0|[1-9][0-9]*))\.0*$"
AS_BITS = {"true": "1", "false": "0"}


def canonical_label(label):
    """The one writing of a label without white space around it: booleans in small letters, whole numbers without zeros.

    What has a meaning of its own as text stays: leading zeros, exponents, the zeros of a fraction.

    Example:
        >>> [canonical_label(label) for label in ("True", "3.0", "3", "007", "1e3", "3.10")]
        ['true', '3', '3', '007', '1e3', '3.10']
    """
    return label.lower() if re.fullmatch(BOOLEAN, label) else re.sub(WHOLE, r"\1", label)


def canonical_labels(cells):
    """The same for a string tensor, in plain TensorFlow ops."""
    cells = tf.where(tf.strings.regex_full_match(cells, BOOLEAN), tf.strings.lower(cells), cells)
    return tf.strings.regex_replace(cells, WHOLE, r"\1")


def count_labels(chunks, labels_of):
    """Counts the labels in chunks of cells, empty ones left out: dict label → number.

    Those of one canonical writing are one label, called as it is written most often.
    """
    counts = {}
    for (column,) in chunks:
        for cell in labels_of(column):
            label = label_of(cell, "strict")
            if label:
                counts[label] = counts.get(label, 0) + 1
    writings = {}
    for label in sorted(counts):
        writings.setdefault(canonical_label(label), []).append(label)
    return {max(same, key=counts.get): sum(map(counts.get, same)) for same in writings.values()}


def label_of(cell, errors="replace"):
    """The label that a cell, `str` or bytes, writes."""
    return (cell.decode("utf-8", errors) if isinstance(cell, bytes) else str(cell)).strip()


def strip(cells):
    """Cells without white space around them, just what `str.strip` takes away: U+3000 too, as in Japanese tables."""
    return tf.strings.regex_replace(cells, f"^{SPACE}+|{SPACE}+$", "")


def label_table(labels):
    """A lookup table, label → its place, −1 for any other."""
    return _table({label: place for place, label in enumerate(labels)})


def canonical_table(labels):
    """A lookup table, canonical writing → the label's place, and the op that gives the writing of stripped cells.

    Where the labels are booleans, 1 and 0 are others of their writings, and the other way round.
    """
    places = {canonical_label(label): place for place, label in enumerate(labels)}
    if len(places) < len(labels):  # learned when every writing was a label of its own
        return label_table(labels), tf.identity
    if places and (places.keys() <= AS_BITS.keys() or places.keys() == set(AS_BITS.values())):
        for word, bit in AS_BITS.items():
            known = [places[writing] for writing in (word, bit) if writing in places]
            places |= {writing: place for writing in (word, bit) for place in known}
    return _table(places), canonical_labels


def _table(places):
    keys = tf.constant(np.array([label.encode("utf-8") for label in places] or [b"\0"], object))
    values = tf.constant(list(places.values()) or [-1], tf.int32)
    return tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(keys, values), -1)
