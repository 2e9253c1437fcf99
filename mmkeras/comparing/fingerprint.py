"""Short digests that tell whether a result still belongs to its data and options."""

import hashlib
import json
import os

import keras


def of_rows(pipe, rows):
    """Digest of all cells that a pipeline reads, and of size and time of the files they name."""
    digest = hashlib.blake2b(digest_size=16)
    parts = (*pipe.inputs.items(), *pipe.targets.items())
    media = {column: m.locate for name, m in parts if m.media for column in m.columns(name)}
    columns = list(dict.fromkeys([*pipe.input_columns(), *pipe.target_columns()]))
    for cells in rows.chunks_with_paths(columns, media):
        for column in columns:
            for cell in cells[column]:
                digest.update(cell if isinstance(cell, bytes) else str(cell).encode("utf-8", "replace"))
                digest.update(b"\0")
                if column in media and isinstance(cell, str) and os.path.isfile(cell):
                    found = os.stat(cell)
                    digest.update(f"{found.st_size} {found.st_mtime_ns}".encode())
    return digest.hexdigest()


def of_values(*values):
    """Digest of anything made of dicts, lists, texts, numbers and Keras layers."""
    text = json.dumps(values, sort_keys=True, default=_described)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def _described(value):
    return keras.saving.serialize_keras_object(value)
