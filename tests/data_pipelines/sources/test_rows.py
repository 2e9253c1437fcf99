"""Lazy tables: splits by hash, conditions, fewer rows, fewer columns, and streams that hold nothing."""

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

import data_pipelines.sources.source
from data_pipelines import Number, Pipeline, Text, read_table

FRAME = pd.DataFrame(
    {
        "id": [f"n{number}" for number in range(1000)],
        "owner": [f"o{number % 150}" if number % 10 else "" for number in range(1000)],
        "part": ["train", "test"] * 500,
        "size": range(1000),
    }
)


@pytest.fixture(scope="module")
def rows():
    return read_table(FRAME)


@pytest.fixture
def streamed(monkeypatch, tmp_path):
    """The same table, too long to be held."""
    monkeypatch.setattr(data_pipelines.sources.source, "HELD", 100)
    monkeypatch.setattr("data_pipelines.sources.delimited.CHUNK", 64)
    FRAME.to_csv(tmp_path / "t.csv", index=False)
    return read_table(tmp_path / "t.csv")


def ids(rows):
    return rows.values("id").tolist()


def test_split_is_a_partition_of_the_right_sizes(rows):
    parts = [ids(part) for part in rows.split(0.7, 0.2, 0.1)]
    assert sorted(np.concatenate(parts)) == sorted(FRAME["id"])
    np.testing.assert_allclose([len(part) for part in parts], [700, 200, 100], atol=45)


def test_split_does_not_depend_on_the_order_of_rows(rows):
    other = read_table(FRAME.sample(frac=1, random_state=1))
    for part, again in zip(rows.split(0.5, 0.5), other.split(0.5, 0.5), strict=True):
        assert set(ids(part)) == set(ids(again)) and ids(part) != ids(again)


def test_split_does_not_depend_on_the_columns_in_use(rows):
    assert ids(rows.without("size").split(0.5, 0.5)[0]) == ids(rows.split(0.5, 0.5)[0])


def test_union_holds_both_parts_in_the_order_of_the_table(rows, streamed):
    for table in (rows, streamed):
        train, val, test = table.split(0.7, 0.2, 0.1)
        both = train.union(val)
        assert len(both) == len(train) + len(val)
        away = set(ids(test))
        assert ids(both) == [name for name in FRAME["id"] if name not in away]
        assert ids(both.where(part="test").take(2)) == [n for n in ids(both) if int(n[1:]) % 2][:2]
        assert ids(train.take(5).union(train.take(3))) == ids(train.take(5))


def test_union_wants_parts_of_one_table(rows):
    with pytest.raises(ValueError, match=r"Rows\.union .*read apart") as raised:
        rows.union(read_table(FRAME.iloc[:3]))
    assert "one read_table" in str(raised.value)


def test_split_keeps_a_row_in_its_part_when_others_join(rows):
    fewer = read_table(FRAME.iloc[:500])
    assert set(ids(fewer.split(0.8, 0.2)[0])) <= set(ids(rows.split(0.8, 0.2)[0]))


def test_split_keeps_groups_together_and_spreads_rows_without_one(rows):
    parts = rows.split(0.6, 0.4, by="owner")
    owners = [set(part.values("owner")) for part in parts]
    assert owners[0] & owners[1] == {""}
    assert 40 < sum(owner == "" for owner in parts[0].values("owner")) < 80
    assert len(parts[0]) + len(parts[1]) == 1000


def test_split_by_seed(rows):
    first, again, other = (ids(rows.split(0.5, 0.5, seed=seed)[0]) for seed in (0, 0, 1))
    assert first == again and first != other


def test_equal_rows_stay_together():
    twice = read_table(pd.concat([FRAME[["id"]], FRAME[["id"]]]))
    left, right = (set(ids(part)) for part in twice.split(0.5, 0.5))
    assert not left & right


@pytest.mark.parametrize("shares", [(), (0.5, 0.4), (1.2, -0.2), (0.5, 0.5, 0.0)])
def test_shares_must_sum_to_one(rows, shares):
    with pytest.raises(ValueError, match=r"shares must be > 0 and sum to 1. Received: shares=\("):
        rows.split(*shares)


def test_where(rows):
    assert ids(rows.where(part="test"))[:2] == ["n1", "n3"]
    assert ids(rows.where(id=["n5", "n2"])) == ["n2", "n5"]
    assert ids(rows.where(part="train", size=["1", "2", "3", "4"])) == ["n2", "n4"]
    assert len(rows.where(part="none")) == 0


