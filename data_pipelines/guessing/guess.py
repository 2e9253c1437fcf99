"""Guesses what each column of a table is."""

import collections
import math
import os
import re

import numpy as np

from data_pipelines.cells.media_cells import full_path
from data_pipelines.cells.number_text import DECIMALS, DIGITS, MISSING, WRITTEN
from data_pipelines.formats.graph_text import graph_size
from data_pipelines.formats.probe import probe_array, probe_image, probe_sound, probe_video
from data_pipelines.guessing.split_column import names_parts, part_of
from data_pipelines.modalities import from_config

SAMPLE = 5000
PROBED = 40
FEW = 20  # values that a column of labels has
MOSTLY, PARTLY = 0.95, 0.8  # shares of numbers in a column of numbers, and in one with words among them
SKEWED = 1.0  # skewness of a target from which its logarithm may be what is learned
DATE = r"\s*(\d{4}\s*[-/.年]|\d{1,2}[-/.]\d{1,2}[-/.]\d{2})"  # what dates begin with
MEDIA = {
    "Image": (".png", ".jpg", ".jpeg", ".gif", ".bmp", ".webp"),
    "TimeSeries": (".npy", ".npz", ".csv", ".tsv"),
    "Video": (".mp4", ".webm", ".mkv", ".mov", ".avi", ".m4v", ".mpg", ".mpeg", ".wmv", ".flv"),
    "Audio": (".wav", ".flac", ".mp3", ".ogg", ".opus"),
}
# What columns are called that number the rows.
ROW_NUMBER = r"(?i)(.*[\W_])?(id|idx|index|no|nr|number|row|rownames|unnamed: 0|序号|编号|行号)\s*|"
# Four separators or more with numbers between them. Each character has one part to play, or a text could take for ever.
SERIES = rf"(?:{DIGITS}|nan|null)?(?:[\s,;|\[\]](?:{DIGITS}|nan|null)?){{4,}}"


class Guess:
    """What a column seems to be.

    Attributes:
        kind: str. A modality's name, or `"split"`, `"identifier"`, `"constant"`, `"empty"`.
        why: str. The reason, for people.
        missing: float in [0, 1]. Share of empty cells in the sample.
        distinct: int. Different values in the sample.
        config: dict. A modality's config, fitted to the sample. Of an identifier, the modality that it is where it
            shall be an input all the same, by default Text. Empty for the other kinds.
    """

    def __init__(self, kind, why, missing, distinct, config=None):
        self.kind = kind
        self.why = why
        self.missing = missing
        self.distinct = distinct
        self.config = dict(config or {})

    def modality(self, column):
        """A modality for the column."""
        return from_config({"modality": self.kind, **self.config, "column": column})


def guess_columns(rows, targets=()):
    """Guesses every column from the first rows.

    Args:
        rows: `Rows`.
        targets: names of columns to be predicted; few whole numbers are classes there.
    Returns:
        dict column → `Guess`.
    """
    sample = rows.take(SAMPLE)
    return {column: _guess_column(column, sample, column in targets) for column in rows.columns}


def _guess_column(column, sample, is_target):
    prepared = sample.source.media.get(column)
    if prepared is None:
        return _guess(column, sample.values(column), sample, is_target)
    filled = [cell for cell in sample.keys(column) if cell.strip()]
    missing = 1 - len(filled) / max(1, len(sample))
    return Guess(prepared["modality"], "the shards were prepared for it", missing, len(set(filled)), prepared)


def _guess(column, cells, rows, is_target):
    is_bytes = column in rows.source.bytes_columns
    filled = [cell for cell in cells if (cell if is_bytes else str(cell).strip())]
    missing = 1 - len(filled) / max(1, len(cells))
    distinct = len(set(filled))
    root = rows.source.media_root

    def guess(kind, why, **config):
        return Guess(kind, why, missing, distinct, config)

    if not filled:
        return guess("empty", "no cell has a value")
    media = _media_kind(filled, is_bytes)
    if media:
        return guess(
            media,
            f"cells {'hold' if is_bytes else 'name'} files of that kind",
            **_media_config(media, filled, is_bytes, root),
        )
    if distinct == 1:
        return guess("constant", f"every cell says {str(filled[0])[:30]!r}")
    if not is_target and (all(map(part_of, set(filled))) or names_parts(collections.Counter(filled))):
        return guess("split", f"cells say {', '.join(sorted(set(filled)))}")
    written = [str(cell) for cell in filled]
    if not is_target and distinct == len(written) > FEW and _numbers_rows(column, written):
        why = "each row has another whole number, and the name says that they count rows"
        return guess("identifier", why, modality="Number")
    return _guess_written(written, missing, distinct, is_target)


