"""Cells decoded in batches: one broken cell costs one cell, and order is kept."""

import pytest
import tensorflow as tf

from data_pipelines import CellContext
from data_pipelines.cells.media_cells import decode_cells, encode_strictly, full_path, read_cell, unreadable

PATHS, BYTES = CellContext(), CellContext(is_bytes=True)


def digits(cell):
    """As many numbers as the cell says; breaks on what is no number."""
    count = tf.strings.to_number(cell, tf.int32)
    return tf.cast(tf.range(1, count + 1), tf.float32)


def pair(cell):
    return tf.stack([tf.strings.to_number(cell), 1.0])


def decoded(cells, decode, empty):
    work = tf.function(lambda cells: decode_cells(cells, decode, empty), autograph=False)
    return [part.numpy().tolist() for part in work(tf.constant(cells, tf.string))]


def test_cells_of_different_lengths_are_padded():
    value, lengths, bad = decoded(["2", "", "3", "1"], digits, tf.zeros([0]))
    assert value == [[1, 2, 0], [0, 0, 0], [1, 2, 3], [1, 0, 0]]
    assert lengths == [2, 0, 3, 1] and not any(bad)
    assert decoded(["", ""], digits, tf.zeros([0])) == [[[], []], [0, 0], [False, False]]


def test_cells_of_one_shape():
    value, _, bad = decoded(["2", "", "3"], pair, tf.zeros([2]))
    assert value == [[2, 1], [0, 0], [3, 1]] and not any(bad)


def test_broken_cells_are_marked_and_leave_the_others_alone():
    value, lengths, bad = decoded(["x", "2", "", "y", "1"], digits, tf.zeros([0]))
    assert value == [[0, 0], [1, 2], [0, 0], [0, 0], [1, 0]]
    assert lengths == [0, 2, 0, 0, 1] and bad == [True, False, False, True, False]
    value, _, bad = decoded(["x", "y"], pair, tf.zeros([2]))
    assert value == [[0, 0], [0, 0]] and bad == [True, True]


def strict(cells, find_broken):
    def decode(row):
        value = digits(row["cell"])
        return {"value": (value, tf.size(value))}

    rows = tf.data.Dataset.from_tensor_slices({"cell": cells})
    return encode_strictly(rows, 4, decode, lambda row, decoded: (row["cell"], *decoded["value"]), find_broken)


def test_strict_batches_come_in_order_each_once():
    cells = [str(number % 5) for number in range(18)]
    data = strict(cells, lambda: pytest.fail("nothing is broken"))
    found, values, lengths = zip(*data.as_numpy_iterator(), strict=True)
    assert [cell.decode() for batch in found for cell in batch] == cells
    assert [int(length) for batch in lengths for length in batch] == [int(cell) for cell in cells]
    assert values[0].tolist() == [[0, 0, 0], [1, 0, 0], [1, 2, 0], [1, 2, 3]]


@pytest.mark.parametrize("broken", [0, 5, 17])
def test_a_strict_data_set_stops_at_a_broken_row(broken):
    def find_broken():
        raise ValueError("the row is named here")

    cells = ["x" if number == broken else "1" for number in range(18)]
    drawn = []
    with pytest.raises(tf.errors.InvalidArgumentError, match="the row is named here"):
        drawn += [len(cells) for cells, *_ in strict(cells, find_broken)]
    assert drawn in ([], [4] * (broken // 4))


@pytest.mark.parametrize(
    ("cell", "root", "path"),
    [
        ("a.png", "media", "media/a.png"),
        ("a.png", "media/", "media/a.png"),
        (" b/猫.png ", "media", "media/b/猫.png"),
        ("b/猫.png".encode(), "", "b/猫.png"),
        ("/abs/a.png", "media", "/abs/a.png"),
        ("gs://bucket/a.png", "media", "gs://bucket/a.png"),
        ("", "media", ""),
        ("  ", "media", ""),
    ],
)
def test_paths_start_from_the_media_root(cell, root, path):
    assert full_path(cell, root) == path


def test_a_cell_is_its_bytes_or_its_file(tmp_path):
    (tmp_path / "a").write_bytes(b"\0\xff")
    assert read_cell(tf.constant(str(tmp_path / "a")), PATHS).numpy() == b"\0\xff"
    assert read_cell(tf.constant(b"\0\xff"), BYTES).numpy() == b"\0\xff"


def test_reasons(tmp_path):
    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / "words").write_bytes(b"words")

    def say(name, decode=digits):
        return unreadable(str(tmp_path / name).encode(), PATHS, decode)

    def refuse(data):
        with tf.control_dependencies(
            [tf.debugging.Assert(tf.size(data) > 9, ["it has", tf.size(data), "and no more"])]
        ):
            return tf.zeros([1])

    assert say("none") == f"there is no file {str(tmp_path / 'none')!r}"
    assert say("") == f"{str(tmp_path)!r} is a folder, not a file"
    assert say("empty") == f"the file {str(tmp_path / 'empty')!r} has 0 bytes"
    file = f" (file {str(tmp_path / 'words')!r})"
    assert say("words", tf.function(digits)) == f"StringToNumberOp could not correctly convert string: words{file}"
    assert say("words", tf.function(refuse, autograph=False)) == f"it has 1 and no more{file}"
    assert say("words", tf.identity) == f"it was unreadable a moment ago{file}"
    garbage = tf.function(lambda data: tf.strings.substr(data, 9, 1))
    assert unreadable(b"\x89\xff", BYTES, garbage).startswith("pos 9 out of range for string b'\ufffd")
