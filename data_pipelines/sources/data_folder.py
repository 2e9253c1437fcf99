"""Folders of files that are one table: what `datasets` saves to disk, and sharded exports."""

import json
import os
import re

ENDINGS = (".arrow", ".parquet")
SHARD = r"(.+?)-\d{3,}-of-\d{3,}\b.*"
SPLIT = r"(?:.*[-_.])?(train|training|val|valid|validation|dev|test|testing)(?:[-_.].*)?"


def files_in(folder):
    """The files of the table that lies in a folder, and the split that each belongs to.

    A `dataset_dict.json` names sub-folders, one a split; a `state.json` the files, in order; without them all `.arrow`
    or `.parquet` files count, by their names, and the splits are read off these, as in `train-00000-of-00002.parquet`.

    Args:
        folder: str.
    Returns:
        tuple (paths, splits): splits is None where there are not several.
    Raises:
        ValueError: the folder holds no such files, or fewer than it says.
    """
    listing = os.path.join(folder, "dataset_dict.json")
    if os.path.isfile(listing):
        parts = {split: _saved(os.path.join(folder, split)) for split in _json(listing, "splits")}
        return [path for paths in parts.values() for path in paths], [s for s, paths in parts.items() for _ in paths]
    paths = _saved(folder)
    splits = [_split_of(os.path.basename(path)) for path in paths]
    return paths, splits if None not in splits and len(set(splits)) > 1 else None


def _saved(folder):
    """The files of one split, in order."""
    state = os.path.join(folder, "state.json")
    if os.path.isfile(state):
        names = [entry["filename"] for entry in _json(state, "_data_files")]
    else:
        names = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
        names = next(filter(None, ([n for n in names if n.lower().endswith(end)] for end in ENDINGS)), [])
    if not names:
        raise ValueError(
            "read_table: a folder must hold the .arrow or .parquet files of a table. Received: none in "
            f"{folder!r}. Do: read_folder({folder!r}), if it holds a folder a class."
        )
    lacking = [name for name in names if not os.path.isfile(os.path.join(folder, name))]
    if lacking:
        raise ValueError(
            "read_table: a folder must hold all files that its state.json names. "
            f"Received: {folder!r} without {lacking[0]!r}. Do: copy the whole folder."
        )
    return [os.path.join(folder, name) for name in names]


def _json(path, key):
    try:
        with open(path, encoding="utf-8") as file:
            return json.load(file)[key]
    except (UnicodeDecodeError, json.JSONDecodeError, TypeError, KeyError) as error:
        raise ValueError(
            f"read_table: {path!r} must be JSON with {key!r}, as the datasets package writes it. Received: {error}. "
            "Do: save the data set again."
        ) from error


def _split_of(name):
    """The split that a file's name tells, or None."""
    stem = os.path.splitext(name)[0]
    found = re.fullmatch(SHARD, stem) or re.fullmatch(SPLIT, stem)
    return found[1] if found else None
