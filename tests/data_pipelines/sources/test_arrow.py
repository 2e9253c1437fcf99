"""Parquet and arrow files, alone and in folders, as the `datasets` package and others write them."""

import io
import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from media_bytes import image_bytes, picture, tone, wav_bytes

from data_pipelines import Category, Pipeline, Video, read_table
from data_pipelines.infer import infer

FEATURES = {
    "image": {"_type": "Image"},
    "sound": {"sampling_rate": 8000, "_type": "Audio"},
    "label": {"names": ["cat", "dog 猫"], "_type": "ClassLabel"},
    "kinds": {"feature": {"names": ["a", "b"], "_type": "ClassLabel"}, "_type": "List"},
    "facts": {"kind": {"names": ["x", "y"], "_type": "ClassLabel"}, "size": {"dtype": "int32", "_type": "Value"}},
    "old": {"feature": {"kind": {"names": ["p", "q"], "_type": "ClassLabel"}}, "_type": "Sequence"},
    "pages": {"feature": {"_type": "Image"}, "_type": "List"},
    "series": {"shape": [3, 2], "dtype": "float32", "_type": "Array2D"},
    "text": {"dtype": "string", "_type": "Value"},
}
MEDIA = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
SCHEMA = pa.schema(
    {
        "image": MEDIA,
        "sound": MEDIA,
        "label": pa.int64(),
        "kinds": pa.list_(pa.int64()),
        "facts": pa.struct([("kind", pa.int64()), ("size", pa.int32())]),
        "old": pa.struct([("kind", pa.list_(pa.int64()))]),
        "pages": pa.list_(MEDIA),
        "series": pa.list_(pa.list_(pa.float32())),
        "text": pa.string(),
    },
    metadata={"huggingface": json.dumps({"info": {"features": FEATURES}})},
)


def media(data, path=None):
    return {"bytes": data, "path": path}


def records(count, first=0):
    """Rows such as `datasets` stores them; the second has no label."""
    for number in range(first, first + count):
        yield {
            "image": media(image_bytes(picture(8 + number, 12)), "a.png"),
            "sound": media(wav_bytes(tone(400 + number, 0.1)), "a.wav"),
            "label": -1 if number == 1 else number % 2,
            "kinds": [number % 2, 1],
            "facts": {"kind": 1, "size": number},
            "old": {"kind": [0, 1]},
            "pages": [media(image_bytes(picture(8, 12))), media(image_bytes(picture(16, 24)))],
            "series": [[1.0, 2.0], [3.0, float(number)], [5.0, 6.0]],
            "text": f"row {number} 猫",
        }


def write_stream(path, rows, schema=SCHEMA):
    with pa.ipc.new_stream(path, schema) as out:
        for start in range(0, len(rows), 3):
            out.write_batch(pa.RecordBatch.from_pylist(rows[start : start + 3], schema))


