"""Where decoded rows are kept between epochs."""

import contextlib
import math
import os
import re
import shutil
import tempfile
import time

import keras

MEMORY_SHARE, DISK_SHARE, TIME_SHARE = 0.25, 0.5, 0.25
SAMPLE = 32
BYTES = 8  # of a value and its mask, at most
PREFIX = ".cache-"


@contextlib.contextmanager
def row_cache(pipe, parts, folder, cache=None, seconds=None):
    """Gives what `Pipeline.batches` takes for `cache`, and what was chosen.

    Files are in a folder of their own, which is gone afterwards: those that stayed would be read again by a training
    on other rows. Those of trainings that were killed go first.

    Args:
        cache: `"memory"`, `"disk"`, `"none"` or None: what `choose_cache` says. Defaults to `None`.
        seconds: float or None. What training has. Rows that take more than a quarter of it to decode are not kept,
            for training begins once all are in memory. Defaults to `None`: any time.
        pipe, parts, folder: see `choose_cache`.
    Yields:
        tuple (True, False or a path, dict of `"cache"` and `"cache_bytes"`).
    """
    needed = most_bytes(pipe, parts)
    if needed > memory_bytes():  # to look at rows takes a second or two
        needed = cache_bytes(pipe, parts)
    if cache is None and seconds is not None and _decoding(pipe, parts) > TIME_SHARE * seconds:
        cache = "none"
    cache = cache or choose_cache(needed, folder)
    facts = {"cache": cache, "cache_bytes": 0 if cache == "none" else int(needed)}
    if os.path.isdir(folder):
        _sweep(folder)
    if cache != "disk":
        yield cache == "memory", facts
        return
    os.makedirs(folder, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f"{PREFIX}{os.getpid()}-", dir=folder) as place:
        yield os.path.join(place, "cache"), facts


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


def most_bytes(pipe, parts):
    """How many bytes decoded rows take at most, by their shapes; infinitely many where a length has no end.

    Args:
        pipe: adapted `Pipeline`.
        parts: list of `Rows` that are kept.
    """
    if makes_targets(pipe):
        return math.inf
    values = row_values(pipe) + sum(
        2 + len(field.details.get("classes", ())) for field in pipe.spec["targets"].values()
    )
    return BYTES * values * sum(len(rows) for rows in parts)


def makes_targets(pipe):
    """Whether a target is generated, such as a text, a sound or a picture."""
    return any(field.label.as_input for field in pipe.spec["targets"].values())


def row_values(pipe):
    """How many values the inputs of a row hold at most; infinitely many where a length has no end."""
    values = 0.0
    for field in pipe.spec["inputs"].values():
        longest = field.longest or math.inf
        values += math.prod(longest if size is None else size for size in field.shape)
    return values


def cache_bytes(pipe, parts):
    """About how many bytes decoded rows take, by the first ones.

    Args:
        pipe: adapted `Pipeline`.
        parts: list of `Rows` that are kept.
    """
    sample = parts[0].take(SAMPLE)
    batch = next(iter(pipe.batches(sample, SAMPLE, on_bad="mask")))
    size = sum(part.numpy().nbytes for part in keras.tree.flatten(batch) if part.dtype.size) / max(1, len(sample))
    return int(size * sum(len(rows) for rows in parts))


def _decoding(pipe, parts):
    """About how many seconds it takes to decode all rows, by the first ones."""
    batches = iter(pipe.batches(parts[0].take(4 * SAMPLE), SAMPLE, on_bad="mask"))
    next(batches)  # waits for the graph to be traced as well
    begun = time.monotonic()
    drawn = sum(len(next(iter(x.values()))) for x, _, _ in batches)
    return (time.monotonic() - begun) / max(1, drawn) * sum(len(rows) for rows in parts)


def choose_cache(needed, folder):
    """In memory while all rows take a quarter of it, else on disk while they take half of what is free, else nowhere.

    Args:
        needed: int. Bytes that the rows take.
        folder: path. Where files may lie.
    Returns:
        `"memory"`, `"disk"` or `"none"`.
    """
    if needed <= memory_bytes():
        return "memory"
    existing = folder
    while not os.path.isdir(existing):
        existing = os.path.dirname(os.path.abspath(existing))
    return "disk" if needed <= DISK_SHARE * shutil.disk_usage(existing).free else "none"


def memory_bytes():
    """How many bytes rows may take in memory."""
    return MEMORY_SHARE * os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
