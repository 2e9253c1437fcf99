"""Series of measurements: standardised values, flags for gaps, times, files, and what breaks."""

import re

import keras
import numpy as np
import pandas
import pytest
import tensorflow as tf

import mmkeras as mm
from data_pipelines import Category, Pipeline, Tags, Text, TimeSeries, long_table, read_table
from data_pipelines.infer import infer


def table(*cells, **options):
    labels = [["a", "b"][place % 2] for place in range(len(cells))]
    return read_table(pandas.DataFrame({"load": list(cells), "fault": labels}), **options)


def pipeline(rows, on_bad="raise", **options):
    return Pipeline({"load": TimeSeries(**options)}, {"fault": Category()}, on_bad=on_bad).adapt(rows)


def batch(pipe, rows, **options):
    x, _, _ = next(iter(pipe.batches(rows, 8, **options)))
    return x["load"].numpy(), x["load_mask"].numpy()


def test_values_are_standardised_and_gaps_flagged():
    rows = table("1,10;nan,20;3,30", "5,nan")
    value, mask = batch(pipeline(table("1,10;nan,20;3,30", "5,nan|")), table("1,10;nan,20;3,30", "5,nan|"))
    one, two = np.array([1, 3, 5.0]), np.array([10, 20, 30.0])
    first, second = (one - one.mean()) / one.std(), (two - two.mean()) / two.std()
    expected = [[first[0], second[0], 1, 1], [0, second[1], 0, 1], [first[1], second[2], 1, 1]]
    np.testing.assert_allclose(value[0], expected, atol=1e-6)
    np.testing.assert_allclose(value[1], [[first[2], 0, 1, 0], [0] * 4, [0] * 4], atol=1e-6)
    assert mask.tolist() == [[True] * 3, [True, False, False]]
    with pytest.raises(ValueError, match=r"equally many channels\. Received: 2 and 1 numbers a step"):
        pipeline(rows)


@pytest.mark.parametrize(("keep", "places"), [("last", [2, 3, 4]), ("first", [0, 1, 2])])
def test_long_series_are_cut(keep, places):
    rows = table("0 1 2 3 4", "0 4")
    pipe = pipeline(rows, max_steps=3, keep=keep)
    value, _ = batch(pipe, rows)
    facts = pipe.inputs["load"]
    np.testing.assert_allclose(value[0, :, 0] * facts.deviations[0] + facts.means[0], places, atol=1e-5)


def test_times_of_this_century_keep_their_seconds():
    rows = table("1700000000,1;1700000001,2;1700000005,3", "1700000000,4;1700000010,5")
    value, _ = batch(pipeline(rows, times=True), rows)
    mean = (5 + 10) / 3
    np.testing.assert_allclose(value[0, :, 2], [0, 1 / mean, 4 / mean], atol=1e-6)
    assert value.shape[2] == 3


def test_a_series_without_a_number_is_absent():
    rows = table("1 2", "nan nan nan", "")
    value, mask = batch(pipeline(rows), rows)
    assert mask.tolist() == [[True, True], [False, False], [False, False]] and not value[1:].any()


def test_a_series_of_one_step():
    rows = table("1,10|", "3,30;5,50")
    value, mask = batch(pipeline(rows), rows)
    assert mask.tolist() == [[True, False], [True, True]]
    np.testing.assert_allclose(value[0], [[-np.sqrt(1.5), -np.sqrt(1.5), 1, 1], [0] * 4], atol=1e-6)


def test_a_series_of_no_steps_is_absent(tmp_path):
    np.save(tmp_path / "none.npy", np.zeros((0, 2)))
    (tmp_path / "none.csv").write_text("x,y\n")
    rows = table("1,2;3,4", "none.npy", "none.csv", "[]", media_root=tmp_path)
    pipe = pipeline(rows, on_bad="mask")
    value, mask = batch(pipe, rows)
    assert mask.any(1).tolist() == [True, False, False, False] and not value[1:].any()
    assert pipe.problems.masked == {}


