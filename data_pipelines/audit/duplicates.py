"""Rows, files and texts that come again, above all in another split."""

import collections
import hashlib

from data_pipelines.audit.fingerprints import near_pairs
from data_pipelines.audit.opening import arrays

LISTED = 200
# Mean difference that two of a kind may have, as a share of their own spread.
FARTHEST = {"Image": 0.08, "Audio": 0.15}


def same_rows(table, order, splits):
    """Rows all of whose cells, files by their contents, are another's; where there are splits, in another split.

    Args:
        table: dict column → sequence of cells or digests, the split column left out.
        order: list of row numbers.
        splits: sequence of split names, or None.
    Returns:
        dict: `count` of such rows; `pairs`, the first of them as lists [row, the row that it repeats].
    """
    firsts = collections.defaultdict(dict)
    pairs = []
    for place, cells in enumerate(zip(*table.values(), strict=True)):
        where = splits[place] if splits is not None else ""
        known = firsts[_digest(cells)]
        other = next((row for split, row in known.items() if splits is None or split != where), None)
        if other is not None:
            pairs.append([order[place], other])
        known.setdefault(where, order[place])
    return {"count": len(pairs), "pairs": pairs[:LISTED]}


def same_contents(column, splits):
    """Pairs of rows of a media column that hold the same bytes, in different splits where there are splits.

    Args:
        column: `OpenedColumn`.
        splits: dict row → split, or None.
    Returns:
        list of (row, row, 0.0); a file that is named by many rows is one pair a split.
    """
    firsts, pairs = collections.defaultdict(dict), []
    for row, digest in zip(column.rows, column.digests, strict=True):
        if digest:
            known = firsts[digest]
            where = splits[row] if splits else ""
            pairs += [(other, row, 0.0) for split, other in known.items() if split != where and where not in known]
            known.setdefault(where, row)
    return pairs


def near_contents(column, kind):
    """Pairs of rows of a media column with different bytes that look or sound nearly the same.

    Args:
        column: `OpenedColumn`.
        kind: str. The column's modality.
    Returns:
        list of (row, row, distance), the closest first.
    """
    if kind not in FARTHEST or len(column.prints) < 2:
        return []
    rows, prints = zip(*column.prints.values(), strict=True)
    codes, sketches = arrays(prints)
    return [(rows[a], rows[b], gap) for a, b, gap in near_pairs(codes, sketches, FARTHEST[kind])]


def pairs_of(column, kind, splits):
    """All pairs of a media column, those across splits first.

    Returns:
        dict: `count`; `across`, how many lie in two splits; `pairs`, the first as dicts `rows`, `splits`, `distance`.
    """
    pairs = sorted(same_contents(column, splits) + near_contents(column, kind), key=lambda pair: pair[2])
    listed = [_described(pair, splits) for pair in pairs]
    across = [pair for pair in listed if len(set(pair["splits"])) > 1]
    within = [pair for pair in listed if len(set(pair["splits"])) < 2]
    return {"count": len(pairs), "across": len(across), "pairs": [*across, *within][:LISTED]}


def _described(pair, splits):
    rows = list(pair[:2])
    return {"rows": rows, "splits": [splits[row] for row in rows] if splits else [], "distance": round(pair[2], 3)}


def _digest(cells):
    parts = (cell if isinstance(cell, bytes) else str(cell).encode("utf-8") for cell in cells)
    return hashlib.blake2b(b"\x1f".join(parts), digest_size=16).digest()
