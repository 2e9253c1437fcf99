"""Damaged tables and shards of every format: each is read, row by row as it says, or refused with a sentence."""

import json
import os
import random
import shutil

import hostile_cells
import numpy as np
import pandas
import pyarrow as pa
import pytest
from damage import damaged
from fuzzing import amount, bounded_memory, is_done

from data_pipelines import Category, Image, Pipeline, Text, read_shards, read_table

DAMAGED = amount(60, 200)
WORDS = ["cat", "dog", "fish"] * 14
FRAME = pandas.DataFrame(
    {
        "story": [f"the {word} number {number} 猫" for number, word in enumerate(WORDS)],
        "age": [str(number / 2) for number in range(len(WORDS))],
        "kind": ["x", "y", "z"] * 14,
    }
)


def arrow(new):
    """A writer of the table through pyarrow: files that can be read anywhere, or streams."""

    def write(path):
        table = pa.Table.from_pandas(FRAME)
        with new(path, table.schema) as file:
            file.write_table(table)

    return write


WRITERS = {
    "csv": lambda path: FRAME.to_csv(path, index=False),
    "tsv": lambda path: FRAME.to_csv(path, index=False, sep="\t"),
    "jsonl": lambda path: FRAME.to_json(path, orient="records", lines=True, force_ascii=False),
    "parquet": FRAME.to_parquet,
    "feather": FRAME.to_feather,
    "arrow": arrow(pa.ipc.new_file),
    "stream.arrow": arrow(pa.ipc.new_stream),
}


def is_read(read):
    """Whether a table can be read, each column equally long; else the error is a sentence. None takes long."""

    def whole():
        rows = read()
        count = 0
        for cells in rows.chunks(rows.columns):
            assert {len(values) for values in cells.values()} == {len(cells["_row"])}
            count += len(cells["_row"])
        assert count == len(rows)

    return is_done(whole)


@pytest.mark.fuzz
@pytest.mark.parametrize("form", WRITERS)
def test_a_damaged_table_is_read_or_refused_with_a_sentence(form, tmp_path):
    WRITERS[form](str(tmp_path / f"good.{form}"))
    good = (tmp_path / f"good.{form}").read_bytes()
    chance, found = random.Random(0), []
    with bounded_memory():
        for number in range(DAMAGED):
            path = tmp_path / f"{number}.{form}"
            path.write_bytes(damaged(chance, good))
            found.append(is_read(lambda: read_table(path)))
    assert not all(found), "some damage is seen"
    assert is_read(lambda: read_table(tmp_path / f"good.{form}"))


def cells_of(rows):
    return [[cells[column].tolist() for column in rows.columns] for cells in rows.chunks(rows.columns)]


@pytest.fixture(scope="module", params=["tfrecord", "array_record"])
def shards(request, tmp_path_factory):
    """A folder of shards of pictures and texts."""
    folder = tmp_path_factory.mktemp("shards") / "good"
    photos = [hostile_cells.png(4 + number, 5) for number in range(12)]
    frame = pandas.DataFrame({"photo": pandas.Series(photos, dtype=object), **FRAME[:12][["story", "kind"]]})
    pipe = Pipeline({"photo": Image(8), "story": Text()}, {"kind": Category()}).adapt(read_table(frame))
    pipe.prepare(read_table(frame), folder, file_format=request.param)
    return folder, pipe


@pytest.mark.fuzz
def test_damaged_shards_are_refused_with_a_sentence_or_hold_what_was_written(shards, tmp_path):
    good, _ = shards
    wanted = cells_of(read_shards(good))
    names = [name for name in os.listdir(good) if name.startswith(("shards", "table"))]
    chance, found = random.Random(0), []
    shutil.copytree(good, tmp_path / "bad")
    with bounded_memory():
        for number in range(DAMAGED):
            name = names[number % len(names)]
            (tmp_path / "bad" / name).write_bytes(damaged(chance, (good / name).read_bytes()))
            found.append(is_read(lambda: read_shards(tmp_path / "bad")))
            if found[-1] and name.startswith("table"):
                assert cells_of(read_shards(tmp_path / "bad")) == wanted
            shutil.copy(good / name, tmp_path / "bad" / name)
    assert not all(found), "some damage is seen"


def test_an_index_that_says_something_else_is_refused(shards, tmp_path):
    shutil.copytree(shards[0], tmp_path / "bad")
    index = json.loads((shards[0] / "shards.json").read_text("utf-8"))
    fewer = [{**note, "rows": note["rows"] - 1} for note in index["shards"]]
    older = {name: value for name, value in index.items() if name != "digest"}
    for wrong in ({**index, "shards": fewer}, {**older, "file_format": "x"}, {**older, "shards": [3]}):
        (tmp_path / "bad/shards.json").write_text(json.dumps(wrong), "utf-8")
        with pytest.raises(ValueError, match=r"index must be what Pipeline.prepare wrote. Received: .*shards.json"):
            read_shards(tmp_path / "bad")
    (tmp_path / "bad/shards.json").write_text(json.dumps(older), "utf-8")
    assert len(read_shards(tmp_path / "bad")) == 12


def test_a_damaged_record_is_told_of(tmp_path, shards):
    good, pipe = shards
    shutil.copytree(good, tmp_path / "bad")
    (name,) = (name for name in os.listdir(good) if name.startswith("table"))
    data = bytearray((good / name).read_bytes())
    middle = data.index(b"the fish") if b"the fish" in data else len(data) // 2
    data[middle] ^= 255
    (tmp_path / "bad" / name).write_bytes(data)
    for read in (cells_of, lambda rows: list(pipe.batches(rows, 5, on_bad="raise"))):
        with pytest.raises(Exception, match=r"every shard must be as it was written. Received: .*bad.* Do: "):
            read(read_shards(tmp_path / "bad"))


@pytest.mark.parametrize("frame", [FRAME[[]], FRAME[[]].iloc[:1]])
def test_a_table_without_columns_is_refused(frame):
    with pytest.raises(ValueError, match=r"must have (columns|rows). Received: .*columns"):
        read_table(frame)


def test_lost_places_of_texts_end_no_process(tmp_path):
    column = pa.Array.from_buffers(
        pa.large_string(), 2, [None, pa.py_buffer(np.array([0, 2**62, 3], "int64")), pa.py_buffer(b"abc")]
    )
    batch = pa.record_batch({"a": column})
    with pa.ipc.new_stream(str(tmp_path / "t.arrow"), batch.schema) as file:
        file.write_batch(batch)
    with pytest.raises(ValueError, match=r'"t.arrow": this is no arrow file, or a damaged one. Received: .*t.arrow'):
        list(read_table(tmp_path / "t.arrow").chunks())
