"""A folder for each class, files inside."""

import os

from data_pipelines.sources.rows import Rows
from data_pipelines.sources.source import CHUNK, Source
from data_pipelines.sources.written import cells_of


def read_folder(folder):
    """Opens a folder of folders as a table with the columns `file` and `label`, in alphabetical order.

    Args:
        folder: path. Its sub-folders are the classes; their files, at any depth, are the rows. Hidden ones are skipped.
    Returns:
        `Rows`.
    Raises:
        ValueError: no such folder, or no file in a sub-folder.
    Example:
        >>> rows = read_folder("flowers/")   # flowers/rose/1.jpg, flowers/tulip/2.jpg …
    """
    root = os.fspath(folder)
    if not os.path.isdir(root):
        raise ValueError(f"read_folder: the folder must exist. Received: {root!r}. Do: check the path.")
    files = []
    for label in sorted(os.listdir(root)):
        if label.startswith(".") or not os.path.isdir(os.path.join(root, label)):
            continue
        for place, folders, names in os.walk(os.path.join(root, label)):
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            files += [
                (os.path.relpath(os.path.join(place, name), root), label)
                for name in sorted(names)
                if not name.startswith(".")
            ]
    if not files:
        raise ValueError(
            f"read_folder: there must be files in folders named after classes. Received: none in {root!r}."
        )

    def read():
        for start in range(0, len(files), CHUNK):
            paths, labels = zip(*files[start : start + CHUNK], strict=True)
            yield {"file": cells_of(paths), "label": cells_of(labels)}

    return Rows(Source(os.path.basename(root.rstrip("/")), ("file", "label"), read, root))
