"""Shards as they are read: the table's rows, in the graph."""

import sys

import numpy as np
import pytest
import shard_table
import tensorflow as tf

from data_pipelines import Audio, Category, Number, Pipeline, Video, read_shards, read_table
from data_pipelines.audit import audit
from data_pipelines.batches.order import draw
from data_pipelines.infer import infer
from data_pipelines.sources import shards as module

FORMATS = ("tfrecord", "array_record")


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    return shard_table.write_table(tmp_path_factory.mktemp("clips"))


@pytest.fixture(scope="module")
def folders(rows, tmp_path_factory):
    place = tmp_path_factory.mktemp("shards")
    for form in FORMATS:
        shard_table.pipeline().prepare(rows, place / form, file_format=form, rows_per_shard=3)
    return place


@pytest.fixture(scope="module")
def pipe(rows):
    """What reads the files too: no TIFF."""
    inputs = {name: m for name, m in shard_table.pipeline().inputs.items() if name != "photo"}
    return Pipeline(inputs, {"label": Category()}).adapt(rows)


@pytest.fixture(scope="module")
def expected(pipe, rows):
    return list(pipe.batches(rows, 4).as_numpy_iterator())


@pytest.fixture(params=FORMATS)
def folder(request, folders):
    return folders / request.param


@pytest.fixture
def found(folder):
    return read_shards(folder, verify=True)


def labels(dataset):
    return [label for _, y, _ in dataset.as_numpy_iterator() for label in y["label"].tolist()]


def test_batches_equal_those_of_the_table(found, pipe, expected):
    for ours, theirs in zip(pipe.batches(found, 4).as_numpy_iterator(), expected, strict=True):
        for mine, other in zip(ours, theirs, strict=True):
            assert mine.keys() == other.keys()
            for name in mine:
                np.testing.assert_array_equal(mine[name], other[name], err_msg=name)


def test_rows_are_those_of_the_table(found, rows):
    assert found.columns == rows.columns and len(found) == len(rows)
    assert found.values("label").tolist() == rows.values("label").tolist()
    assert found.keys("clip").tolist() == rows.values("clip").tolist()
    assert found.values("clip")[0].startswith(b"\x93NUMPY") and found.values("clip")[2] == b""
    assert found.values("photo")[1].startswith(b"\x89PNG")
    assert found.where(photo="3.tiff").values("size").tolist() == ["1.5"]


@pytest.mark.parametrize("by", [None, "label", "clip"])
def test_parts_are_those_of_the_table(found, rows, by):
    for ours, theirs in zip(found.split(0.5, 0.5, by=by, seed=3), rows.split(0.5, 0.5, by=by, seed=3), strict=True):
        assert ours.values("size").tolist() == theirs.values("size").tolist()
        read = [(int(row["_row"]), row["size"].numpy().decode()) for row in ours.dataset(["size", "clip"])]
        assert [size for _, size in read] == theirs.values("size").tolist()
        assert [row for row, _ in read] == [1 + int(2 * float(size)) for _, size in read]


def graph_of(dataset):
    return tf.raw_ops.DatasetToGraphV2(input_dataset=tf.data.experimental.to_variant(dataset)).numpy()


def test_no_python_reads_tfrecords(folders):
    parts = {form: read_shards(folders / form).split(0.5, 0.5)[0] for form in FORMATS}
    for seed in (None, 1):
        assert b"PyFunc" not in graph_of(parts["tfrecord"].dataset(["clip"], seed=seed))
        assert b"PyFunc" in graph_of(parts["array_record"].dataset(["clip"], seed=seed))


def test_training_shuffles_shards_and_rows_anew(found, pipe, rows):
    dataset = draw(found, ["size"], {}, seed=1)
    passes = [[row["size"].numpy() for row in dataset] for _ in range(6)]
    everything = sorted(rows.values("size").tolist())
    assert all(sorted(size.decode() for size in one) == everything for one in passes)
    assert len({tuple(one) for one in passes}) > 1
    again = [[row["size"].numpy() for row in draw(found, ["size"], {}, seed=1)] for _ in range(2)]
    assert again[0] == again[1] == passes[0]
    drawn = pipe.batches(found, 4, training=True, seed=2)
    assert sorted(labels(drawn)) == sorted(labels(pipe.batches(rows, 4)))


