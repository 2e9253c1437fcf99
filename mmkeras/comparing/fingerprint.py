"""Short digests that tell whether a result still belongs to its data and options."""

import hashlib
import json

import keras

from data_pipelines.batches.row_digest import rows_digest


def of_rows(pipe, rows):
    """Digest of all cells that a pipeline reads, and of size and time of the files they name."""
    parts = (*pipe.inputs.items(), *pipe.targets.items())
    media = {column: m.locate for name, m in parts if m.media for column in m.columns(name)}
    return rows_digest(rows, list(dict.fromkeys([*pipe.input_columns(), *pipe.target_columns()])), media)


def of_values(*values):
    """Digest of anything made of dicts, lists, texts, numbers and Keras layers."""
    text = json.dumps(values, sort_keys=True, default=_described)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def _described(value):
    return keras.saving.serialize_keras_object(value)
