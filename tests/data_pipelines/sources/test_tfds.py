"""Sets of TensorFlow Datasets: small ones truly prepared, and the catalogue's own through its mocks."""

import io
import sys

import numpy as np
import pytest
from media_bytes import image_bytes, picture, sound_bytes, tone

from data_pipelines import Pipeline, read_tfds
from data_pipelines.formats.wav import read_wav
from data_pipelines.infer import guess_columns, infer
from data_pipelines.sources import tfds as tfds_module

tfds = pytest.importorskip("tensorflow_datasets")

FRAMES = [image_bytes(np.full((6, 8, 3), 20 * level, "uint8")) for level in range(5)]
SOUND = (tone(440, 0.1) * 2**15).astype("int16")


def features():
    kinds = tfds.features
    return {
        "photo": kinds.Image(),
        "depth": kinds.Image(shape=(None, None, 1), dtype=np.float32),
        "clip": kinds.Video(shape=(None, 6, 8, 3)),
        "shots": kinds.Sequence(kinds.Image()),
        "voice": kinds.Audio(dtype=np.int16, sample_rate=8000),
        "stereo": kinds.Audio(shape=(None, 2), dtype=np.float32),
        "file": kinds.Audio(file_format="wav", lazy_decode=True, sample_rate=8000),
        "kind": kinds.ClassLabel(names=["cat", "dog 猫"]),
        "kinds": kinds.Sequence(kinds.ClassLabel(names=["a", "b"])),
        "story": kinds.Text(),
        "price": np.float32,
        "count": np.int64,
        "new": np.bool_,
        "series": kinds.Tensor(shape=(None, 2), dtype=np.float32),
        "words": kinds.Tensor(shape=(2,), dtype=np.str_),
        "box": kinds.BBoxFeature(),
        "objects": kinds.Sequence(
            {
                "bbox": kinds.BBoxFeature(),
                "label": kinds.ClassLabel(names=["x", "y"]),
                "point": kinds.Tensor(shape=(3,), dtype=np.float64),
                "names": kinds.Sequence(kinds.Text()),
            }
        ),
        "more/deep": {"id": np.uint8},
    }


def example(number):
    box = tfds.features.BBox(0.0, 0.25, 0.5, 1.0)
    objects = [
        {"bbox": box, "label": place % 2, "point": np.array([0.5, place, number]), "names": ["猫", "b"][: place + 1]}
        for place in range(2)
    ]
    return {
        "photo": io.BytesIO(image_bytes(picture(10 + number, 12), "JPEG")),
        "depth": np.full((3, 4, 1), number + 0.5, "float32"),
        "clip": [io.BytesIO(frame) for frame in FRAMES],
        "shots": [picture(8, 12), picture(16, 24)],
        "voice": SOUND,
        "stereo": np.stack([tone(300, 0.1), tone(300, 0.1)], 1).astype("float32"),
        "file": io.BytesIO(sound_bytes(tone(440, 0.1), form="WAV")),
        "kind": -1 if number == 1 else number % 2,
        "kinds": [0, 1][: number + 1],
        "story": f"a | b 猫 {number}",
        "price": number + 0.25,
        "count": number,
        "new": number == 0,
        "series": np.arange(2 * number + 6).reshape(-1, 2).astype("float32"),
        "words": ["u", "v"],
        "box": box,
        "objects": objects if number else [],
        "more/deep": {"id": number},
    }


