"""The mark of a run, which its files carry, so that files of two runs are told apart."""

import json
import os
import zipfile

import keras

NAMED = "mmkeras run "


def read_json(path):
    """Reads JSON; a file that is damaged is named."""
    try:
        with open(path, encoding="utf-8") as file:
            found = json.load(file)
    except (ValueError, RecursionError) as error:
        raise damaged(path, error) from error
    if not isinstance(found, dict):
        raise damaged(path, "it holds something else")
    return found


def mark_model(path, mark):
    """Notes the mark in a `.keras` file, as the comment of its archive, and has the file on the disk."""
    with zipfile.ZipFile(path, "a") as archive:
        archive.comment = (NAMED + mark).encode()
    with open(path, "rb") as file:
        os.fsync(file.fileno())


def read_mark(path):
    """The mark of a JSON or `.keras` file of a run; None where it has none, as those of older versions.

    Raises:
        ValueError: the file is damaged.
    """
    if path.endswith(".json"):
        mark = read_json(path).get("run")
        if not isinstance(mark, str | None):
            raise damaged(path, f"its run is {mark!r}")
        return mark
    try:
        with zipfile.ZipFile(path) as archive:
            comment = archive.comment.decode("utf-8", "replace")
    except zipfile.BadZipFile as error:
        raise damaged(path, error) from error
    return comment.removeprefix(NAMED) if comment.startswith(NAMED) else None


def require_whole(path):
    """Refuses a model or checkpoint that is not there, or not as it was written."""
    try:
        with zipfile.ZipFile(path) as archive:
            broken = archive.testzip()
    except (OSError, zipfile.BadZipFile, EOFError) as error:
        raise damaged(path, error) from error
    if broken:
        raise damaged(path, f"{broken} is not as it was written")


def damaged(path, reason):
    """The error about a file that cannot be what was written."""
    return ValueError(
        f"run: a file must be there and whole. Received: {os.fspath(path)!r} ({reason}). "
        "Do: put it back from a copy, or train anew: --overwrite, overwrite=True."
    )


def load_model(path):
    """Reads a `.keras` file, once it is known to be as it was written; Keras' safe mode stays on.

    Raises:
        ValueError: it is not, or Keras cannot read what is in it.
    """
    if os.path.exists(path):
        require_whole(path)
    try:
        return keras.models.load_model(path, safe_mode=True)
    except (OSError, KeyError, RecursionError, zipfile.BadZipFile) as error:
        if not os.path.exists(path):
            raise
        raise damaged(path, str(error).splitlines()[0] if str(error) else type(error).__name__) from error
