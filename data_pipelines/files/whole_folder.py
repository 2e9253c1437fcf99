"""Folders of files that belong together: all of them new, or all of them as they were before."""

import contextlib
import ctypes
import errno
import os
import secrets
import shutil
import stat

from data_pipelines.files.whole_file import check_folder, make_folder

EXCHANGE, HERE = 2, -100  # RENAME_EXCHANGE and AT_FDCWD of Linux


@contextlib.contextmanager
def whole_folder(who, path, last=None):
    """Makes a folder to write into, which stands under its path only once it is whole.

    The files are written into another folder beside it. A folder that holds nothing else than an older version of them
    is exchanged for it in one step of the file system. Where it holds other files, which stay, or where the system
    cannot exchange folders, the files are moved one after the other. Where the block raises, nothing has changed.

    Args:
        who: str. What a message begins with.
        path: of the folder; those above it are made.
        last: str or None. The file without which nobody takes the others for whole, such as `"saved_model.pb"`. Where
            files are moved one after the other, it goes first and comes last. Defaults to `None`.
    Yields:
        path of the folder to write into.
    Raises:
        ValueError: the path, or what should be a folder above it, is a file.
    Example:
        >>> with whole_folder("export", "saved_model/") as folder:
        ...     tf.saved_model.save(module, folder)
    """
    place = os.path.realpath(path)
    make_folder(who, os.path.dirname(place))
    check_folder(who, place)
    unfinished = os.path.join(os.path.dirname(place), f".{os.path.basename(place)[:40]}.{secrets.token_hex(4)}.part")
    os.mkdir(unfinished)
    try:
        yield unfinished
        settle_folder(unfinished, place, last)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def settle_folder(unfinished, place, last=None):
    """Puts a finished folder into the place of another, or of none; the other, or what is left of it, is removed.

    Args:
        unfinished: path of the folder, in the same file system.
        place: path of the other, links followed.
        last: see `whole_folder`.
    """
    _settle(unfinished, place, last)
    shutil.rmtree(unfinished, ignore_errors=True)


def link_file(source, target):
    """Gives a file another name as well: a copy where the file system has no links."""
    with contextlib.suppress(FileNotFoundError):
        os.remove(target)
    try:
        os.link(source, target)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS):
            raise
        shutil.copyfile(source, target)
        with open(target, "rb") as file:
            os.fsync(file.fileno())


def _settle(unfinished, place, last):
    if not os.path.exists(place):
        os.rename(unfinished, place)
        return
    os.chmod(unfinished, stat.S_IMODE(os.stat(place).st_mode))
    older = {name for name in os.listdir(place) if not name.endswith(".part")}  # of a process that was killed
    newer = set(os.listdir(unfinished))
    if older and older <= newer and not _is_current(place) and _exchange(unfinished, place):
        return
    if last in older:
        os.remove(os.path.join(place, last))
    for name in sorted(newer, key=lambda name: name == last):
        _replace(os.path.join(unfinished, name), os.path.join(place, name))


def _replace(source, target):
    if os.path.isdir(source) and os.path.isdir(target):
        shutil.rmtree(target)
    os.replace(source, target)


def _is_current(place):
    """Whether the process, and so the shell that started it, is in the folder, which must stay the same then."""
    try:
        current = os.path.realpath(os.getcwd())
    except FileNotFoundError:
        return False
    return os.path.commonpath([current, place]) == place


def _exchange(one, other):
    """Gives two folders the name of each other at once; False where the system cannot."""
    try:
        rename = ctypes.CDLL(None, use_errno=True).renameat2
    except (AttributeError, OSError, TypeError):
        return False
    return rename(HERE, os.fsencode(one), HERE, os.fsencode(other), EXCHANGE) == 0
