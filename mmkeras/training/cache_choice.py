"""Where decoded rows are kept between epochs."""

import contextlib
import os
import re
import shutil
import tempfile

import keras

MEMORY_SHARE, DISK_SHARE = 0.25, 0.5
SAMPLE = 32
PREFIX = ".cache-"


@contextlib.contextmanager
def row_cache(pipe, parts, folder):
    """What `choose_cache` says; files are in a folder of their own, which is gone afterwards.

    Files that stayed would be read again by a training on other rows. Those of trainings that were killed go first.
    """
    cache = choose_cache(pipe, parts, folder)
    if os.path.isdir(folder):
        _sweep(folder)
    if isinstance(cache, bool):
        yield cache
        return
    os.makedirs(folder, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f"{PREFIX}{os.getpid()}-", dir=folder) as place:
        yield os.path.join(place, os.path.basename(cache))


def _sweep(folder):
    """Removes what trainings left that were killed: those whose process is no more."""
    for name in os.listdir(folder):
        found = re.fullmatch(rf"{re.escape(PREFIX)}(?:(\d+)-)?\w+", name)
        if found and not (found[1] and _runs(int(found[1]))):
            shutil.rmtree(os.path.join(folder, name), ignore_errors=True)


def _runs(process):
    try:
        os.kill(process, 0)
    except OSError as error:
        return isinstance(error, PermissionError)
    return True


def choose_cache(pipe, parts, folder):
    """In memory while all rows take a quarter of it, else on disk while they take half of what is free, else nowhere.

    Args:
        pipe: adapted `Pipeline`.
        parts: list of `Rows` that are kept.
        folder: path. Where files may lie.
    Returns:
        True, a path, or False, as `Pipeline.batches` takes them for `cache`.
    """
    sample = parts[0].take(SAMPLE)
    batch = next(iter(pipe.batches(sample, SAMPLE, on_bad="mask")))
    size = sum(part.numpy().nbytes for part in keras.tree.flatten(batch) if part.dtype.size) / max(1, len(sample))
    needed = size * sum(len(rows) for rows in parts)
    if needed <= MEMORY_SHARE * os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"):
        return True
    existing = folder
    while not os.path.isdir(existing):
        existing = os.path.dirname(os.path.abspath(existing))
    if needed <= DISK_SHARE * shutil.disk_usage(existing).free:
        return os.path.join(folder, "cache")
    return False
