"""Builds this folder, a small multimodal table with pictures, from a sheet of tiles and a table of facts.

    python build.py SOURCE_FOLDER OUTPUT_FOLDER

The drawings are the SVG files of Debian's package `openclipart-svg`, the Open Clip Art Library, which its authors
dedicated to the public domain. Each was rendered at 48×48 pixels, and its title, keywords, creator, editor and a few
counts of SVG elements were read from the file. SOURCE_FOLDER holds the result of that:

    sheet.png        tiles of 48×48, row-major, 47 a row, one palette of 256 colours for all
    table.jsonl.gz   one JSON object a tile, in the order of the sheet

OUTPUT_FOLDER gets `table.csv` and `pictures/0001.png` and on: every tile as its own PNG, lossless relative to the
sheet. Rows are ordered by a hash of their name, because the source is sorted by category. Needs numpy and Pillow.
"""

import argparse
import csv
import gzip
import hashlib
import io
import json
from pathlib import Path

import numpy as np
from PIL import Image

TILE, TILES_A_ROW = 48, 47
Z_DEFAULT, Z_FILTERED, Z_RLE = 0, 1, 3  # zlib's strategies
NUMBERS = (
    "width",
    "height",
    "aspect",
    "bytes",
    "n_path",
    "n_group",
    "n_shape",
    "n_gradient",
    "n_color",
    "n_text",
    "n_stroke",
)
COLUMNS = ("picture", "title", *NUMBERS, "creator", "editor", "keywords", "category", "split")


def read_rows(path):
    """The facts of every tile, in the order of the sheet."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def read_tiles(path, count):
    """The first `count` tiles of the sheet, uint8 `(count, 48, 48, 3)`."""
    with Image.open(path) as sheet:
        pixels = np.asarray(sheet.convert("RGB"))
    tiles = pixels.reshape(-1, TILE, TILES_A_ROW, TILE, 3).swapaxes(1, 2).reshape(-1, TILE, TILE, 3)
    return tiles[:count]


def short_number(value):
    """6 significant digits, shortest form; "" for a missing value."""
    if value is None:
        return ""
    return repr(value if isinstance(value, int) else float(f"{value:.6g}")).removesuffix(".0")


def table_row(row, picture):
    """One line of `table.csv`. Only the title with class words masked goes in: the raw one gives the answer away."""
    return {
        "picture": picture,
        "title": row["title_text"],
        **{name: short_number(row[name]) for name in NUMBERS},
        "creator": row["creator"],
        "editor": row["editor"],
        "keywords": "|".join(row["keywords"]),
        "category": row["category"],
        "split": row["split"],
    }


def indexed(tile):
    """The tile as a palette image of exactly its own colours, the most frequent one first."""
    colours, index, counts = np.unique(tile.reshape(-1, 3), axis=0, return_inverse=True, return_counts=True)
    order = np.argsort(-counts, kind="stable")
    image = Image.fromarray(np.argsort(order)[index].reshape(TILE, TILE).astype("uint8"))
    image.putpalette(colours[order].tobytes())
    return image


def encode(image, strategy):
    """The image as PNG, at zlib's highest level with one of its strategies."""
    buffer = io.BytesIO()
    image.save(buffer, "PNG", optimize=True, compress_type=strategy)
    return buffer.getvalue()


def smallest_png(tile):
    """The shortest PNG found, checked to decode to exactly `tile`."""
    image = indexed(tile)
    png = min((encode(image, strategy) for strategy in (Z_DEFAULT, Z_FILTERED, Z_RLE)), key=len)
    if not np.array_equal(np.asarray(Image.open(io.BytesIO(png)).convert("RGB")), tile):
        raise RuntimeError("smallest_png: a tile must decode to the pixels it was made of. Do: try another Pillow.")
    return png


def build(source, output):
    """Writes `table.csv` and `pictures/` into the folder `output`; returns the rows written and their PNG bytes."""
    rows = read_rows(source / "table.jsonl.gz")
    pairs = zip(rows, read_tiles(source / "sheet.png", len(rows)), strict=True)
    pairs = sorted(pairs, key=lambda pair: hashlib.sha256(pair[0]["id"].encode()).digest())
    (output / "pictures").mkdir(parents=True, exist_ok=True)
    size = 0
    with open(output / "table.csv", "w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        table.writeheader()
        for number, (row, tile) in enumerate(pairs, start=1):
            picture = f"pictures/{number:04d}.png"
            size += (output / picture).write_bytes(smallest_png(tile))
            table.writerow(table_row(row, picture))
    return len(rows), size


def main():
    parser = argparse.ArgumentParser(description="Builds the clipart data set from a sheet of tiles and their table.")
    parser.add_argument("source", type=Path, metavar="SOURCE_FOLDER", help="holds sheet.png and table.jsonl.gz")
    parser.add_argument("output", type=Path, metavar="OUTPUT_FOLDER", help="gets table.csv and pictures/")
    arguments = parser.parse_args()
    count, size = build(arguments.source, arguments.output)
    print(f"{count} rows, {size} bytes of pictures")


if __name__ == "__main__":
    main()
