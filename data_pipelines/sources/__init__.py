"""Where rows come from."""

from data_pipelines.sources.folder import read_folder
from data_pipelines.sources.long_table import long_table
from data_pipelines.sources.rows import Rows, Source
from data_pipelines.sources.shards import read_shards
from data_pipelines.sources.table import read_table

__all__ = ["Rows", "Source", "long_table", "read_folder", "read_shards", "read_table"]
