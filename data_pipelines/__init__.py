"""Rows of mixed media → batches. TensorFlow and Keras preprocessing; never imports mmkeras."""

try:
    import tensorflow as _tensorflow  # noqa: F401
except ImportError as error:
    raise ImportError(
        'data_pipelines: TensorFlow must be installed. Do: pip install "mmkeras[tf-cpu]" (or [tf], or [gpu]).'
    ) from error

from data_pipelines.modalities import *  # noqa: F403
from data_pipelines.modalities import __all__ as _modalities
from data_pipelines.pipeline import Pipeline
from data_pipelines.sources import (
    Rows,
    long_table,
    mix,
    read_folder,
    read_shards,
    read_table,
    read_tfds,
    split_in_time,
    windows,
)

__all__ = [
    "Pipeline",
    "Rows",
    "long_table",
    "mix",
    "read_folder",
    "read_shards",
    "read_table",
    "read_tfds",
    "split_in_time",
    "windows",
    *_modalities,
]
