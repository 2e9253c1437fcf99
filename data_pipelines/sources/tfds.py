"""Any set of TensorFlow Datasets as rows."""

import tensorflow as tf

from data_pipelines.sources.frames import FRAMES
from data_pipelines.sources.rows import Rows
from data_pipelines.sources.source import CHUNK, Source
from data_pipelines.sources.tfds_features import leaves_of
from data_pipelines.sources.written import cells_of, check_names

CHUNK_BYTES = 2**25
NO_TFDS = 'read_tfds: it needs tensorflow-datasets. Do: pip install "mmkeras[tfds]"'


def read_tfds(name, split="train", data_dir=None, columns=None, frames=FRAMES, sample_rate=None, download=False):
    """Opens a set of TensorFlow Datasets lazily, one split of it; nothing is decoded that batches decode themselves.

    Features become columns, those inside of others named `objects/bbox`. Pictures are their JPEG or PNG bytes,
    recordings WAV bytes (or the file's own), videos and lists of pictures `.npy` bytes of frames as `Video` reads them,
    arrays of numbers `.npy` bytes as `TimeSeries` reads them, classes their names (a secret one is missing), the rest
    text and numbers, in lists where the feature is a sequence.

    Args:
        name: str, such as `"coco_captions"` or `"librispeech/clean"`, or a `tfds.core.DatasetBuilder`.
        split: str. A split or a part of one, such as `"train[:10%]"`. Defaults to `"train"`.
        data_dir: path or None. Where the set lies. Defaults to `None`: where TFDS keeps its sets.
        columns: sequence of str or None. The columns to read; others are not even parsed. Defaults to `None`: all.
        frames: int > 0. Most frames that are decoded of a clip, evenly spread. Defaults to `32`.
        sample_rate: int or None. Rate of recordings whose feature does not tell it, Hz. Defaults to `None`: refused.
        download: bool. Whether a set that is not there is fetched and prepared. Defaults to `False`.
    Returns:
        `Rows`.
    Raises:
        ValueError: a set or split that TFDS does not know, one that is not prepared, a column that is not there or that
            no cell can hold, a recording without sample rate, an empty split.
        ImportError: there is no tensorflow-datasets.
    Example:
        >>> rows = read_tfds("coco_captions", columns=["image", "captions/text"])
    """
    try:
        import tensorflow_datasets as tfds
    except ImportError as error:
        raise ImportError(NO_TFDS) from error
    builder = _built(name, data_dir) if isinstance(name, str) else name
    if download:
        builder.download_and_prepare()
    leaves = _chosen(builder, columns, frames, sample_rate)
    decoders = tfds.decode.PartialDecoding(
        _nested({leaf.path: True for leaf in leaves}),
        decoders=_nested({leaf.path: tfds.decode.SkipDecoding() for leaf in leaves if leaf.is_encoded}),
    )
    dataset = _opened(builder, split, decoders)

    def read():
        return _chunks(tfds.as_numpy(dataset), leaves)

    media = {leaf.name for leaf in leaves if leaf.is_media}
    return Rows(Source(f"{builder.name}/{split}", [leaf.name for leaf in leaves], read, bytes_columns=media))


def _built(name, data_dir):
    import tensorflow_datasets as tfds

    try:
        return tfds.builder(name, data_dir=data_dir)
    except ValueError as error:
        said = str(error).strip().splitlines()[0]
        raise ValueError(
            f"read_tfds: the set must be one that TFDS knows. Received: {name!r} ({said}). "
            "Do: choose from tfds.list_builders(), or import the module of your own builder first."
        ) from error


def _chosen(builder, columns, frames, sample_rate):
    """The leaves wanted, those of no use refused."""
    leaves = {leaf.name: leaf for leaf in leaves_of(builder.info.features, frames, sample_rate)}
    wanted = list(leaves) if columns is None else list(columns)
    check_names(wanted, builder.name)
    lacking = [column for column in wanted if column not in leaves]
    if lacking:
        raise ValueError(
            f'read_tfds "{builder.name}": a column must be a feature. Received: {lacking[0]!r}. Do: of {list(leaves)}.'
        )
    unknown = [column for column in wanted if leaves[column].needs_rate]
    if unknown:
        raise ValueError(
            f'read_tfds "{builder.name}": a recording must have a sample rate. Received: {unknown[0]!r}, whose feature '
            "tells none. Do: sample_rate=16000, or what the set's page says."
        )
    strange = [column for column in wanted if leaves[column].write is None]
    if strange:
        fitting = [column for column, leaf in leaves.items() if leaf.write is not None]
        raise ValueError(
            f'read_tfds "{builder.name}": a feature must fit in a cell. Received: {strange[0]!r}, '
            f"{type(leaves[strange[0]].feature).__name__} in a list or a set in a set. Do: columns={fitting}."
        )
    return [leaves[column] for column in wanted]


def _nested(values):
    """Dict path → value as dicts in dicts."""
    tree = {}
    for path, value in values.items():
        place = tree
        for key in path[:-1]:
            place = place.setdefault(key, {})
        place[path[-1]] = value
    return tree


def _opened(builder, split, decoders):
    """The data set in one order, nothing of it kept in memory."""
    import tensorflow_datasets as tfds

    try:
        dataset = builder.as_dataset(
            split=split,
            decoders=decoders,
            shuffle_files=False,
            read_config=tfds.ReadConfig(try_autocache=False),
        )
    except AssertionError as error:
        raise ValueError(
            f'read_tfds "{builder.name}": the set must be prepared. Received: nothing in {str(builder.data_dir)!r}. '
            f"Do: tfds build {builder.name}, or read_tfds(…, download=True)."
        ) from error
    except ValueError as error:
        raise ValueError(
            f'read_tfds "{builder.name}": the split must be one of the set. Received: split={split!r} ({error}). '
            f"Do: of {list(builder.info.splits)}."
        ) from error
    if not isinstance(dataset, tf.data.Dataset):
        raise ValueError(
            f'read_tfds "{builder.name}": one split must be named. Received: split={split!r}. Do: split="train".'
        )
    return dataset


def _chunks(examples, leaves):
    """Yields columns of cells, of many rows or of as many bytes as fit in memory with ease."""
    rows, size = [], 0
    for example in examples:
        rows.append([leaf.write(leaf.value(example)) for leaf in leaves])
        size += sum(len(cell) for cell, leaf in zip(rows[-1], leaves, strict=True) if leaf.is_media)
        if len(rows) == CHUNK or size >= CHUNK_BYTES:
            yield _columns(rows, leaves)
            rows, size = [], 0
    if rows:
        yield _columns(rows, leaves)


def _columns(rows, leaves):
    return {leaf.name: cells_of(cells) for leaf, cells in zip(leaves, zip(*rows, strict=True), strict=True)}
