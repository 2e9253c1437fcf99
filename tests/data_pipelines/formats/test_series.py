"""Series written out or as arrays: what each form gives, and what each broken one says."""

import io

import numpy as np
import pytest
import tensorflow as tf

from data_pipelines.cells.media_cells import in_words
from data_pipelines.formats.series import read_series, unpack_npz

NAN = float("nan")


@pytest.fixture(scope="module")
def read():
    return tf.function(read_series, input_signature=[tf.TensorSpec([], tf.string)], autograph=False)


def npy(values):
    file = io.BytesIO()
    np.save(file, values)
    return file.getvalue()


def npz(**arrays):
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("1 2 3", [[1], [2], [3]]),
        ("1,2,3", [[1], [2], [3]]),
        ("[1, 2, null]", [[1], [2], [NAN]]),
        ("1  2\n 3   4", [[1, 2], [3, 4]]),
        ("1\t\t3\n4\t5\t6", [[1, NAN, 3], [4, 5, 6]]),
        ("1,2;3,4", [[1, 2], [3, 4]]),
        ("1,2 | nan,4 |", [[1, 2], [NAN, 4]]),
        ("[[1, 2], [3, null]]", [[1, 2], [3, NAN]]),
        ("[[1, 2, 3]]", [[1, 2, 3]]),
        ("load,heat\n1,2\n,4\n", [[1, 2], [NAN, 4]]),
        ("-1.5e3|.5", [[-1500], [0.5]]),
        ("5", [[5]]),
        ("1\r\n2\r\n", [[1], [2]]),
        ("1700000000,1;1700000001,2", [[1700000000, 1], [1700000001, 2]]),
    ],
)
def test_text(read, text, values):
    np.testing.assert_array_equal(read(text).numpy(), np.array(values, "float64"))


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "int64", "int32", "int16", "uint8", "int8"])
@pytest.mark.parametrize("shape", [(6,), (3, 2), (1, 6), (0, 2)])
def test_arrays(read, dtype, shape):
    values = np.arange(np.prod(shape)).reshape(shape).astype(dtype)
    np.testing.assert_array_equal(read(npy(values)).numpy(), values.reshape(len(values), -1 if len(values) else 2))


@pytest.mark.parametrize("dtype", ["float64", "float32", "int16", "uint8"])
def test_arrays_in_fortran_order(read, dtype):
    values = np.arange(6).reshape(2, 3).astype(dtype).T
    assert b"'fortran_order': True" in npy(values)
    np.testing.assert_array_equal(read(npy(values)).numpy(), values)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("1,x,3", "not a number: x"),
        ("2020-01-01,3;2020-01-02,4", "not a number: 2020-01-01"),
        ("1 2;3", "steps must have equally many numbers, not 1 and 2"),
        ("1e39,2", "the series has infinite numbers"),
        (npy(np.array([1.0, np.inf])), "the series has infinite numbers"),
        (npy(np.zeros((2, 2, 2))), "an array must be of shape (T,) or (T, C), not"),
        (npy(np.ones((2, 3)).T)[:-8], "the array is cut short"),
        (npy(np.ones((3, 2))).replace(b"False", b"Maybe"), "an array must be of 1 to 5 axes"),
        (npy(np.arange(6.0))[:-8], "the array is cut short"),
        (npy(np.arange(6.0))[:9], "the array is cut short in its header"),
        (npy(np.array(["a"])), "an array must hold numbers, not <U1"),
    ],
)
def test_what_is_wrong(read, data, message):
    with pytest.raises(tf.errors.InvalidArgumentError) as caught:
        read(data)
    assert message in in_words(caught.value.message)


def test_200_damaged_arrays_never_crash(read):
    random, whole, sound = np.random.default_rng(0), npy(np.arange(40.0).reshape(20, 2)), 0
    for _ in range(200):
        data = bytearray(whole if random.random() < 0.5 else whole[: random.integers(1, len(whole))])
        data[random.integers(len(data))] ^= 1 << random.integers(8)
        try:
            sound += read(bytes(data)).shape.rank == 2
        except (tf.errors.OpError, UnicodeDecodeError):
            continue
    assert 0 < sound < 200


def test_the_first_array_of_an_archive(read):
    values = np.arange(6.0).reshape(3, 2)
    np.testing.assert_array_equal(read(unpack_npz(npz(first=values.T.copy().T, second=values))).numpy(), values)


@pytest.mark.parametrize(
    ("data", "message"),
    [(b"PK nothing", "no archive of arrays"), (npz(first=np.array([{}], object)), "Object arrays cannot be loaded")],
)
def test_broken_archives(data, message):
    with pytest.raises(ValueError, match=message):
        unpack_npz(data)


def test_an_archive_that_unpacks_to_too_much(monkeypatch):
    monkeypatch.setattr("data_pipelines.formats.series.LARGEST", 100)
    with pytest.raises(ValueError, match="an array may have 100 bytes, not 928"):
        unpack_npz(npz(first=np.zeros(100)))
