"""The order in which training draws rows: mixed, weighed, resumed, the same again under a seed."""

import collections

import numpy as np
import pandas
import pytest
import tensorflow as tf

from data_pipelines import Category, Number, Pipeline, Text, mix, read_table
from data_pipelines.sources import source as source_module

COUNT = 50


@pytest.fixture(params=["held", "streamed"])
def table(request, tmp_path, monkeypatch):
    """A table of numbers with a rare and a common class, in memory or streamed in chunks of 7."""
    path = tmp_path / "numbers.csv"
    frame = pandas.DataFrame({"x": range(COUNT), "kind": ["rare" if n % 10 == 0 else "common" for n in range(COUNT)]})
    frame.to_csv(path, index=False)
    if request.param == "streamed":
        monkeypatch.setattr(source_module, "HELD", 10)
        monkeypatch.setattr("data_pipelines.sources.delimited.CHUNK", 7)
    return read_table(path)


@pytest.fixture
def pipe(table):
    return Pipeline({"x": Text()}, {"kind": Category()}).adapt(
        mix(table, read_table(pandas.DataFrame({"x": range(100, 110)})))
    )


@pytest.fixture
def drawn(pipe):
    """The values of `x` in the order of a data set's rows."""

    def draw(dataset, batches=None):
        dataset = dataset if batches is None else dataset.take(batches)
        words = pipe.inputs["x"].vocabulary
        return [int(words[token - 2]) for x, _, _ in dataset.as_numpy_iterator() for token in x["x"][:, 0]]

    return draw


@pytest.mark.parametrize("cache", [False, True])
def test_every_pass_has_each_row_once_in_another_order(table, pipe, drawn, cache):
    batches = pipe.batches(table, 8, training=True, seed=3, cache=cache)
    first, second = drawn(batches), drawn(batches)
    assert batches.cardinality() == 7
    assert sorted(first) == sorted(second) == list(range(COUNT)) and first != second
    again = pipe.batches(table, 8, training=True, seed=3, cache=cache)
    assert [drawn(again), drawn(again)] == [first, second]
    assert drawn(pipe.batches(table, 8, training=True, seed=4, cache=cache)) != first


@pytest.mark.parametrize("cache", [False, True])
def test_training_goes_on_at_an_epoch_as_if_unbroken(table, pipe, drawn, cache):
    whole = pipe.batches(table, 8, training=True, cache=cache)
    passes = [drawn(whole) for _ in range(3)]
    resumed = pipe.batches(table, 8, training=True, cache=cache, first_step=7)
    assert [drawn(resumed), drawn(resumed)] == passes[1:]


@pytest.mark.parametrize("cache", [False, True])
def test_endless_training_goes_on_at_any_step(table, pipe, drawn, cache):
    whole = drawn(pipe.batches(table, 8, training=True, cache=cache, endless=True), 20)
    assert len(whole) == 160 and sorted(whole[:COUNT]) == sorted(whole[COUNT : 2 * COUNT]) == list(range(COUNT))
    for step in (1, 9):
        resumed = pipe.batches(table, 8, training=True, cache=cache, endless=True, first_step=step)
        assert drawn(resumed, 20 - step) == whole[8 * step :]