def test_the_shuffle_buffer_is_bounded_by_bytes(folders, monkeypatch):
    index_bytes = sum(path.stat().st_size for path in (folders / "tfrecord").glob("table-rows*"))
    monkeypatch.setattr(module, "BUFFER", index_bytes / shard_table.ROWS * 3.5)
    assert read_shards(folders / "tfrecord").source.most_shuffled == 3
    monkeypatch.setattr(module, "BUFFER", 1)
    assert read_shards(folders / "tfrecord").source.most_shuffled == 1


def test_media_are_never_held(found):
    found.values("label")
    found.values("clip")
    assert not {"clip", "photo", "voice"} & set(next(found.source.chunks()))
    assert "clip" in next(found.source.chunks(["clip"]))


def test_other_arguments_than_those_prepared_for_are_refused(found):
    for inputs, told in (
        ({"clip": Video(frames=8, size=16)}, r"'clip' as .*'frames': 4.*\. Received: .*'frames': 8"),
        ({"voice": Audio(seconds=9, sample_rate=8000)}, r"'voice' as .*'seconds': 0\.15.*Received: .*'seconds': 9\.0"),
        ({"voice": Video()}, r"'voice' as .*'Audio'.*Received: .*'Video'"),
    ):
        pipe = Pipeline(inputs).adapt(found)
        with pytest.raises(ValueError, match=told):
            pipe.batches(found)


def test_adapt_infer_and_audit_need_no_files(found, folder):
    inputs, targets = infer(found, ["label"])
    assert {name: type(m).__name__ for name, m in inputs.items()} == {
        "clip": "Video",
        "voice": "Audio",
        "photo": "Image",
        "size": "Number",
    }
    assert inputs["clip"].frames == 4
    batch = next(iter(Pipeline(inputs, targets).adapt(found).batches(found, 10)))
    assert batch[0]["clip_mask"].shape == (10, 4) and batch[0]["photo"].shape == (10, 16, 16, 3)
    report = audit(read_table(folder), ["label"])
    assert report["unreadable"] == {} and report["columns"]["clip"]["missing"] == 0.1
    assert report["duplicates"]["rows"]["count"] == 0


def test_a_bad_cell_is_told_with_its_row(found):
    pipe = Pipeline({"clip": Video(frames=4, size=16)}, {"size": Number()}).adapt(found)
    pipe.targets["size"] = Number(column="label")
    pipe.targets["size"].set_state(Pipeline({"size": Number()}).adapt(found).inputs["size"].state())
    with pytest.raises(
        tf.errors.InvalidArgumentError, match=r"table \"(tfrecord|array_record)\", column 'label', row 1"
    ):
        list(pipe.batches(found, 4))


def test_tensorflow_datasets_opens_the_folder(folder):
    import tensorflow_datasets as tfds

    builder = tfds.builder_from_directory(folder)
    assert builder.info.splits["rows"].num_examples == shard_table.ROWS
    assert set(builder.info.features) == {"clip", "voice", "photo", "size", "label"} | {
        f"{column}@cell" for column in ("clip", "voice", "photo")
    }
    source = builder.as_data_source(split="rows") if folder.name == "array_record" else builder.as_dataset(split="rows")
    first = next(iter(source)) if folder.name == "tfrecord" else source[0]
    label = first["label"]
    assert (label.numpy() if folder.name == "tfrecord" else label) in ("猫", "猫".encode())


def test_array_record_is_asked_for(folders, monkeypatch):
    monkeypatch.setitem(sys.modules, "array_record.python.array_record_data_source", None)
    with pytest.raises(ImportError, match=r'ArrayRecord is not installed\. Do: pip install "mmkeras\[tfds\]"'):
        read_shards(folders / "array_record")


def test_a_folder_of_anything_else_is_refused(tmp_path):
    with pytest.raises(
        ValueError, match=r"must have an index\. Received: .* without shards.json\. Do: Pipeline.prepare"
    ):
        read_shards(tmp_path)


@pytest.mark.parametrize("cache", [False, True])
def test_shards_can_be_drawn_by_weight(found, pipe, cache):
    even = found.balanced("label")
    labels = [label for _, y, _ in pipe.batches(even, 4, training=True, cache=cache) for label in y["label"].numpy()]
    counts = np.unique(labels, return_counts=True)[1]
    assert counts.sum() == len(found) and counts.max() - counts.min() <= 1