def test_a_channel_of_gaps_only_leaves_the_others():
    rows = table("1,2;3,4", "nan,5;nan,6")
    value, mask = batch(pipeline(rows), rows)
    assert mask.all() and not value[1, :, [0, 2]].any() and value[1, :, 3].tolist() == [1, 1]
    np.testing.assert_allclose(value[1, :, 1], (np.array([5, 6]) - 4.25) / np.std([2, 4, 5, 6]), atol=1e-6)


def test_a_channel_that_never_moves_stays_finite():
    rows = table("7,1;7,2", "7,3;7,4")
    value, _ = batch(pipeline(rows), rows)
    np.testing.assert_array_equal(value[:, :, 0], 0)


def test_files_lists_and_text_give_the_same(tmp_path):
    values = np.array([[1.5, 2], [np.nan, 3], [4, 5]])
    np.save(tmp_path / "a.npy", values)
    np.savez(tmp_path / "b.npz", values)
    pandas.DataFrame(values, columns=["x", "y"]).to_csv(tmp_path / "c.csv", index=False)
    pandas.DataFrame(values, columns=["x", "y"]).to_csv(tmp_path / "d.tsv", sep="\t", index=False)
    cells = ["a.npy", "b.npz", "c.csv", "d.tsv", str(tmp_path / "a.npy"), "1.5,2;nan,3;4,5"]
    rows = table(*cells, values.tolist(), values, media_root=tmp_path)
    value, mask = batch(pipeline(rows), rows)
    assert mask.all()
    for row in value[1:]:
        np.testing.assert_allclose(row, value[0], atol=1e-6)


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        ("1,x;2,3", "not a number: x"),
        ("1,2;3", "steps must have equally many numbers, not 1 and 2"),
        ("1,2,3|", "a step must have 2 numbers, not 3"),
        ("gone.npy", "there is no file"),
        ("empty.npy", "has 0 bytes"),
        ("text.npz", "no archive of arrays"),
    ],
)
def test_bad_cells_name_table_column_row_and_reason(tmp_path, cell, reason):
    (tmp_path / "empty.npy").write_bytes(b"")
    (tmp_path / "text.npz").write_bytes(b"PK nothing")
    good = table("1,2;3,4", "5,6|", media_root=tmp_path)
    bad = table("1,2;3,4", cell, "5,6|", media_root=tmp_path)
    with pytest.raises(tf.errors.InvalidArgumentError) as caught:
        list(pipeline(good).batches(bad, 8))
    for part in ('table "DataFrame"', "column 'load'", "row 1", reason):
        assert part in str(caught.value)
    pipe = pipeline(good, on_bad="mask")
    _, mask = batch(pipe, bad)
    assert mask.any(1).tolist() == [True, False, True] and pipe.problems.masked == {"load": 1}


def test_times_that_go_back_are_bad():
    good, bad = table("0,1;1,2", "0,3;2,4"), table("0,1;1,2", "5,3;2,4")
    with pytest.raises(tf.errors.InvalidArgumentError, match="every step must have a time, and none may go back"):
        list(pipeline(good, times=True).batches(bad, 8))


@pytest.mark.parametrize(
    ("options", "rule"),
    [
        ({"max_steps": 0}, "TimeSeries: max_steps and max_bytes must be > 0. Received: max_steps=0"),
        ({"keep": "middle"}, "TimeSeries: keep must be one of ('last', 'first'). Received: keep='middle'."),
    ],
)
def test_wrong_arguments(options, rule):
    with pytest.raises(ValueError, match=re.escape(rule)):
        TimeSeries(**options)


def test_nothing_to_learn_from():
    with pytest.raises(ValueError, match="every channel must hold a number in some training row"):
        pipeline(table("nan nan", ""))


def test_saved_exported_and_in_process_answers_are_equal(tmp_path):
    texts = ["1,2;3,4;5,nan", "2,2|", "", "3,1;nan,nan;0,1;2,2"]
    rows = table(*texts)
    pipe = pipeline(rows)
    pipe.save(tmp_path / "pipe.json")
    pipe = Pipeline.load(tmp_path / "pipe.json")
    keras.utils.set_random_seed(0)
    model = mm.build(pipe.spec, dim=8)
    mm.export(model, pipe, tmp_path / "model")
    serve = tf.saved_model.load(tmp_path / "model").signatures["serving_default"]
    answers = serve(load=tf.constant(texts))
    x = next(iter(pipe.batches(rows, 8, with_targets=False)))
    expected = model(x, training=False)["fault"]
    np.testing.assert_allclose(answers["fault_probabilities"], expected, atol=1e-5)
    assert answers["load_present"].numpy().tolist() == [True, True, False, True]