def set_of(name, features, splits, folder):
    """A builder of such rows in their order, not prepared yet."""
    return tfds.dataset_builders.AdhocBuilder(
        name=name,
        version="1.0.0",
        features=tfds.features.FeaturesDict(features),
        split_datasets={split: list(enumerate(rows)) for split, rows in splits.items()},
        data_dir=folder,
        disable_shuffling=True,
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A set of six rows in two splits, prepared as TFDS does it."""
    place = tmp_path_factory.mktemp("tfds")
    splits = {"train": [example(n) for n in range(4)], "test": [example(n) for n in (4, 5)]}
    set_of("everything", features(), splits, place).download_and_prepare()
    return place


@pytest.fixture(scope="module")
def rows(folder):
    return read_tfds("everything", data_dir=folder, sample_rate=4000)


def array(cell):
    return np.load(io.BytesIO(cell))


def test_text_numbers_and_lists(rows):
    assert len(rows) == 4 and rows.source.name == "everything/train"
    expected = {
        "kind": ["cat", "", "cat", "dog 猫"],
        "kinds": ["a", "a|b", "a|b", "a|b"],
        "story": [f"a | b 猫 {number}" for number in range(4)],
        "price": ["0.25", "1.25", "2.25", "3.25"],
        "new": ["true", "false", "false", "false"],
        "words": ["u|v"] * 4,
        "box": ["0.0|0.25|0.5|1.0"] * 4,
        "objects/bbox": ["", *["0.0,0.25,0.5,1.0|0.0,0.25,0.5,1.0"] * 3],
        "objects/label": ["", *["x|y"] * 3],
        "objects/names": ["", *["猫|猫,b"] * 3],
        "more/deep/id": ["0", "1", "2", "3"],
    }
    assert {column: rows.values(column).tolist() for column in expected} == expected


def test_media_are_not_decoded_before_batches_do(rows):
    media = {"photo", "depth", "clip", "shots", "voice", "stereo", "file", "series", "objects/point"}
    assert rows.source.bytes_columns == media
    assert rows.values("photo").tolist() == [image_bytes(picture(10 + number, 12), "JPEG") for number in range(4)]
    assert set(rows.values("file")) == {sound_bytes(tone(440, 0.1), form="WAV")}
    np.testing.assert_array_equal(array(rows.values("depth")[2]), np.full((3, 4), 2.5))
    np.testing.assert_array_equal(array(rows.values("series")[1]), np.arange(8).reshape(4, 2))
    np.testing.assert_array_equal(array(rows.values("objects/point")[3]), [[0.5, 0, 3], [0.5, 1, 3]])


def test_recordings(rows):
    samples, rate = read_wav(rows.values("voice")[0])
    assert rate == 8000
    np.testing.assert_array_equal(samples * 2**15, SOUND)
    samples, rate = read_wav(rows.values("stereo")[0])
    assert rate == 4000, "its feature does not tell; sample_rate does"
    np.testing.assert_allclose(samples, tone(300, 0.1), atol=1e-6)


def test_clips(folder, rows):
    clip = array(rows.values("clip")[0])
    assert clip.shape == (5, 6, 8, 3) and clip[:, 0, 0, 0].tolist() == [0, 20, 40, 60, 80]
    assert array(rows.values("shots")[0]).shape == (2, 8, 12, 3)
    fewer = read_tfds("everything", data_dir=folder, columns=["clip"], frames=2)
    assert array(fewer.values("clip")[0])[:, 0, 0, 0].tolist() == [20, 60]


def test_splits_and_columns(folder):
    def counts(split):
        return sorted(int(n) for n in read_tfds("everything", split, folder, columns=["count"]).values("count"))

    assert counts("test") == [4, 5] and counts("train+test") == [0, 1, 2, 3, 4, 5]
    assert len(counts("train[:50%]")) == 2
    rows = read_tfds("everything", data_dir=folder, columns=["objects/label", "more/deep/id", "kind"])
    assert rows.columns == ("objects/label", "more/deep/id", "kind") and set(rows.values("more/deep/id")) == set("0123")


def test_streams_can_be_read_again(folder, monkeypatch):
    monkeypatch.setattr(tfds_module, "CHUNK_BYTES", 1)
    monkeypatch.setattr("data_pipelines.sources.source.HELD", 2)
    builder = tfds.builder("everything", data_dir=folder)
    rows = read_tfds(builder, columns=["photo", "count"])
    first, second = ([chunk["count"].tolist() for chunk in rows.chunks()] for _ in range(2))
    assert first == second and len(first) == 4 and not rows.source.held
    assert [row["count"].numpy().decode() for row in rows.dataset(["count"])] == [count for [count] in first]


def test_everything_becomes_batches(folder):
    columns = ["photo", "series", "kind", "price"]
    rows = read_tfds("everything", "train+test", folder, columns)
    pipe = Pipeline(*infer(rows, ["kind"])).adapt(rows)
    assert {name: type(part).__name__ for name, part in pipe.inputs.items()} == {
        "photo": "Image",
        "series": "TimeSeries",
        "price": "Number",
    }
    ((x, _, w),) = pipe.batches(rows, 6)
    assert x["photo_mask"].numpy().all() and x["series_mask"].numpy().sum(1).tolist() == [
        int(count) + 3 for count in read_tfds("everything", "train+test", folder, ["count"]).values("count")
    ]
    assert sorted(w["kind"].numpy()) == [0, 1, 1, 1, 1, 1]


# With pictures undecoded, mock_data draws a length of its own for every member of a sequence of records and gives texts
# in sequences as objects, and TFDS refuses both: of coco_captions and ref_coco one member of each is shown.
MOCKED = {
    "coco_captions": (["image", "objects/label", "image/id"], "image/id"),
    "ref_coco": (["image", "objects/mask", "image/id"], "image/id"),
    "speech_commands": (None, "label"),
    "librispeech": (["speech", "speaker_id"], "speaker_id"),
    "ucf101": (None, "label"),
    "imagenet2012": (None, "label"),
}
MEDIA = {"image": "Image", "audio": "Audio", "speech": "Audio", "video": "Video"}


@pytest.mark.parametrize("name", MOCKED)
def test_sets_of_the_catalogue(name):
    columns, target = MOCKED[name]
    with tfds.testing.mock_data(num_examples=4):
        rows = read_tfds(name, columns=columns, frames=2)
    (media,) = set(rows.columns) & set(MEDIA)
    assert guess_columns(rows, [target])[media].kind == MEDIA[media]
    pipe = Pipeline(*infer(rows, [target], inputs=[media])).adapt(rows)
    ((x, y, w),) = pipe.batches(rows, 4)
    assert x[media].shape[0] == 4 and x[media + "_mask"].numpy().any(-1).all()
    assert len(next(iter(y.values()))) == 4 and np.isfinite(next(iter(w.values()))).all()
    assert pipe.problems.counts() == {"masked": {}, "dropped": 0}


def shown(number):
    """A row of each of two sets, with what their mocks cannot show: records in records, and texts in these."""
    box = tfds.features.BBox(0.0, 0.25, 0.5, 1.0)
    picture_of = {"image": picture(8 + number, 12), "image/id": number}
    item = {"area": 5, "bbox": box, "id": 7}
    said = [{"id": n, "text": f"caption {n} of {number}"} for n in range(number + 1)]
    found = [{"raw": f"the left one {number}", "refexp_id": n} for n in range(2)]
    refers = {**item, "gt_box_index": 0, "label": 1, "mask": picture(8, 12), "refexp": found}
    return {
        "coco_captions": {
            **picture_of,
            "image/filename": f"{number}.jpg",
            "captions": said,
            "objects": [{**item, "is_crowd": False, "label": 2}] * number,
        },
        "ref_coco": {**picture_of, "coco_annotations": [{**item, "label": 3}], "objects": [refers]},
    }


@pytest.mark.parametrize(
    ("name", "column", "cells"),
    [
        ("coco_captions", "captions/text", ["caption 0 of 0", "caption 0 of 1|caption 1 of 1"]),
        ("coco_captions", "objects/bbox", ["", "0.0,0.25,0.5,1.0"]),
        ("coco_captions", "objects/label", ["", "2"]),
        ("ref_coco", "objects/refexp/raw", ["the left one 0,the left one 0", "the left one 1,the left one 1"]),
    ],
)
def test_records_of_the_catalogue_as_they_lie_in_files(tmp_path, name, column, cells):
    """The set's own features, truly written and read."""
    features = dict(tfds.builder(name, data_dir=tmp_path / "none").info.features.items())
    rows = [shown(number)[name] for number in range(2)]
    set_of(f"{name}_like", features, {"train": rows}, tmp_path).download_and_prepare()
    found = read_tfds(f"{name}_like", data_dir=tmp_path, columns=["image", column])
    assert found.values(column).tolist() == cells and found.values("image")[0][:4] in (b"\x89PNG", b"\xff\xd8\xff\xe0")


def test_a_set_that_is_not_prepared(tmp_path):
    builder = set_of("unprepared", {"n": np.int64}, {"train": [{"n": n} for n in range(3)]}, tmp_path)
    with pytest.raises(
        ValueError, match=r'"unprepared": the set must be prepared. .*Do: tfds build unprepared, or read_'
    ):
        read_tfds(builder)
    assert sorted(read_tfds(builder, download=True).values("n")) == ["0", "1", "2"]
    assert len(read_tfds("unprepared", data_dir=tmp_path)) == 3


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {"name": "no_such_set"},
            r"must be one that TFDS knows. Received: 'no_such_set' .*Do: choose from tfds.list_b",
        ),
        ({"split": "dev"}, r"must be one of the set. Received: split='dev' .*Do: of \['t"),
        ({"split": ["train", "test"]}, r"one split must be named. Received: split=\['train', 'test'\]"),
        ({"columns": ["count", "no"]}, r"a column must be a feature. Received: 'no'. Do: of \['"),
        ({"columns": ["count", "count"]}, r"must have a name of its own. Received: \['count', 'count'\]"),
        (
            {"sample_rate": None},
            r"must have a sample rate. Received: 'stereo', whose feature tells none. Do: sample_rate=",
        ),
    ],
)
def test_what_is_refused(folder, given, message):
    with pytest.raises(ValueError, match=message):
        read_tfds(**{"name": "everything", "data_dir": folder, "sample_rate": 8000, **given})


