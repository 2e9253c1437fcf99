"""The small real sets that ship with the project, as ordinary files for the ordinary sources."""

import os

NAMES = ("clipart", "prompts")


def folder(name):
    """The folder of a bundled set: `table.csv`, its media and its licence.

    Args:
        name: `"clipart"` (drawings with titles and numbers → category) or `"prompts"` (recorded speech with transcripts
            in two languages; `pairs.csv` asks which transcript belongs to which recording).
    Raises:
        ValueError: another name.
    Example:
        >>> rows = read_table(folder("clipart") + "/table.csv")
    """
    if name not in NAMES:
        raise ValueError(f"datasets.folder: name must be one of {NAMES}. Received: name={name!r}. Do: 'clipart'.")
    return os.path.join(os.path.dirname(os.path.abspath(__file__)), name)
