"""Numbers against numpy: quantiles, ties, gaps, bad text, targets in their own units."""

import json

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from data_pipelines import Category, CellContext, Number, Pipeline, read_table

CONTEXT = CellContext()
RANDOM = np.random.default_rng(0)


def written(values):
    return np.array([value if isinstance(value, str) else repr(float(value)) for value in values], object)


def adapted(*columns, **options):
    number = Number(columns=[f"c{i}" for i in range(len(columns))] if len(columns) > 1 else None, **options)
    number.adapt([tuple(written(column) for column in columns)])
    return number


def encoded(number, *columns):
    value, mask, bad = number.encode_row([tf.constant(written(column)) for column in columns], CONTEXT)
    assert value.dtype == tf.float32 and mask.dtype == tf.bool
    return value.numpy(), mask.numpy(), bad.numpy()


@pytest.mark.parametrize("knots", [2, 17, 65])
def test_quantiles_are_the_share_of_training_values_below(knots):
    values = RANDOM.lognormal(0, 2, 500).astype("float32").astype("float64")
    number = adapted(values, knots=knots)
    probe = np.concatenate([values[:50], [values.min(), values.max()]])
    expected = 2 * np.interp(probe, np.quantile(values, np.linspace(0, 1, knots)), np.linspace(0, 1, knots)) - 1
    np.testing.assert_allclose(encoded(number, probe)[0][:, 0], expected, atol=1e-4)


def test_values_outside_the_training_range_stop_at_the_ends():
    assert encoded(adapted(range(100)), [-1e9, 1e9])[0][:, 0].tolist() == [-1, 1]


def test_ties_take_the_middle_of_their_shares():
    values = [0.0] * 90 + list(range(1, 11))
    value = encoded(adapted(values), [0, 10, 0.5])[0][:, 0]
    assert abs(value[0] - (0.0 + 0.9 - 1)) < 0.05
    assert value[1] == 1 and value[0] < value[2] < 1
    top = encoded(adapted([-value for value in values]), [0, -10])[0][:, 0]
    np.testing.assert_allclose(top, -value[:2], atol=1e-6)


def test_quantiles_keep_the_order():
    values = np.round(RANDOM.normal(size=300), 1)
    value = encoded(adapted(values, knots=9), np.sort(values))[0][:, 0]
    assert (np.diff(value) >= 0).all() and value[0] < -0.9 and value[-1] > 0.9


@pytest.mark.parametrize("scaling", ["quantile", "standard"])
def test_a_constant_column_is_zero(scaling):
    value, mask, _ = encoded(adapted([0.1] * 30, scaling=scaling), [0.1, 0.1])
    assert value.tolist() == [[0], [0]] and mask.all()


def test_standard_scaling_is_numpy_standardisation():
    values = RANDOM.normal(50, 9, 200)
    value = encoded(adapted([*values, ""], scaling="standard"), values)[0][:, 0]
    np.testing.assert_allclose(value, (values - values.mean()) / values.std(), atol=1e-5)


@pytest.mark.parametrize(
    "cell", ["", "  ", "NA", "na", "N/A", "#N/A", "nan", "NaN", "-nan", " nan ", "null", "NULL", "None", "none", "<NA>"]
)
def test_spellings_of_missing(cell):
    value, mask, bad = encoded(adapted([1, 2, 3]), [cell, 2])
    assert mask[:, 0].tolist() == [False, True] and not bad.any() and value[0] == 0


@pytest.mark.parametrize(
    ("cell", "number"),
    [("3", 3), ("+3.", 3), (" -.5\t", -0.5), ("1e3", 1000), ("2E-1", 0.2), ("1e-999", 0), ("007", 7)],
)
def test_spellings_of_numbers(cell, number):
    value, mask, bad = encoded(adapted([0, 1000], scaling="standard"), [cell])
    assert mask.all() and not bad.any()
    np.testing.assert_allclose(value[0, 0] * 500 + 500, number, atol=1e-3)


@pytest.mark.parametrize(
    "cell", ["three", "1,000", "0x10", "1_000", "inf", "-inf", "Infinity", "1e999", "12 kg", "٣", "--1"]
)
def test_what_is_no_number_is_bad_and_absent(cell):
    number = adapted([1, 2, cell])
    value, mask, bad = encoded(number, [cell, 2])
    assert bad.tolist() == [True, False] and mask[:, 0].tolist() == [False, True] and value[0] == 0
    assert number.reason([cell.encode()], CONTEXT) == f"{cell!r} is not a finite number"
    assert np.isfinite(number.state()["means"]).all()