def test_take_goes_by_what_stands_before_it(rows):
    assert ids(rows.take(3)) == ["n0", "n1", "n2"]
    assert ids(rows.take(3).where(part="test")) == ["n1"]
    assert ids(rows.where(part="test").take(3)) == ["n1", "n3", "n5"]
    assert ids(rows.take(10).where(part="test").take(2)) == ["n1", "n3"]
    assert ids(rows.take(0)) == [] and len(rows.take(5000)) == 1000


def test_take_reads_no_further_than_it_must(tmp_path, monkeypatch):
    monkeypatch.setattr("data_pipelines.sources.delimited.CHUNK", 10)
    (tmp_path / "t.csv").write_text("a,b\n" + "1,2\n" * 50 + "broken\n")
    rows = read_table(tmp_path / "t.csv")
    assert len(rows.take(20)) == 20
    with pytest.raises(ValueError, match=r"must have 2 cells. Received: 1 in line 52"):
        len(rows)


def test_without(rows):
    fewer = rows.without("part", "size")
    assert fewer.columns == ("id", "owner") and set(next(fewer.chunks())) == {"id", "owner", "_row"}
    assert rows.without(*rows.columns).columns == ()
    with pytest.raises(ValueError, match=r"column='part'. Do: choose from \['id', 'owner'\]"):
        fewer.values("part")


@pytest.mark.parametrize(
    "use",
    [
        lambda rows: rows.values("no"),
        lambda rows: rows.where(no="x"),
        lambda rows: rows.without("no"),
        lambda rows: rows.split(0.5, 0.5, by="no"),
        lambda rows: rows.dataset(["no"]),
        lambda rows: rows.require(["id", "no"]),
        lambda rows: Pipeline({"no": Text()}).adapt(rows),
        lambda rows: Pipeline({"text": Text(column="no")}).adapt(rows),
        lambda rows: Pipeline({"both": Number(columns=["size", "no"])}).adapt(rows),
        lambda rows: Pipeline({"id": Text()}, {"no": Number()}).adapt(rows),
    ],
)
def test_a_column_that_is_not_there(rows, use):
    with pytest.raises(ValueError, match=r"\"DataFrame\": a column must be in the table. Received: column='no'. Do:"):
        use(rows)


def test_the_description_names_table_and_columns(rows):
    assert repr(rows) == "Rows('DataFrame', columns=['id', 'owner', 'part', 'size'])"


def steps(rows):
    train, test = rows.split(0.6, 0.4, by="owner", seed=3)
    return [rows, train, test, rows.where(part="test").take(70), rows.take(500).where(part="train"), test.without("id")]


def test_streams_equal_held_tables(rows, streamed):
    for table, stream in zip(steps(rows), steps(streamed), strict=True):
        columns = list(table.columns)
        one, other = table.dataset(columns), stream.dataset(columns)
        assert not stream.source.held and table.source.held
        assert one.element_spec == other.element_spec
        assert one.cardinality().numpy() == other.cardinality().numpy() == len(table) == len(stream)
        for ours, theirs in zip(one.batch(5000), other.batch(5000), strict=True):
            assert all(np.array_equal(ours[column], theirs[column]) for column in columns)
            np.testing.assert_array_equal(ours["_row"] + 2, theirs["_row"])


def test_streams_give_the_batches_of_held_tables(rows, streamed):
    pipe = Pipeline({"id": Text(), "size": Number()}).adapt(rows)
    again = Pipeline({"id": Text(), "size": Number()}).adapt(streamed)
    held, stream = (table.split(0.9, 0.1)[0] for table in (rows, streamed))
    for ours, theirs in zip(pipe.batches(held, 300), again.batches(stream, 300), strict=True):
        tf.nest.map_structure(np.testing.assert_array_equal, ours, theirs)


def test_streams_of_bytes(monkeypatch):
    frame = pd.DataFrame({"media": [bytes([number, 0, 255]) for number in range(200)], "text": "ä猫"})
    held = list(read_table(frame).dataset(["media", "text"]).as_numpy_iterator())
    monkeypatch.setattr(data_pipelines.sources.source, "HELD", 100)
    assert list(read_table(frame).dataset(["media", "text"]).as_numpy_iterator()) == held
    assert held[7] == {"media": b"\x07\0\xff", "text": "ä猫".encode(), "_row": 7}


def test_media_beyond_what_memory_should_hold_are_read_again(monkeypatch):
    frame = pd.DataFrame({"media": [b"x" * 10] * 200, "text": "a"})
    monkeypatch.setattr(data_pipelines.sources.source, "HELD_BYTES", 1999)
    rows = read_table(frame)
    assert len(rows) == 200 and not rows.source.held
    monkeypatch.setattr(data_pipelines.sources.source, "HELD_BYTES", 2000)
    assert len(list(rows.chunks())) == 1 and rows.source.held
