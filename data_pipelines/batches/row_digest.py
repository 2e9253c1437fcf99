"""Short digests that tell whether what was made of rows still belongs to them."""

import hashlib
import json
import os

from data_pipelines.sources.source import WEIGHT


def rows_digest(rows, columns, media):
    """Digest of the cells of some columns, and of size and time of the files that they name.

    Args:
        rows: `Rows`.
        columns: sequence of str; `"_weight"` too.
        media: dict column → callable (cell, media root) → path, for columns whose cells name files.
    Returns:
        str, hexadecimal.
    """
    digest = hashlib.blake2b(digest_size=16)
    # Of prepared shards: what stood in the table, and the files that hold the media.
    names = {column: rows.source.key(column) if column != WEIGHT else WEIGHT for column in columns}
    for path in getattr(rows.source, "files", ()):
        digest.update(f"{path} {_stamp(path)}".encode())
    for cells in rows.chunks_with_paths(list(names.values()), media):
        for column in columns:
            if column == WEIGHT:
                digest.update(cells[column].tobytes())
                continue
            for cell in cells[names[column]]:
                digest.update(cell if isinstance(cell, bytes) else str(cell).encode("utf-8", "replace"))
                digest.update(b"\0")
                if column in media and isinstance(cell, str) and os.path.isfile(cell):
                    digest.update(_stamp(cell).encode())
    return digest.hexdigest()


def batches_digest(rows, columns, media, inputs, targets, *options):
    """Digest of all that decides what decoded rows hold: rows, files, modalities with what they learned, and options.

    Args:
        rows, columns, media: see `rows_digest`.
        inputs: dict name → modality.
        targets: dict name → modality.
        options: JSON-ready values.
    Returns:
        str, hexadecimal.
    """
    parts = [
        {name: [type(m).__name__, m.get_config(), m.state()] for name, m in part.items()} for part in (inputs, targets)
    ]
    text = json.dumps([rows_digest(rows, columns, media), *parts, *options], sort_keys=True, default=str)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def _stamp(path):
    found = os.stat(path)
    return f"{found.st_size} {found.st_mtime_ns}"