def test_a_group_has_a_mask_for_each_column():
    number = adapted([1, 2, 3, ""], [10, "", 30, 50], scaling="standard")
    value, mask, bad = encoded(number, [2, "", "x"], [30, 10, ""])
    assert mask.tolist() == [[True, True], [False, True], [False, False]] and bad.tolist() == [False, False, True]
    np.testing.assert_allclose(value[:2], [[0, 0], [0, -20 / np.std([10, 30, 50])]], atol=1e-6)
    assert number.spec().shape == (2,) and number.columns("both") == ("c0", "c1")
    assert number.reason([b"1", b"x"], CONTEXT).startswith("'x'")


def test_served_numbers_are_floats():
    number = adapted(range(11))
    value, mask, bad = number.encode([tf.constant([5.0, np.nan, np.inf])])
    assert number.served_dtype() == "float32"
    np.testing.assert_allclose(value, [[0], [0], [0]], atol=1e-6)
    assert mask.numpy().tolist() == [[True], [False], [False]] and bad.numpy().tolist() == [False, False, True]


def test_a_target_is_standardised_and_written_in_its_units():
    values = RANDOM.normal(1000, 250, 100).astype("float32")
    number = adapted(values)
    label, weight, bad = number.encode_target([tf.constant(written([*values, "", "x", "inf"]))], CONTEXT)
    np.testing.assert_allclose(label[:100, 0], (values - values.mean()) / values.std(), atol=1e-4)
    assert label.shape == (103, 1) and label[100:].numpy().tolist() == [[0], [0], [0]]
    assert weight.numpy().tolist() == [1] * 100 + [0, 0, 0] and bad.numpy()[100:].tolist() == [False, True, True]
    np.testing.assert_allclose(number.write("price", label[:100])["price"], values, rtol=1e-5)
    np.testing.assert_allclose(number.units(label.numpy()[:100, 0]), values, rtol=1e-5)


def test_learning_from_many_chunks_is_learning_from_one():
    values = RANDOM.normal(size=300)
    whole, parts = adapted(values), Number()
    parts.adapt([(written(values[start : start + 100]),) for start in (0, 100, 200)])
    assert parts.state() == whole.state()


def test_state_and_config_come_back():
    number = adapted([1, 2, 9], [3, "", 4], scaling="standard", knots=5)
    again = Number(**{key: value for key, value in number.get_config().items() if key != "modality"})
    again.set_state(number.state())
    np.testing.assert_array_equal(encoded(again, [7], [8])[0], encoded(number, [7], [8])[0])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Number(scaling="root"), "scaling must be one of .* Received: scaling='root'"),
        (lambda: Number(knots=1), "knots must be > 1. Received: knots=1"),
        (lambda: adapted(["", "x", "nan"]), "must hold a number in some training row. Received: 3 rows without one"),
        (lambda: adapted([1, 2], ["", "x"]), "Received: 2 rows without one in 'c1'"),
        (
            lambda: adapted([1], [2]).encode_target([tf.constant(["1"])] * 2, CONTEXT),
            r"a target is one column. Received: columns=\('c0', 'c1'\)",
        ),
    ],
)
def test_wrong_use(make, message):
    with pytest.raises(ValueError, match=message):
        make()


SECONDS = 1.7e9 + 7.0 * np.arange(200)


def test_seconds_since_1970_stay_apart():
    number = adapted(SECONDS)
    assert number.served_dtype() == "float64" and number.remark == ""
    value = encoded(number, SECONDS)[0]
    np.testing.assert_allclose(value[:, 0], np.linspace(-1, 1, 200), atol=1e-5)
    served = number.encode([tf.constant(SECONDS)])[0]
    np.testing.assert_array_equal(served, value)
    again = Number()
    again.set_state(json.loads(json.dumps(number.state())))
    np.testing.assert_array_equal(encoded(again, SECONDS)[0], value)


def test_seconds_since_1970_are_answered_to_the_second():
    number = adapted(SECONDS)
    label, _, _ = number.encode_target([tf.constant(written(SECONDS))], CONTEXT)
    np.testing.assert_allclose(label[:, 0], (SECONDS - SECONDS.mean()) / SECONDS.std(), atol=1e-6)
    for answer in (number.write("when", label)["when"].numpy(), number.units(label.numpy()[:, 0])):
        assert answer.dtype == "float64" and np.abs(answer - SECONDS).max() < 0.01


def test_numbers_that_float32_keeps_apart_are_served_as_float32():
    for values in ([0.1, 0.2, 0.3], [2019, 2020, 2021], RANDOM.normal(1e4, 100, 50).round(2), [1e30, -1e30], [7.3] * 9):
        number = adapted(values)
        assert number.served_dtype() == "float32" and number.remark == ""
        served = number.encode([tf.constant(np.array(values, "float32"))])[0]
        np.testing.assert_array_equal(served, encoded(number, values)[0])


