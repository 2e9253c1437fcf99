"""Files that are there whole or not at all."""

import contextlib
import os
import uuid


@contextlib.contextmanager
def whole_file(path, mode="w", encoding=None):
    """Opens a file that takes its place only when all of it is written.

    It is written under another name in the same folder, flushed to the disk, and renamed. After a failure what stood
    at the path stands there still.

    Args:
        path: where it shall stand.
        mode: `"w"` or `"wb"`. Defaults to `"w"`.
        encoding: as in `open`. Defaults to `None`.
    """
    part = f"{os.fspath(path)}.{uuid.uuid4().hex[:8]}.part"
    try:
        with open(part, mode, encoding=encoding) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.remove(part)
        raise