@pytest.mark.parametrize("cache", [False, True, "file"])
def test_endless_training_by_pass_gives_the_batches_of_single_passes(table, pipe, drawn, cache, tmp_path):
    kept = iter(tmp_path / f"cache{number}" for number in range(9))
    options = lambda: {"training": True, "cache": next(kept) if cache == "file" else cache}  # noqa: E731
    single = pipe.batches(table, 8, **options())
    whole = [row for _ in range(4) for row in drawn(single)]
    by_pass = pipe.batches(table, 8, **options(), endless="by pass")
    assert by_pass.cardinality() == tf.data.INFINITE_CARDINALITY
    sizes = [len(x["x"]) for x, _, _ in by_pass.take(8).as_numpy_iterator()]
    assert sizes == [8] * 6 + [2, 8]
    for step in (0, 1, 6, 7, 9):
        resumed = pipe.batches(table, 8, **options(), endless="by pass", first_step=step)
        assert drawn(resumed, 28 - step) == whole[COUNT * (step // 7) + 8 * (step % 7) :]


@pytest.mark.parametrize("cache", [False, True])
def test_balanced_rows_come_in_equal_shares(table, pipe, drawn, cache):
    batches = pipe.batches(table.balanced("kind"), 8, training=True, cache=cache)
    found = [drawn(batches) for _ in range(2)]
    for rows in found:
        assert len(rows) == COUNT and sum(row % 10 == 0 for row in rows) == COUNT / 2
        times = collections.Counter(rows)
        assert {times[row] for row in range(0, COUNT, 10)} == {5}
        assert max(times[row] for row in range(COUNT) if row % 10) == 1
    assert set(found[0]) != set(found[1])
    assert drawn(pipe.batches(table.balanced("kind"), 8)) == list(range(COUNT))


def test_tables_mix_in_shares(table, pipe, drawn, tmp_path):
    other = tmp_path / "other.csv"
    pandas.DataFrame({"x": range(100, 110), "note": "new"}).to_csv(other, index=False)
    mixed = mix(table, read_table(other), weights=[3, 1])
    assert drawn(pipe.batches(mixed, 8)) == [*range(COUNT), *range(100, 110)]
    found = drawn(pipe.batches(mixed, 8, training=True))
    assert len(found) == 60 and sum(row >= 100 for row in found) == 15
    assert mixed.values("note").tolist() == [""] * COUNT + ["new"] * 10
    assert mixed.values("kind").tolist()[COUNT:] == [""] * 10
    parts = mixed.split(0.5, 0.5)
    assert sorted(drawn(pipe.batches(parts[0], 8)) + drawn(pipe.batches(parts[1], 8))) == drawn(pipe.batches(mixed, 8))


def test_a_bad_cell_of_a_mixture_is_found_in_its_own_table(table, tmp_path):
    other = tmp_path / "other.csv"
    other.write_text("x\n7\nseven\n")
    numbers = Pipeline({"x": Number()}).adapt(table)
    with pytest.raises(tf.errors.InvalidArgumentError, match=r'"other.csv", column .x., row 3'):
        list(numbers.batches(mix(table, read_table(other)), 8))


def test_a_budget_needs_sequences(table):
    numbers = Pipeline({"x": Number()}).adapt(table)
    with pytest.raises(ValueError, match=r"token_budget needs an input of variable length.*inputs=\['x'\]"):
        numbers.batches(table, 8, training=True, token_budget=10)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"weights": [1.0]}, r"a weight > 0 for each. Received: 2 tables, weights=\[1.0\]"),
        ({"weights": [1.0, 0.0]}, r"Received: 2 tables, weights=\[1.0, 0.0\]"),
    ],
)
def test_mixtures_need_weights(table, arguments, message):
    with pytest.raises(ValueError, match=message):
        mix(table, table, **arguments)


def test_mixtures_of_bytes_and_paths_are_refused(table):
    held = read_table(pandas.DataFrame({"x": [b"1", b"2"]}))
    with pytest.raises(ValueError, match=r"bytes in all tables or paths in all. Received: column='x'"):
        mix(table, held)


def test_balancing_needs_values(tmp_path):
    rows = read_table(pandas.DataFrame({"x": [1, 2], "kind": ["", ""]}))
    with pytest.raises(ValueError, match=r"must have values. Received: column='kind'"):
        rows.balanced("kind")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"first_step": 3}, "first_step=3, 7 steps an epoch"),
        ({"endless": "always"}, "must be False, True or .by pass.. Received: endless='always'"),
        ({"endless": True, "on_bad": "drop"}, "Received: on_bad='drop'"),
        ({"endless": True, "training": False}, "are for training. Received: training=False"),
        ({"first_step": 7, "bucket_by_length": True}, "Received: first_step=7 with bucket_by_length or token_budget"),
        ({"service": "grpc://localhost:1", "endless": True}, "Received: endless=True, first_step=0, weighted=False"),
        ({"service": "localhost:1"}, "must be an address. Received: service='localhost:1'"),
    ],
)
def test_wrong_options_say_so(table, pipe, options, message):
    with pytest.raises(ValueError, match=message):
        pipe.batches(table, 8, **{"training": True, **options})


def test_a_budget_bounds_every_batch(tmp_path):
    lengths = np.random.default_rng(0).integers(1, 30, 60)
    frame = pandas.DataFrame({"text": [" ".join([f"w{n}"] * size) for n, size in enumerate(lengths)]})
    rows = read_table(frame)
    pipe = Pipeline({"text": Text(max_tokens=32)}).adapt(rows)
    shapes, seen = [], []
    for x, _, _ in pipe.batches(rows, 16, training=True, token_budget=64).as_numpy_iterator():
        shapes.append(x["text"].shape)
        seen += x["text"][:, 0].tolist()
    assert len(set(seen)) == len(seen) == 60
    assert all(rows * steps <= 64 and rows <= 16 for rows, steps in shapes)
    assert max(rows for rows, _ in shapes) >= 8
    with pytest.raises(ValueError, match="token_budget=31, a row of up to 32 steps"):
        pipe.batches(rows, 16, training=True, token_budget=31)


def test_media_in_rows_are_not_held(monkeypatch, tmp_path):
    frame = pandas.DataFrame({"x": [bytes(100)] * 20})
    monkeypatch.setattr(source_module, "HELD_BYTES", 1000)
    rows = read_table(frame)
    assert len(rows) == 20 and not rows.source.held and rows.row_bytes == 100