def test_a_model_learns_from_series():
    random = np.random.default_rng(0)
    cells, labels = [], []
    for place in range(120):
        steps = random.normal(size=(random.integers(12, 20), 2)).cumsum(0) / 4
        steps[:, 1] += np.arange(len(steps)) * (0.5 if place % 2 else -0.5)
        steps[random.random(steps.shape) < 0.2] = np.nan
        cells.append(steps)
        labels.append("up" if place % 2 else "down")
    rows = read_table(pandas.DataFrame({"sensor": cells, "trend": labels, "part": ["train"] * 80 + ["test"] * 40}))
    train, test = rows.where(part="train"), rows.where(part="test")
    inputs, targets = infer(train, ["trend"], ignore=["part"])
    assert isinstance(inputs["sensor"], TimeSeries)
    pipe = Pipeline(inputs, targets).adapt(train)
    for encoder in (None, "TimeSeriesLSTMEncoder", "TimeSeriesPatchEncoder"):
        keras.utils.set_random_seed(0)
        model = mm.build(pipe.spec, dim=16, encoders={"sensor": encoder} if encoder else None)
        mm.compile(model, pipe.spec, learning_rate=5e-3)
        model.fit(pipe.batches(train, 20, training=True), epochs=8, shuffle=False, verbose=0)
        assert mm.evaluate(model, pipe, test)["targets"]["trend"]["accuracy"] >= 0.9


def test_texts_with_numbers_are_no_series():
    words = [f"page {n} of 9, see 3; then 4" for n in range(60)]
    inputs, _ = infer(table(*words), ["fault"])
    assert isinstance(inputs["load"], Text)


def test_tags_are_no_series():
    inputs, _ = infer(table(*(["a|b", "b|c|d", "2|3"][n % 3] for n in range(60))), ["fault"])
    assert isinstance(inputs["load"], Tags)


def test_long_table():
    log = pandas.DataFrame(
        {
            "machine": ["b", "a", "b", "a", "a"],
            "when": pandas.to_datetime(["2024-01-02", "2024-01-01", "2024-01-01", "2024-01-03", "2024-01-02"]),
            "load": [1, 2, 3, np.nan, 5],
            "fault": ["yes", "no", "yes", "no", "no"],
        }
    )
    gathered = long_table(log, by="machine", values=["load"], time="when", static=["fault"])
    assert gathered[["machine", "fault"]].to_numpy().tolist() == [["b", "yes"], ["a", "no"]]
    day = 86400
    first = 1704067200
    assert gathered["series"][0] == [[first, 3], [first + day, 1]]
    np.testing.assert_array_equal(gathered["series"][1], [[first, 2], [first + day, 5], [first + 2 * day, np.nan]])
    rows = read_table(gathered)
    pipe = Pipeline({"series": TimeSeries(times=True)}, {"fault": Category()}).adapt(rows)
    x, _, _ = next(iter(pipe.batches(rows, 2)))
    np.testing.assert_allclose(x["series"][1, :, 2], [0, 1, 1])
    assert x["series"][1, 2, 1] == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"by": "who"}, "a column must be in the table. Received: 'who'"),
        ({"values": ["fault"]}, "a channel must hold numbers"),
        ({"time": "when"}, "every line must have a time"),
    ],
)
def test_long_tables_that_cannot_be(options, message):
    log = pandas.DataFrame({"machine": ["a", "a"], "when": [1, np.nan], "load": [1, 2], "fault": ["no", "yes"]})
    with pytest.raises(ValueError, match=re.escape(message)):
        long_table(log, **{"by": "machine", "values": ["load"], **options})


def test_a_column_of_which_nothing_can_be_read_says_why():
    with pytest.raises(
        ValueError, match=r"some series .* must be readable\. Received: none of 2; the first, '1,x,3': .*x"
    ):
        pipeline(table("1,x,3", "", "also none"))
