"""Rows of different length in one batch: less padding, one shape, and no row lost or changed."""

import numpy as np
import pandas
import pytest
import tensorflow as tf

from data_pipelines import Category, Pipeline, Tags, Text, TimeSeries, read_table
from data_pipelines.batches.padding import batch_rows

ROWS = 600


@pytest.fixture(scope="module")
def rows():
    random = np.random.default_rng(0)
    lengths = np.minimum(random.geometric(0.08, ROWS), 60)
    frame = {
        "story": [" ".join([f"w{place}", *["so"] * (n - 1)]) for place, n in enumerate(lengths)],
        "load": [" ".join(["1.5", "2"] * max(1, n // 2)) for n in lengths],
        "marks": ["x|y" if place % 2 else "x" for place in range(ROWS)],
        "kind": [["a", "b"][place % 2] for place in range(ROWS)],
    }
    return read_table(pandas.DataFrame(frame))


@pytest.fixture(scope="module")
def pipe(rows):
    return Pipeline({"story": Text(max_tokens=60), "load": TimeSeries(60)}, {"kind": Category()}).adapt(rows)


def drawn(dataset):
    """Every row of one pass, without its padding: the first word's id → (words, label)."""
    found = {}
    for x, y, _ in dataset.as_numpy_iterator():
        for ids, mask, label in zip(x["story"], x["story_mask"], y["kind"], strict=True):
            assert ids[0] not in found
            found[ids[0]] = (ids[mask].tolist(), int(label))
    return found


def padding(dataset):
    """The share of a pass that is padding."""
    masks = [x["story_mask"] for x, _, _ in dataset.as_numpy_iterator()]
    return 1 - sum(mask.sum() for mask in masks) / sum(mask.size for mask in masks)


@pytest.mark.parametrize("cache", [False, True])
def test_rows_of_like_length_meet_and_none_is_lost(pipe, rows, cache):
    plain = pipe.batches(rows, 16, training=True)
    sorted_ones = pipe.batches(rows, 16, training=True, bucket_by_length=True, cache=cache)
    assert drawn(sorted_ones) == drawn(plain) and len(drawn(plain)) == ROWS
    assert padding(sorted_ones) < padding(plain) / 3
    assert len(sorted_ones) == len(list(sorted_ones)) == len(plain)


def test_batches_come_in_another_order_every_epoch(pipe, rows):
    data = pipe.batches(rows, 16, training=True, bucket_by_length=True, seed=3)
    again = pipe.batches(rows, 16, training=True, bucket_by_length=True, seed=3)
    first, second, third = (list(drawn(each)) for each in (data, data, again))
    assert first != second and first == third
    lengths = [x["story_mask"].sum(1).mean() for x, _, _ in data.as_numpy_iterator()]
    assert lengths != sorted(lengths)


def test_evaluation_keeps_the_order(pipe, rows):
    plain, asked = (list(drawn(pipe.batches(rows, 16, bucket_by_length=flag))) for flag in (False, True))
    assert plain == asked


def test_one_shape(pipe, rows):
    data = pipe.batches(rows, 16, training=True, static_shapes=True)
    assert data.element_spec[0]["story"].shape == (16, 60) and data.element_spec[0]["load"].shape == (16, 60, 2)
    assert data.element_spec[2]["kind"].shape == (16,)
    found = drawn(data)
    plain = drawn(pipe.batches(rows, 16))
    assert len(found) == ROWS // 16 * 16 and len(data) == ROWS // 16 and found.items() <= plain.items()


def test_one_shape_keeps_every_row_in_evaluation(pipe, rows):
    data = pipe.batches(rows, 32, static_shapes=True)
    assert data.element_spec[0]["story"].shape == (None, 60)
    assert drawn(data) == drawn(pipe.batches(rows, 32))


def test_few_shapes_in_training(pipe, rows):
    data = pipe.batches(rows, 16, training=True, static_shapes="few", endless="by pass").take(38)
    plain = pipe.batches(rows, 16, training=True)
    shapes, seen = set(), []
    for (x, y, w), (x_plain, y_plain, w_plain) in zip(data, plain, strict=True):
        shapes.add((x["story"].shape, x["load"].shape))
        left, steps = (w_plain["kind"].shape[0], x_plain["story"].shape[1])
        seen.append(left)
        np.testing.assert_array_equal(x["story"][:left, :steps], x_plain["story"])
        np.testing.assert_array_equal(x["load_mask"][:left, : x_plain["load"].shape[1]], x_plain["load_mask"])
        np.testing.assert_array_equal(y["kind"][:left], y_plain["kind"])
        np.testing.assert_array_equal(w["kind"], [*w_plain["kind"], *[0.0] * (16 - left)])
        assert not x["story_mask"][:, steps:].numpy().any() and not x["load_mask"][left:].numpy().any()
    sizes = {(story[1], load[1]) for story, load in shapes}
    assert sizes <= {(15, 15), (30, 30), (60, 60)} and {story[0] for story, _ in shapes} == {16}
    assert sum(seen) == ROWS and seen[-1] == 8 and data.element_spec[2]["kind"].shape == (16,)


def test_few_shapes_in_evaluation_lose_nothing(pipe, rows):
    data = pipe.batches(rows, 32, static_shapes="few")
    assert drawn(data) == drawn(pipe.batches(rows, 32))
    assert {x["story"].shape for x, _, _ in data} == {(32, 60), (24, 60)}


def test_labels_that_are_said_get_few_lengths(rows):
    pipe = Pipeline({"kind": Category()}, {"story": Text(max_tokens=60)}).adapt(rows)
    data = pipe.batches(rows, 8, training=True, static_shapes="few")
    lengths = {(x["story_target"].shape[1], y["story"].shape[1]) for x, y, _ in data}
    assert lengths <= {(n, n) for n in (16, 31, 61)} and len(lengths) > 1


def test_unknown_shapes_are_refused(pipe, rows):
    with pytest.raises(ValueError, match=r"static_shapes must be False, True .* Received: static_shapes='many'"):
        pipe.batches(rows, static_shapes="many")


def test_what_has_no_length(rows):
    pipe = Pipeline({"marks": Tags()}, {"kind": Category()}).adapt(rows)
    with pytest.raises(ValueError, match=r"static_shapes needs inputs whose longest is known\. Received: Tags"):
        pipe.batches(rows, static_shapes=True)
    pipe = Pipeline({"kind": Category()}).adapt(rows)
    with pytest.raises(ValueError, match="bucket_by_length needs an input of variable length"):
        pipe.batches(rows, training=True, bucket_by_length=True)


def test_rows_are_padded_only_where_a_length_is_open():
    known = tf.data.Dataset.from_tensor_slices({"a": tf.zeros((5, 2)), "b": tf.range(5)})
    batches = list(batch_rows(known, 3).as_numpy_iterator())
    assert [batch["a"].shape for batch in batches] == [(3, 2), (2, 2)]
    assert [batch["b"].tolist() for batch in batches] == [[0, 1, 2], [3, 4]]
    ragged = tf.data.Dataset.range(1, 4).map(lambda n: {"a": tf.fill([n], n)})
    (batch,) = batch_rows(ragged, 3).as_numpy_iterator()
    assert batch["a"].tolist() == [[1, 0, 0], [2, 2, 0], [3, 3, 3]]


@pytest.mark.parametrize("training", [True, False])
def test_few_shapes_of_tags_which_have_no_longest(tmp_path, training):
    path = tmp_path / "tags.csv"
    cells = ["a", "a|b", "a|b|c|d|e", ""] * 3
    path.write_text("\n".join(["marks,kind", *(f"{cell},{'xy'[place % 2]}" for place, cell in enumerate(cells))]))
    rows = read_table(path)
    pipe = Pipeline({"marks": Tags(min_count=1)}, {"kind": Category()}).adapt(rows)
    plain = pipe.batches(rows, 4, training=False)
    for (x, *_), (whole, *_) in zip(pipe.batches(rows, 4, training=training, static_shapes="few"), plain, strict=True):
        assert x["marks"].shape == x["marks_mask"].shape and x["marks"].shape[1] in (4, 8)
        assert training or (x["marks"].numpy()[:, : whole["marks"].shape[1]] == whole["marks"].numpy()).all()
        assert not x["marks_mask"].numpy()[:, 5:].any()
