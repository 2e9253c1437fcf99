"""Long series → pasts and futures, in order of time, with nothing of the future in the past."""

import numpy as np
import pandas
import pytest

from data_pipelines import TimeSeries, read_table, split_in_time, windows


def hours(count=20, machines=("a",)):
    when = pandas.date_range("2024-01-01", periods=count, freq="h")
    parts = [
        pandas.DataFrame({"machine": m, "when": when, "load": np.arange(count) + 100.0 * n, "day": when.day})
        for n, m in enumerate(machines)
    ]
    return pandas.concat(parts, ignore_index=True)


def test_a_future_begins_where_its_past_ends():
    rows = windows(hours(), past=5, horizon=3, values=["load"], time="when", step=4)
    assert rows["past"].tolist() == [[[float(v)] for v in range(cut - 5, cut)] for cut in (5, 9, 13, 17)]
    assert rows["future"].tolist() == [[[float(v)] for v in range(cut, cut + 3)] for cut in (5, 9, 13, 17)]
    assert rows["begins"].dt.hour.tolist() == [5, 9, 13, 17]
    assert (rows["ends"] - rows["begins"] == pandas.Timedelta(hours=2)).all()


def test_series_do_not_run_into_each_other_and_lines_are_put_in_order():
    frame = hours(8, ("a", "b"))
    ordered = windows(frame, 4, 2, ["load", "day"], ["load"], "when", by="machine", static=["day"])
    mixed = windows(frame.sample(frac=1, random_state=0), 4, 2, ["load", "day"], ["load"], "when", "machine", ["day"])
    assert ordered["machine"].tolist() == ["a"] * 3 + ["b"] * 3
    assert ordered["future"].tolist()[3] == [[104.0], [105.0]]
    assert ordered["past"].tolist()[3][0] == [100.0, 1.0]
    assert sorted(map(str, mixed["past"])) == sorted(map(str, ordered["past"]))


def test_static_columns_are_those_of_the_first_step_to_come():
    frame = hours(6)
    frame["hour"] = frame["when"].dt.hour
    assert windows(frame, 2, 1, ["load"], time="when", static=["hour"])["hour"].tolist() == [2, 3, 4, 5]


def test_no_future_lies_in_two_parts():
    rows = windows(hours(60), past=5, horizon=4, values=["load"])
    train, val, test = split_in_time(rows.sample(frac=1, random_state=0), 0.6, 0.2, 0.2)
    assert train["ends"].max() < val["begins"].min() <= val["ends"].max() < test["begins"].min()
    assert len(train) + len(val) + len(test) == len(rows) - 2 * 3
    assert abs(len(test) - 0.2 * len(rows)) <= 1


def test_rows_go_into_a_pipeline():
    rows = read_table(windows(hours(12), 4, 2, ["load"]))
    modality = TimeSeries(column="future", max_steps=2)
    modality.adapt([(np.array([str(cell) for cell in ["[[1.0], [3.0]]"]], object),)])
    assert rows.source.name
    assert modality.means == [2.0]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"past": 0}, r"past must be > 0\. Received: past=0"),
        ({"horizon": 0}, r"horizon must be > 0\. Received: horizon=0"),
        ({"step": 0}, r"step must be > 0\. Received: step=0"),
        ({"values": ["lod"]}, r"a column must be in the table\. Received: 'lod'"),
        ({"targets": ["heat"]}, r"Received: 'heat'"),
        ({"time": "then"}, r"Received: 'then'"),
        ({"static": ["past"]}, r"'past' is what a new column is called"),
        ({"past": 18}, r"a series must have past \+ horizon steps\. Received: 18 \+ 3 steps of at most 20"),
    ],
)
def test_what_is_refused(options, said):
    frame = hours()
    frame["past"] = 0
    with pytest.raises(ValueError, match=said):
        windows(frame, **{"past": 5, "horizon": 3, "values": ["load"], **options})


def test_shares_and_empty_parts_are_refused():
    rows = windows(hours(12), 5, 3, ["load"])
    with pytest.raises(ValueError, match=r"shares must be > 0 and add up to 1\. Received: \(0\.5, 0\.2\)"):
        split_in_time(rows, 0.5, 0.2)
    with pytest.raises(ValueError, match=r"every part must have rows\. Received: \[2, 0, 1\] of 5"):
        split_in_time(rows.iloc[:5], 0.8, 0.1, 0.1)


@pytest.mark.parametrize(
    "write",
    [
        lambda when: when.map(lambda time: str(time.hour)),
        lambda when: when.map(lambda time: f"2024-01-01T{time.hour:02d}:00"),
        lambda when: when.map(str),
        lambda when: when.map(lambda time: time.hour).astype(object),
    ],
    ids=["numbers", "dates", "times", "objects"],
)
def test_times_that_are_texts_are_put_in_order_of_time(write):
    frame = hours(15)
    texts = frame.assign(when=write(frame["when"])).sample(frac=1, random_state=1)
    rows = windows(texts, 4, 2, ["load"], time="when")
    assert rows["future"].tolist() == [[[float(cut)], [cut + 1.0]] for cut in range(4, 14)]
    train, test = split_in_time(rows, 0.5, 0.5)
    assert train["ends"].max() < test["begins"].min() and len(train) == 4


def test_times_that_cannot_be_put_in_order_are_refused():
    frame = hours(5)
    with pytest.raises(
        ValueError, match=r"windows: a time must be a number or a date .* Received: column 'when' .*to_datet"
    ):
        windows(frame.assign(when=["5.3.2024"] * 5), 2, 1, ["load"], time="when")
    with pytest.raises(ValueError, match=r"windows: every line must have a time\. Received: none in 'when'"):
        windows(frame.assign(when=["1", "2", None, "4", "5"]), 2, 1, ["load"], time="when")
