"""Tables: csv, tsv, jsonl, parquet, arrow and pandas DataFrames, streamed."""

import functools
import os

from data_pipelines.cells.media_root import MediaRoot
from data_pipelines.sources.arrow import read_arrow
from data_pipelines.sources.data_folder import files_in
from data_pipelines.sources.delimited import read_delimited
from data_pipelines.sources.frame import read_frame
from data_pipelines.sources.json_lines import read_json_lines
from data_pipelines.sources.shards import is_shards, read_shards

TEXTS = {
    ".csv": functools.partial(read_delimited, delimiter=","),
    ".tsv": functools.partial(read_delimited, delimiter="\t"),
    ".jsonl": read_json_lines,
    ".ndjson": read_json_lines,
}
ARROWS = (".parquet", ".arrow", ".feather")


def read_table(table, media_root=None, encoding=None, header=None, only_below=None):
    """Opens a table lazily.

    Args:
        table: path of a `.csv`, `.tsv`, `.jsonl`/`.ndjson`, `.parquet` or `.arrow`/`.feather` file, of a folder of
            shards, of one of parquet files or of one that the `datasets` package saved (`save_to_disk`), a list of
            paths of parquet or arrow files, or a pandas DataFrame. A csv or tsv has a header line. Lists become
            texts joined by `|`; `None`, NaN and NA become empty cells; numbers of classes become their names where
            `datasets` wrote them. The splits of a folder stand in a column `split`.
        media_root: path or None. The folder that relative paths in cells start from. Defaults to `None`: the folder
            of the file; the current one for a DataFrame.
        encoding: str or None. How a csv, tsv or jsonl is encoded, such as `"gb18030"`. Defaults to `None`: UTF-8.
        header: True or None. True: the first line of a csv or tsv names the columns, though some of its cells are
            numbers, such as years. Defaults to `None`: such a line is refused, since it could be a row.
        only_below: path of a folder or None. Cells may name files in it alone: one that leads out of it, by `..`, from
            the root of the file system, through a link or by a scheme such as `file://`, is a bad cell. For tables of
            people whom you don't know. Defaults to `None`: any file that can be read.
    Returns:
        `Rows`.
    Raises:
        ValueError: an unknown ending or encoding, an empty table, one without a header, or a cell or line that cannot
            be read.
        FileNotFoundError: there is no such file.
        ImportError: parquet or arrow without pyarrow.
    Example:
        >>> rows = read_table("pets.csv")
        >>> train, test = rows.split(0.8, 0.2, by="owner")
    """
    root = functools.partial(_root, media_root=media_root, only_below=only_below)
    if hasattr(table, "iloc") and hasattr(table, "columns"):
        return read_frame(table, root("frame"))
    if isinstance(table, list | tuple):
        paths = [_existing(path) for path in table]
        if not paths or not all(path.lower().endswith(ARROWS) for path in paths):
            raise ValueError(
                f"read_table: several files must be parquet or arrow files. Received: {paths[:4]}. Do: read them apart."
            )
        return read_arrow(paths, root(paths[0]), os.path.basename(paths[0]))
    path = _existing(table)
    if is_shards(path):
        return read_shards(path)
    if os.path.isdir(path):
        paths, splits = files_in(path)
        return read_arrow(paths, root(os.path.join(path, "")), os.path.basename(path.rstrip(os.sep)), splits)
    ending = os.path.splitext(path)[1].lower()
    if ending in TEXTS:
        options = {"header": header} if ending in (".csv", ".tsv") else {}
        return TEXTS[ending](path, root(path), encoding=encoding, **options)
    if encoding is not None or ending not in ARROWS:
        _refuse(path, encoding, ending)
    return read_arrow([path], root(path), os.path.basename(path))


def _existing(table):
    path = os.fspath(table)
    if not os.path.exists(path):
        raise FileNotFoundError(
            f"read_table: the table must be a file that exists. Received: {path!r}. Do: check the path."
        )
    return path


def _root(path, media_root, only_below):
    """The folder that relative paths start from: that of the table, unless another is given."""
    root = os.path.dirname(path) if media_root is None else os.fspath(media_root)
    return root if only_below is None else MediaRoot(root, only_below)


def _refuse(path, encoding, ending):
    if ending in ARROWS:
        raise ValueError(
            f"read_table: only csv, tsv and jsonl have an encoding. Received: {path!r}, encoding={encoding!r}. "
            "Do: leave it out."
        )
    known = ", ".join([*TEXTS, *ARROWS])
    raise ValueError(f"read_table: a table must end in {known}. Received: {path!r}. Do: convert it.")