def test_features_that_fit_no_cell(tmp_path):
    kinds = tfds.features
    nested = {
        "n": np.int64,
        "steps": kinds.Dataset({"reward": np.float32}),
        "sounds": kinds.Sequence(kinds.Audio(shape=(800,), dtype=np.int16, sample_rate=8000)),
    }
    rows = [{"n": 1, "steps": [{"reward": 0.5}], "sounds": [SOUND]}]
    set_of("nested", nested, {"train": rows}, tmp_path).download_and_prepare()
    with pytest.raises(ValueError, match=r"a feature must fit in a cell. Received: .sounds., Audio .*columns=\['n'\]"):
        read_tfds("nested", data_dir=tmp_path, columns=["sounds"])
    with pytest.raises(ValueError, match=r"a feature must fit in a cell. Received: 's.*columns=\['n'\]"):
        read_tfds("nested", data_dir=tmp_path)
    with pytest.raises(ValueError, match=r"a feature must fit in a cell. Received: 'steps', Dataset .*columns=\['n'\]"):
        read_tfds("nested", data_dir=tmp_path, columns=["steps"])
    assert read_tfds("nested", data_dir=tmp_path, columns=["n"]).values("n").tolist() == ["1"]


def test_without_tensorflow_datasets(monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow_datasets", None)
    with pytest.raises(ImportError, match=r'needs tensorflow-datasets. Do: pip install "mmkeras\[tfds\]"'):
        read_tfds("mnist")
