"""Where rows come from."""

from data_pipelines.sources.folder import read_folder
from data_pipelines.sources.long_table import long_table
from data_pipelines.sources.mixture import mix
from data_pipelines.sources.rows import Rows
from data_pipelines.sources.shards import read_shards
from data_pipelines.sources.source import Source
from data_pipelines.sources.table import read_table
from data_pipelines.sources.tfds import read_tfds
from data_pipelines.sources.windows import split_in_time, windows

__all__ = [
    "Rows",
    "Source",
    "long_table",
    "mix",
    "read_folder",
    "read_shards",
    "read_table",
    "read_tfds",
    "split_in_time",
    "windows",
]
