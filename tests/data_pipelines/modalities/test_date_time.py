"""Dates in all the ways that tables write them, and what a model sees of them."""

import datetime
import re

import numpy as np
import pandas
import pytest
import tensorflow as tf

from data_pipelines import Category, DateTime, Number, Pipeline, read_table
from data_pipelines.guessing.guess import guess_columns
from data_pipelines.infer import infer

UTC = datetime.UTC


def adapted(*cells, **options):
    date = DateTime(**options)
    date.adapt([(np.array(cells, object),)])
    return date


def moment(cell, **options):
    """Seconds since 1970 that a cell says, NaN for no date."""
    return float(DateTime(**options)._moments(tf.constant([cell]))[0][0])


def seconds(*parts, hours=0):
    return datetime.datetime(*parts, tzinfo=datetime.timezone(datetime.timedelta(hours=hours))).timestamp()


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("2024-05-01", seconds(2024, 5, 1)),
        ("2024-02-29T23:59:59.5Z", seconds(2024, 2, 29, 23, 59, 59, 500000)),
        ("2024-05-01 08:30:00+02:00", seconds(2024, 5, 1, 8, 30, hours=2)),
        ("2024-05-01T08:30-0530", seconds(2024, 5, 1, 8, 30, hours=-5.5)),
        ("2024/5/1", seconds(2024, 5, 1)),
        ("2024年5月1日", seconds(2024, 5, 1)),
        ("2024年5月1日 20:15", seconds(2024, 5, 1, 20, 15)),
        ("1.5.2024", seconds(2024, 5, 1)),
        ("5/1/2024 8:30 PM", seconds(2024, 5, 1, 20, 30)),
        ("5/1/2024 12:05 am", seconds(2024, 5, 1, 0, 5)),
        ("5/1/71", seconds(1971, 5, 1)),
        ("5/1/24", seconds(2024, 5, 1)),
        ("1900-03-01", seconds(1900, 3, 1)),
        ("0001-01-01", seconds(1, 1, 1)),
        ("1714552200", 1714552200.0),
        ("1714552200123", 1714552200.123),
        ("-86400", -86400.0),
    ],
)
def test_ways_to_write_a_date(cell, expected):
    assert moment(cell) == pytest.approx(expected, abs=1e-3)


def test_every_day_of_four_centuries():
    days = [datetime.date(1899, 12, 31) + datetime.timedelta(days=97 * n) for n in range(1600)]
    found = DateTime()._moments(tf.constant([day.isoformat() for day in days]))[0].numpy()
    expected = [(day - datetime.date(1970, 1, 1)).days * 86400.0 for day in days]
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    "cell",
    [
        "2024-13-01",
        "2023-02-29",
        "2024-04-31",
        "2024-05-01 25:00",
        "2024-05-01 15:00 PM",
        "May",
        "1/2",
        "2024-5",
    ],
)
def test_no_dates(cell):
    assert np.isnan(moment(cell))


def test_which_number_is_the_day():
    assert moment("1/5/2024", day_first=True) == seconds(2024, 5, 1)
    assert moment("1/5/2024", day_first=False) == seconds(2024, 1, 5)
    shown = adapted("13/2/2024", "1/5/2024")
    assert shown.last == seconds(2024, 5, 1) and shown.state()["day_first"] is True
    again = DateTime()
    again.set_state(shown.state())
    np.testing.assert_array_equal(
        again.encode([tf.constant(["1/5/2024"])])[0], shown.encode([tf.constant(["1/5/2024"])])[0]
    )


def test_parts_are_on_the_clock_of_the_cell():
    date = adapted("2024-01-01", "2024-12-31T00:00")
    cells = ["2024-01-01T06:00", "2024-01-01T06:00+08:00", "2023-12-31T22:00Z"]
    value, mask, bad = (part.numpy() for part in date.encode([tf.constant(cells)]))
    assert value.dtype == np.float32 and value.shape == (3, 7) and mask.all() and not bad.any()
    np.testing.assert_allclose(value[:2, 1:3], [[1, 0], [1, 0]], atol=1e-6)  # six in the morning, there and here
    np.testing.assert_allclose(value[1, 0], value[2, 0], atol=1e-7)  # one and the same moment
    np.testing.assert_allclose(value[0, 3:5], [np.sin(np.pi / 14), np.cos(np.pi / 14)], atol=1e-6)  # a Monday
    assert date.encode([tf.constant(["2024-01-01", "2024-12-31", "2090-01-01"])])[0][:, 0].numpy().tolist() == [
        -1,
        1,
        3,
    ]


def test_gaps_and_bad_cells():
    date = adapted("2024-01-01", "2024-12-31")
    value, mask, bad = (part.numpy() for part in date.encode([tf.constant(["", "  ", "soon", "2024-02-30"])]))
    assert not value.any() and not mask.any() and bad.tolist() == [False, False, True, True]
    assert date.reason([b"soon"], None) == "'soon' is not a date"
    with pytest.raises(ValueError, match=re.escape("hold a date in some training row. Received: 2 rows without one.")):
        adapted("", "soon")
    with pytest.raises(ValueError, match=r"on_bad must be None or 'mask'\. Received: on_bad='drop'"):
        DateTime(on_bad="drop")


def test_it_is_guessed():
    days = [f"2024-{1 + n % 12:02d}-{1 + n % 28:02d}" for n in range(60)]
    table = {"when": days, "mixed": [*days[:58], "soon", "later"], "word": ["a b c d"] * 30 + ["b c d e f"] * 30}
    rows = read_table(pandas.DataFrame({**table, "code": [f"12-34-{n}x" for n in range(60)], "y": ["a", "b"] * 30}))
    guesses = guess_columns(rows, ["y"])
    assert [guesses[name].kind for name in ("when", "mixed")] == ["DateTime", "DateTime"]
    assert guesses["mixed"].config == {"on_bad": "mask"} and guesses["code"].kind != "DateTime"
    assert isinstance(infer(rows, ["y"])[0]["when"], DateTime)


def test_a_pipeline_of_dates():
    frame = pandas.DataFrame({"when": ["2024-01-01", "", "2024-03-05"], "size": ["1", "2", "3"], "y": ["a", "b", "a"]})
    rows = read_table(frame)
    pipe = Pipeline({"when": DateTime(), "size": Number()}, {"y": Category()}).adapt(rows)
    x = next(iter(pipe.batches(rows, 3)))[0]
    assert x["when_mask"].numpy().any(1).tolist() == [True, False, True]
    assert pipe.signature()["when"].dtype == tf.string