def save_to_disk(folder, rows, files=2, schema=SCHEMA):
    """A folder as `Dataset.save_to_disk` of datasets 5.2 writes it."""
    folder.mkdir(parents=True)
    names = [f"data-{place:05}-of-{files:05}.arrow" for place in range(files)]
    size = -(-len(rows) // files)
    for place, name in enumerate(names):
        write_stream(folder / name, rows[place * size : (place + 1) * size], schema)
    state = {"_data_files": [{"filename": name} for name in names], "_fingerprint": "0", "_split": None}
    (folder / "state.json").write_text(json.dumps(state))
    (folder / "dataset_info.json").write_text(json.dumps({"description": "", "features": FEATURES}))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("saved")
    save_to_disk(place / "one", list(records(7)))
    save_to_disk(place / "parts/train", list(records(4)))
    save_to_disk(place / "parts/test", list(records(3, 4)), files=1)
    (place / "parts/dataset_dict.json").write_text('{"splits": ["train", "test"]}')
    return place


def contents(rows):
    return {column: rows.values(column).tolist() for column in rows.columns}


def test_what_datasets_saved(folder):
    rows = read_table(folder / "one")
    assert rows.columns == tuple(FEATURES) and len(rows) == 7 and rows.source.name == "one"
    assert rows.source.bytes_columns == {"image", "sound", "pages"}
    cells = contents(rows)
    assert cells["image"] == [record["image"]["bytes"] for record in records(7)]
    assert cells["sound"] == [record["sound"]["bytes"] for record in records(7)]
    assert cells["label"] == ["cat", "", "cat", "dog 猫", "cat", "dog 猫", "cat"]
    assert cells["kinds"][:2] == ["a|b", "b|b"]
    assert cells["facts"][2] == '{"kind": "y", "size": 2}'
    assert cells["old"][0] == '{"kind": ["p", "q"]}'
    assert cells["series"][3] == "1.0,2.0|3.0,3.0|5.0,6.0"
    assert cells["text"] == [f"row {number} 猫" for number in range(7)]
    assert contents(rows) == cells


def test_a_list_of_pictures_is_a_clip(folder):
    rows = read_table(folder / "one")
    clip = np.load(io.BytesIO(rows.values("pages")[0]))
    assert clip.shape == (2, 8, 12, 3) and clip.dtype == "uint8"
    np.testing.assert_array_equal(clip[0], picture(8, 12))
    assert np.abs(clip[1].astype(int) - clip[0]).max() < 20, "the larger picture, resized"
    pipe = Pipeline({"pages": Video(frames=4, size=8)}, {"label": Category()}).adapt(rows)
    x, _, _ = next(iter(pipe.batches(rows, 7)))
    assert x["pages"].shape == (7, 2, 8, 8, 3) and x["pages_mask"].numpy().all()


def test_splits_stand_in_a_column(folder):
    rows = read_table(folder / "parts")
    assert rows.columns == (*FEATURES, "split")
    assert rows.values("split").tolist() == ["train"] * 4 + ["test"] * 3
    assert rows.where(split="test").values("text")[0] == "row 4 猫"
    assert rows.source.media_root == str(folder / "parts")


def test_what_datasets_saved_becomes_batches(folder):
    rows = read_table(folder / "parts").without("old", "facts", "text")
    train = rows.where(split="train")
    pipe = Pipeline(*infer(rows, ["label"])).adapt(train)
    kinds = {name: type(modality).__name__ for name, modality in pipe.inputs.items()}
    assert kinds == {"image": "Image", "sound": "Audio", "kinds": "Tags", "pages": "Video", "series": "TimeSeries"}
    ((x, y, w),) = pipe.batches(train, 4)
    assert all(
        mask.numpy()[:, 0].all() if mask.ndim > 1 else mask.numpy().all()
        for mask in (x["image_mask"], x["sound_mask"], x["series_mask"], x["pages_mask"])
    )
    assert w["label"].numpy().tolist() == [1, 0, 1, 1] and y["label"].numpy().tolist() == [0, 0, 0, 1]


def test_an_arrow_file_of_its_own(folder, tmp_path):
    name = "data-00000-of-00002.arrow"
    assert contents(read_table(folder / "one" / name)) == contents(read_table(folder / "one").take(4))
    table = pa.table({"b": [1, 2, 3], "a": ["x", None, "z"]})
    with pa.ipc.new_file(tmp_path / "t.feather", table.schema) as out:
        out.write_table(table, max_chunksize=2)
    assert contents(read_table(tmp_path / "t.feather")) == {"b": ["1", "2", "3"], "a": ["x", "", "z"]}


def test_features_come_from_the_file_beside_where_the_table_has_none(tmp_path):
    schema = pa.schema({"label": pa.int64(), "n": pa.int64()})
    save_to_disk(tmp_path / "plain", [{"label": 1, "n": 1}, {"label": 7, "n": None}], 1, schema)
    assert contents(read_table(tmp_path / "plain")) == {"label": ["dog 猫", "7"], "n": ["1", ""]}


def write_parquet(path, schema=SCHEMA, **kwargs):
    pa.parquet.write_table(pa.Table.from_pylist(list(records(**kwargs)), schema), path)


def test_a_sharded_export(tmp_path):
    write_parquet(tmp_path / "train-00001-of-00002.parquet", count=2, first=2)
    write_parquet(tmp_path / "train-00000-of-00002.parquet", count=2)
    write_parquet(tmp_path / "unlabelled-00000-of-00001.parquet", count=1, first=4)
    (tmp_path / "README.md").write_text("not a table")
    rows = read_table(tmp_path)
    assert rows.values("text").tolist() == [f"row {number} 猫" for number in range(5)]
    assert rows.values("label").tolist() == ["cat", "", "cat", "dog 猫", "cat"]
    assert rows.values("split").tolist() == ["train"] * 4 + ["unlabelled"]
    assert read_table([tmp_path / "train-00001-of-00002.parquet"]).values("text").tolist() == ["row 2 猫", "row 3 猫"]
    chosen = read_table([tmp_path / f"train-0000{n}-of-00002.parquet" for n in (1, 0)])
    assert "split" not in chosen.columns and chosen.values("text")[0] == "row 2 猫" and len(chosen) == 4


@pytest.mark.parametrize(
    ("names", "splits"),
    [
        (["part-0.parquet", "part-1.parquet"], None),
        (["part-00000-of-00002.parquet", "part-00001-of-00002.parquet"], None),
        (["movies-test.parquet", "movies-train.parquet"], ["test", "train"]),
        (["test.parquet", "x.parquet"], None),
    ],
)
def test_splits_in_names(tmp_path, names, splits):
    for name in names:
        pa.parquet.write_table(pa.table({"split": ["own"]}), tmp_path / name)
    rows = read_table(tmp_path)
    assert rows.columns == (("split", "split_") if splits else ("split",))
    assert rows.values("split").tolist() == ["own", "own"]
    assert splits is None or rows.values("split_").tolist() == splits


def test_pictures_by_path(tmp_path):
    """Records without bytes name a file; one that is not there is a bad cell, not an absent one."""
    data = image_bytes(picture())
    (tmp_path / "b.png").write_bytes(data)
    cells = [media(b"\0\xff", "a.png"), media(None, "b.png"), media(None, "none.png"), media(None), None]
    pa.parquet.write_table(pa.table({"image": pa.array(cells, MEDIA)}), tmp_path / "t.parquet")
    rows = read_table(tmp_path / "t.parquet")
    assert rows.source.bytes_columns == {"image"}
    assert rows.values("image").tolist() == [b"\0\xff", data, str(tmp_path / "none.png").encode(), "", ""]


def test_a_broken_page_is_a_bad_cell(tmp_path):
    pages = [[media(image_bytes(picture())), media(b"no picture")], [], None]
    table = pa.table({"pages": pa.array(pages, pa.list_(MEDIA)), "n": [1, 2, 3]})
    pa.parquet.write_table(table, tmp_path / "t.parquet")
    rows = read_table(tmp_path / "t.parquet")
    assert rows.values("pages").tolist() == [b"no picture", b"", b""]
    pipe = Pipeline({"pages": Video(frames=2, size=8)}, on_bad="mask").adapt(rows)
    assert not next(iter(pipe.batches(rows, 3)))[0]["pages_mask"].numpy().any()
    assert pipe.problems.counts()["masked"] == {"pages": 1}


def test_files_of_other_columns(tmp_path):
    pa.parquet.write_table(pa.table({"a": [1], "b": [1]}), tmp_path / "x.parquet")
    pa.parquet.write_table(pa.table({"a": [1], "c": [1]}), tmp_path / "y.parquet")
    with pytest.raises(
        ValueError, match=r"must have the same columns. Received: \['a', 'c'\] in 'y.parquet', \['a', 'b'\]"
    ):
        read_table(tmp_path)


def test_damaged_files(folder, tmp_path):
    (tmp_path / "t.arrow").write_bytes(b"no arrow at all")
    with pytest.raises(ValueError, match=r'"t.arrow": this is no arrow file, or a damaged one'):
        read_table(tmp_path / "t.arrow")
    whole = (folder / "one/data-00000-of-00002.arrow").read_bytes()
    (tmp_path / "u.arrow").write_bytes(whole[: len(whole) - 1000])
    with pytest.raises(ValueError, match=r'"u.arrow": this is no arrow file, or a damaged one'):
        len(read_table(tmp_path / "u.arrow"))


def test_folders_that_lack_something(tmp_path):
    save_to_disk(tmp_path / "t", list(records(2)))
    (tmp_path / "t/data-00001-of-00002.arrow").unlink()
    with pytest.raises(
        ValueError, match=r"all files that its state.json names. Received: .* without 'data-00001-of-00002"
    ):
        read_table(tmp_path / "t")
    (tmp_path / "t/state.json").write_text("{")
    with pytest.raises(ValueError, match=r"state.json' must be JSON with '_data_files', as .* Received: Expecting"):
        read_table(tmp_path / "t")
    (tmp_path / "dataset_dict.json").write_text('{"splits": ["gone"]}')
    with pytest.raises(
        ValueError, match=r"must hold the .arrow or .parquet files of a table. Received: none in .*gone'"
    ):
        read_table(tmp_path)
    with pa.ipc.new_stream(tmp_path / "t.arrow", SCHEMA):
        pass
    with pytest.raises(ValueError, match=r'"t.arrow": a table must have rows. Received: 0 rows, columns \[.image'):
        read_table(tmp_path / "t.arrow")
