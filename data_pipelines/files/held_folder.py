"""Folders that one process at a time writes into."""

import contextlib
import errno
import os
import threading

from data_pipelines.files.whole_file import make_folder

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

HELD = (errno.EWOULDBLOCK, errno.EACCES)
_own = set()  # of (thread, folder) that are held


@contextlib.contextmanager
def held_folder(who, path):
    """Holds a folder, so that no other process begins to write into it.

    The system lets go of it as soon as the process ends, however that ends: there is no file that could stay behind.
    A thread may hold a folder again within. On file systems that hold nothing, nothing is held.

    Args:
        who: str. What a message begins with.
        path: of the folder, made if it is not there.
    Raises:
        ValueError: another process, or another thread, holds it; or the path is a file.
    Example:
        >>> with held_folder("run", "run/"):
        ...     model.fit(dataset)
    """
    make_folder(who, path)
    key = threading.get_ident(), os.path.realpath(path)
    if fcntl is None or key in _own:
        yield
        return
    folder = os.open(path, os.O_RDONLY)
    try:
        _hold(who, path, folder)
        _own.add(key)
        yield
    finally:
        _own.discard(key)
        os.close(folder)


def _hold(who, path, folder):
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in HELD:
            raise ValueError(
                f"{who}: one process at a time may write into a folder. Received: {os.fspath(path)!r}, into which "
                "another one is writing. Do: wait until it has ended, or name another folder."
            ) from error