def test_what_stays_alike_is_said():
    values = [*range(1, 101), 1e12]
    assert adapted(values).remark == ""
    number = adapted(values, scaling="standard")
    told = len(np.unique(encoded(number, values)[0]))
    assert told < 101 and number.remark == f"float32 tells {told} of 101 different numbers apart"
    target = adapted(values)
    target.check_target("price")
    assert target.remark == number.remark
    group = adapted(values, range(101), scaling="standard")
    assert group.remark == number.remark.replace(" apart", " of 'c0' apart")


def test_a_state_saved_without_a_precision_is_one_of_float32():
    number = adapted([0.1] * 20 + [0.2] * 20 + [0.3])
    old = Number()
    old.set_state({key: number.state()[key] for key in ("means", "deviations", "curves")})
    old.curves = np.float32(old.curves).tolist()
    np.testing.assert_array_equal(encoded(old, [0.1, 0.2])[0], encoded(number, [0.1, 0.2])[0])


@pytest.mark.parametrize(
    ("decimal", "cells"),
    [
        (
            ".",
            {"$1,234.50": 1234.5, "€ 12": 12, "-£3.5": -3.5, "1'000": 1000, "12 %": 12, "1e3": 1000, "1 000,000": None},
        ),
        (".", {"1,23": None, "12,5": None, "1,2345": None, "abc": None, "$": None, ".5 kg": None, "¥-1,000,000": -1e6}),
        (",", {"1.234,50 €": 1234.5, "12,5": 12.5, "€1.234": 1234, "1.234.567": 1234567, "1.234": None, "2.5": None}),
        (
            ",",
            {"1\u202f234,5": 1234.5, "-0,5": -0.5, ",5": 0.5, "1.23,4": None, "1,234.5": None, "EUR 7": 7, "1e3": None},
        ),
    ],
)
def test_numbers_written_for_people(decimal, cells):
    number = Number(decimal=decimal)
    (value,), bad = number.parse([tf.constant(list(cells))], CONTEXT)
    given = {
        cell: None if wrong else v for cell, v, wrong in zip(cells, value.numpy().tolist(), bad.numpy(), strict=True)
    }
    assert given == cells
    assert Number(**{k: v for k, v in number.get_config().items() if k != "modality"}).decimal == decimal


def test_wrong_decimals():
    with pytest.raises(ValueError, match=r"decimal must be None, '.' or ','.* Received: decimal=';', on_bad='drop'"):
        Number(decimal=";", on_bad="drop")


def test_a_column_of_its_own_policy():
    rows = read_table(pd.DataFrame({"a": ["1", "n.k.", "3", "x"], "kind": list("pqpq")}))
    for policy, count in (("raise", 4), ("drop", 4)):
        pipe = Pipeline({"a": Number(on_bad="mask")}, {"kind": Category()}, on_bad=policy).adapt(rows)
        ((x, y, _),) = pipe.batches(rows, 4)
        assert x["a_mask"].numpy().tolist() == [[True], [False], [True], [False]] and len(y["kind"]) == count
        assert pipe.problems.counts() == {"masked": {"a": 2}, "dropped": 0}


def test_a_logarithm_comes_back_whatever_the_sign():
    values = np.concatenate([RANDOM.lognormal(3, 2, 400), [0.0, -1.0, -250.0, 1e6]])
    number = adapted(values, scaling="log")
    scaled, _, _ = encoded(number, values)
    assert abs(scaled.mean()) < 1e-4 and abs(scaled.std() - 1) < 1e-4
    assert (np.diff(scaled[np.argsort(values), 0]) >= 0).all()
    np.testing.assert_allclose(number.units(scaled[:, 0]), values, rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(number.units(tf.constant(scaled[:, 0])), values, rtol=1e-3, atol=1e-3)
    assert np.isfinite(number.units(np.array([1e30, -1e30]))).all()
    knee = np.quantile(np.abs(values[values != 0]), 0.1)
    logs = np.arcsinh(values / knee)
    np.testing.assert_allclose(scaled[:, 0], (logs - logs.mean()) / logs.std(), atol=1e-4)


def test_a_logarithm_as_a_target_and_its_state(tmp_path):
    frame = pd.DataFrame({"a": np.arange(50), "price": np.exp(np.arange(50) / 10)})
    path = tmp_path / "t.csv"
    frame.to_csv(path, index=False)
    pipe = Pipeline({"a": Number()}, {"price": Number(scaling="log")}).adapt(read_table(path))
    pipe.save(tmp_path / "pipeline.json")
    pipe = Pipeline.load(tmp_path / "pipeline.json")
    _, labels, _ = next(iter(pipe.batches(read_table(path), 50)))
    told = pipe.targets["price"].write("price", labels["price"])["price"].numpy()
    np.testing.assert_allclose(told, frame["price"], rtol=1e-4)
