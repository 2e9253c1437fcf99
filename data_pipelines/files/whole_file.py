"""Files that a later call believes: whole, or as they were before."""

import contextlib
import json
import os
import secrets
import stat

MODES = ("w", "wb")


@contextlib.contextmanager
def whole_file(path, mode="w", newline=None, errors=None):
    """Opens a file to write, which stands under its path only once it is whole.

    It is written under another name in the same folder, flushed to the disk and renamed at the end. Where the block
    raises, it is removed, and what stood under the path before stays. A file that is there keeps its permissions; of a
    link, the file that it leads to is replaced. A device or a pipe, such as `/dev/stdout`, is written to directly.

    Args:
        path: of the file; its folder must exist.
        mode: `"w"`, UTF-8 text, or `"wb"`, bytes. Defaults to `"w"`.
        newline, errors: as in `open`. Default to `None`.
    Yields:
        the open file.
    Raises:
        ValueError: another mode, or the path of a folder.
        FileNotFoundError: the folder is not there.
    Example:
        >>> with whole_file("answers.csv") as file:
        ...     file.write("kind\\ncat\\n")
    """
    if mode not in MODES:
        raise ValueError(f"whole_file: mode must be one of {MODES}. Received: mode={mode!r}. Do: mode='w'.")
    place, is_special = _checked(path)
    options = {"encoding": "utf-8", "newline": newline, "errors": errors} if mode == "w" else {}
    if is_special:
        with open(place, mode, **options) as file:
            yield file
        return
    folder, name = os.path.split(place)
    unfinished = os.path.join(folder, f".{name[:40]}.{secrets.token_hex(4)}.part")
    try:
        with open(unfinished, mode.replace("w", "x"), **options) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if os.path.exists(place):
            os.chmod(unfinished, stat.S_IMODE(os.stat(place).st_mode))
        os.replace(unfinished, place)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.remove(unfinished)
        raise


def write_json(path, value, page=None):
    """Writes a value as readable JSON, whole, see `whole_file`.

    Args:
        path: of the file; its folder must exist.
        value: JSON-ready.
        page: path of a page that shows the value, or None. An older one is removed before the value takes its place:
            whenever the process ends, no page shows another value. Defaults to `None`.
    """
    with whole_file(path) as file:
        json.dump(value, file, ensure_ascii=False, indent=1)
        file.write("\n")
        file.flush()
        if page is not None:
            with contextlib.suppress(FileNotFoundError):
                os.remove(page)


def make_folder(who, path):
    """Makes a folder, and those above it, where it is not there; see `check_folder`."""
    check_folder(who, path)
    os.makedirs(path, exist_ok=True)


def check_folder(who, path):
    """Refuses a path that cannot become a folder.

    Args:
        who: str. What a message begins with.
        path: of the folder.
    Raises:
        ValueError: it, or what should be a folder above it, is a file.
    """
    place = os.path.abspath(path)
    while not os.path.lexists(place):
        place = os.path.dirname(place)
    if not os.path.isdir(place):
        raise ValueError(
            f"{who}: the output must be a folder, or not be there yet. Received: {os.fspath(path)!r}, where {place!r} "
            "is a file. Do: another name."
        )


def check_apart(who, path, needed):
    """Refuses to write to a file that is still read, also where links lead to it.

    Args:
        who: str. What a message begins with.
        path: of the file to write.
        needed: paths of files, and of folders, in which nothing may be written; those that are not there don't count.
    Raises:
        ValueError: the path is one of them or lies in one.
    """
    place = os.path.realpath(path)
    for other in filter(os.path.exists, map(os.fspath, needed)):
        same = os.path.exists(place) and os.path.samefile(place, other)
        within = os.path.isdir(other) and place.startswith(os.path.join(os.path.realpath(other), ""))
        if same or within:
            raise ValueError(
                f"{who}: the output must not take the place of what is read. "
                f"Received: output={os.fspath(path)!r}, which is {'in ' if within else ''}{other!r}. "
                "Do: another name."
            )


def _checked(path):
    """The path of the file itself, links followed, and whether it is a device or a pipe."""
    path = os.fspath(path)
    if os.path.isdir(path) or not os.path.basename(path):
        raise ValueError(
            f"whole_file: the path must be that of a file. Received: {path!r}, a folder. Do: name a file in it."
        )
    if os.path.exists(path) and not os.path.isfile(path):
        return path, True
    place = os.path.realpath(path)
    if not os.path.isdir(os.path.dirname(place)):
        raise FileNotFoundError(f"whole_file: the folder must exist. Received: {path!r}. Do: make the folder first.")
    return place, False
