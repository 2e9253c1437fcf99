"""The folder that paths in cells start from, and the one that they may not leave."""

import os

OUTSIDE = "outside://"  # before a path that is refused: no file system has that scheme


class MediaRoot(str):
    """The folder that relative paths in cells start from, as text, that keeps all paths below a folder.

    Args:
        path: str.
        only_below: path of a folder. Paths that lead out of it, by `..`, from the root, through a link or by a scheme
            such as `file://`, are refused.
    Raises:
        ValueError: `only_below` is no folder.
    """

    def __new__(cls, path, only_below=None):
        if only_below is not None and not os.path.isdir(only_below):
            raise ValueError(
                f"read_table: only_below must be a folder. Received: {os.fspath(only_below)!r}. Do: check the path."
            )
        root = super().__new__(cls, path)
        root.only_below = None if only_below is None else os.path.realpath(only_below)
        return root


def lies_below(path, folder):
    """Whether a path leads to something in a folder, whose own path has no links in it."""
    if "://" in path or "\0" in path:
        return False
    return os.path.realpath(path).startswith(os.path.join(folder, ""))