def _guess_written(filled, missing, distinct, is_target):
    """Guesses a column of numbers, labels, tags or texts."""

    def guess(kind, why, **config):
        return Guess(kind, why, missing, distinct, config)

    numeric = np.mean([bool(re.fullmatch(WRITTEN, cell) or re.fullmatch(MISSING, cell)) for cell in filled])
    if numeric >= MOSTLY:
        whole = all(re.fullmatch(r"\s*[+-]?\d+(\.0*)?\s*", cell) for cell in filled)
        if is_target and whole and distinct <= FEW:
            return guess("Category", f"{distinct} different whole numbers")
        why = f"{numeric:.0%} of the cells are numbers"
        if is_target and _is_skewed(filled):
            return guess("Number", f"{why}, a few of them far larger than most", scaling="log")
        return guess("Number", why)
    series = np.mean([bool(re.fullmatch(SERIES, cell)) for cell in filled])
    if series >= 0.9:
        return guess("TimeSeries", f"{series:.0%} of the cells are series of numbers")
    written = None if is_target and distinct <= FEW else _number_config(filled, distinct)
    if written:
        return guess("Number", written[0], **written[1])
    sizes = [graph_size(cell) for cell in filled]
    drawn = np.mean([size is not None for size in sizes])
    if drawn >= 0.5:
        return guess("Graph", f"{drawn:.0%} of the cells are nodes and edges", max_nodes=_room(sizes))
    listed = np.mean(["|" in cell for cell in filled])
    if listed >= 0.2:
        return guess("Tags", f"{listed:.0%} of the cells are lists joined by '|'")
    words = np.mean([len(cell.split()) for cell in filled])
    unspaced = np.mean(
        [bool(re.search(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u9fff\uac00-\ud7af]", c)) for c in filled]
    )
    share = distinct / len(filled)
    said = words >= 3 or (unspaced >= 0.5 and np.mean([len(cell) for cell in filled]) >= 6)
    if is_target and share > 0.5 and said:
        return guess("Text", f"{words:.0f} words a cell, {distinct} different", max_tokens=_longest(filled))
    if not is_target and any(map(re.compile(DATE).match, filled[:PROBED])):
        dates = from_config({"modality": "DateTime"}).share(filled)
        if dates >= MOSTLY:
            return guess("DateTime", f"{dates:.0%} of the cells are dates", **({"on_bad": "mask"} if dates < 1 else {}))
    if is_target or distinct <= FEW or (share < 0.1 and words < 4):
        return guess("Category", f"{distinct} different values in {len(filled)} cells")
    if (
        words < 1.05
        and unspaced < 0.1
        and share > 0.4
        and np.mean([bool(re.search(r"[\d_\-/.]", c)) for c in filled]) > 0.6
    ):
        return guess("identifier", f"{distinct} different names without spaces")
    if share < 0.35 and words < 4 and unspaced < 0.5:
        return guess("Category", f"{distinct} short values that come back", min_count=2)
    return guess("Text", f"{words:.0f} words a cell, {distinct} different", max_tokens=_usual_length(filled))


def _numbers_rows(column, filled):
    """Whether a column of different values numbers rows, by its name and its whole numbers."""
    return re.fullmatch(ROW_NUMBER, column) is not None and all(re.fullmatch(r"\s*\d+\s*", cell) for cell in filled)


def _is_skewed(filled):
    """Whether positive numbers, such as prices, lie much more evenly by their logarithm."""
    values = np.array([float(cell) for cell in filled if re.fullmatch(WRITTEN, cell)])
    values = values[np.isfinite(values)]
    if len(values) < FEW or values.min() <= 0:
        return False
    plain, logs = (_skewness(numbers) for numbers in (values, np.log(values)))
    return plain > SKEWED and abs(logs) < plain / 2


def _skewness(values):
    deviation = values.std()
    return float((((values - values.mean()) / deviation) ** 3).mean()) if deviation > 0 else 0.0


def _number_config(filled, distinct):
    """(why, config) of a column of numbers that are written for people, or with words among them; None of others."""
    decimal = _decimal(filled)
    pattern = DECIMALS.get(decimal, WRITTEN)
    others = [cell for cell in filled if not re.fullmatch(rf"{pattern}|{MISSING}", cell)]
    share = 1 - len(others) / len(filled)
    shape = {} if decimal is None else {"decimal": decimal}
    form = "" if decimal is None else f", written as in {next(c for c in filled if c not in others)!r}"
    if share >= MOSTLY:
        return f"{share:.0%} of the cells are numbers{form}", shape
    if share >= PARTLY and distinct > FEW:
        why = f"{share:.0%} of the cells are numbers{form}; the others, such as {others[0][:30]!r}, count as absent"
        return why, {**shape, "on_bad": "mask"}
    return None


def _decimal(filled):
    """What stands before the fractions of numbers that are not plain: a point, a comma, or None if it is not sure."""
    points, commas = (np.array([bool(re.fullmatch(p, cell)) for cell in filled]) for p in DECIMALS.values())
    plain = np.array([bool(re.fullmatch(WRITTEN, cell)) for cell in filled])
    if plain.sum() >= PARTLY * len(filled) or (points | commas).mean() < PARTLY:
        return None
    doubtful = np.array([bool(re.search(r"\d,\d{3}(?!\d)", cell)) for cell in filled])
    found = {".": (points & ~commas).sum(), ",": (commas & ~points).sum()}
    decimal, other = sorted(found, key=found.get, reverse=True)
    if not found[decimal]:
        return None if (points & commas & doubtful).any() else "."
    return decimal if found[decimal] > 0.05 * len(filled) and not found[other] else None


def _longest(filled):
    """Tokens that a text to be said may have: the longest met and some more."""
    tokens = max(from_config({"modality": "Text"}).lengths(filled))
    return max(8, 8 * math.ceil(tokens * 1.25 / 8))


def _usual_length(filled):
    """Tokens that 98 of 100 texts have room in, between 32 and 512."""
    lengths = from_config({"modality": "Text"}).lengths(filled)
    return int(np.clip(8 * math.ceil(np.quantile(lengths, 0.98) / 8), 32, 512))


def _room(sizes):
    """Places for the largest graph and some more, since one that is larger is a bad cell."""
    largest = max(size for size in sizes if size is not None)
    return max(8, 8 * math.ceil(largest * 1.25 / 8))


def _media_kind(filled, is_bytes):
    if is_bytes:
        if np.mean([probe_video(cell) for cell in filled[:PROBED]]) >= 0.5:
            return "Video"
        shapes = [probe_array(cell) for cell in filled[:PROBED]]
        if np.mean([shape is not None for shape in shapes]) >= 0.5:
            return "Video" if {len(shape) for shape in shapes if shape is not None} == {4} else "TimeSeries"
        probes = {"Image": probe_image, "Audio": probe_sound}
        for kind, probe in probes.items():
            if np.mean([probe(cell) is not None for cell in filled[:PROBED]]) >= 0.5:
                return kind
        return None
    for kind, endings in MEDIA.items():
        if np.mean([str(cell).lower().endswith(endings) for cell in filled]) >= 0.5:
            return kind
    return None


def _media_config(kind, filled, is_bytes, root):
    """Sizes that suit the first files that can be opened."""
    if kind in ("TimeSeries", "Video"):
        return {}
    step = max(1, len(filled) // PROBED)
    probe = probe_image if kind == "Image" else probe_sound
    facts = [
        fact
        for fact in (probe(cell if is_bytes else _bytes(full_path(cell, root))) for cell in filled[::step][:PROBED])
        if fact
    ]
    if not facts:
        return {}
    if kind == "Image":
        side = int(np.median([max(height, width) for height, width in facts]))
        return {"size": max(16, min(64, 8 * round(side / 8)))}
    rates, seconds = zip(*facts, strict=True)
    return {"sample_rate": int(min(16000, max(rates))), "seconds": float(np.ceil(min(30.0, max(seconds))))}


def _bytes(path):
    if not os.path.isfile(path):
        return b""
    with open(path, "rb") as file:
        return file.read()
