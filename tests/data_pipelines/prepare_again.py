"""Prepares the table in a folder given; a process to be killed."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))

import shard_table

from data_pipelines import read_table

if __name__ == "__main__":
    table, out = sys.argv[1:]
    shard_table.pipeline().prepare(read_table(table), out, rows_per_shard=1, progress=lambda *_: print(_, flush=True))
