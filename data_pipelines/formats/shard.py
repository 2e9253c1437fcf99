"""What a folder of shards holds: files of examples, the notes on each, and the index that is written last."""

import hashlib
import json
import os

import numpy as np

VERSION = 1
INDEX, PLAN = "shards.json", "unfinished.json"
NAME, SPLIT = "table", "rows"
KEYS = {"shards", "file_format", "columns", "bytes_columns", "fitted", "media"}  # of an index
ENDINGS = {"tfrecord": "tfrecord", "array_record": "array_record"}
DIGEST = "digest"  # what an index says of itself
CELL = "@cell"  # ends the name under which a shard keeps what stood in a media cell of the table


def shard_path(folder, place, count, file_format):
    """Where a shard lies, named as TensorFlow Datasets does."""
    return os.path.join(folder, f"{NAME}-{SPLIT}.{ENDINGS[file_format]}-{place:05d}-of-{count:05d}")


def note_path(folder, place):
    """Where the note on a finished shard lies until the index is written."""
    return os.path.join(folder, f"note-{place:05d}.json")


def read_json(path):
    """A JSON file's content, or None where there is none that is whole."""
    try:
        with open(path, encoding="utf-8") as file:
            return json.load(file)
    except (FileNotFoundError, ValueError, RecursionError):
        return None


def checksum(path):
    """The SHA-256 of a file, as hex digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_index(folder, who):
    """The index of a folder of finished shards, once all of its files are known to be whole.

    Args:
        folder: str.
        who: str. What a message begins with.
    Raises:
        ValueError: no index, one of another version, a shard that is lacking or cut short.
    """
    index = read_json(os.path.join(folder, INDEX))
    if index is None:
        unfinished = os.path.exists(os.path.join(folder, PLAN))
        raise ValueError(
            f"{who}: a folder of shards must have an index. Received: {folder!r} without {INDEX}"
            f"{', which was not finished. Do: run prepare again.' if unfinished else '. Do: Pipeline.prepare.'}"
        )
    if not isinstance(index, dict) or (index.get("version") == VERSION and not index.keys() >= KEYS):
        raise _another(folder, who)
    if index.get("version") != VERSION:
        raise ValueError(
            f"{who}: shards must be of version {VERSION}. Received: version={index.get('version')!r} in {folder!r}. "
            "Do: prepare them anew in another folder."
        )
    if DIGEST in index and index[DIGEST] != signed(index)[DIGEST]:
        raise _another(folder, who)
    try:
        _check_sizes(index, folder, who)
    except (KeyError, TypeError, AttributeError) as error:  # of an index without a digest
        raise _another(folder, who) from error
    return index


def signed(index):
    """An index with a digest of all that it says, by which damage is seen."""
    said = {name: value for name, value in index.items() if name != DIGEST}
    return {**said, DIGEST: hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()}


def _another(folder, who):
    return ValueError(
        f"{who}: the index must be what Pipeline.prepare wrote. Received: {os.path.join(folder, INDEX)!r}, which "
        "is something else. Do: put it back, or prepare anew in another folder."
    )


def _check_sizes(index, folder, who):
    for place, note in enumerate(index["shards"]):
        path = shard_path(folder, place, len(index["shards"]), index["file_format"])
        size = os.path.getsize(path) if os.path.exists(path) else 0
        if size != note["bytes"]:
            raise ValueError(
                f"{who}: every shard must be whole. Received: {size} bytes of {note['bytes']} in {path!r}. "
                "Do: run prepare again, which redoes this one."
            )


def features(columns, bytes_columns):
    """A row as TensorFlow Datasets describes it: texts, bytes, and beside bytes what stood in the table."""
    from tensorflow_datasets import features as kinds

    plain = {column: kinds.Text() for column in columns if column not in bytes_columns}
    media = [name for column in bytes_columns for name in (column, column + CELL)]
    return kinds.FeaturesDict({**plain, **{name: kinds.Tensor(shape=(), dtype=np.object_) for name in media}})


def write_examples(path, rows, plan):
    """Writes rows, dicts name → bytes, to a file, in an order of bytes that is always the same."""
    tfds = import_tfds(plan["file_format"])
    described = features(plan["columns"], plan["bytes_columns"])
    writer = tfds.core.example_serializer.ExampleSerializer(described.get_serialized_info())
    adapters = tfds.core.file_adapters
    adapter = adapters.ADAPTER_FOR_FORMAT[adapters.FileFormat.from_value(plan["file_format"])]
    examples = (writer.get_tf_example(row).SerializeToString(deterministic=True) for row in rows)
    adapter.write_examples(path, enumerate(examples))


def write_metadata(folder, plan, notes):
    """Writes the files by which `tfds.builder_from_directory` opens the folder."""
    tfds = import_tfds(plan["file_format"])
    template = tfds.core.ShardedFileTemplate(
        folder, dataset_name=NAME, split=SPLIT, filetype_suffix=ENDINGS[plan["file_format"]]
    )
    split = tfds.core.SplitInfo(
        name=SPLIT,
        shard_lengths=[note["rows"] for note in notes],
        num_bytes=sum(note["bytes"] for note in notes),
        filename_template=template,
    )
    described = features(plan["columns"], plan["bytes_columns"])
    tfds.folder_dataset.write_metadata(data_dir=folder, features=described, split_infos=[split], check_data=False)


def import_tfds(file_format):
    """TensorFlow Datasets, which is imported only here: it takes a second.

    Raises:
        ImportError: it, or ArrayRecord where that is wanted, is not installed.
    """
    try:
        import tensorflow_datasets as tfds

        if file_format == "array_record":
            import array_record.python.array_record_module  # noqa: F401
    except ImportError as error:
        raise ImportError(
            f"Pipeline.prepare: shards are written through TensorFlow Datasets. Received: {error}. "
            'Do: pip install "mmkeras[tfds]"'
        ) from error
    return tfds
