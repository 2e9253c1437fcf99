"""Sets of labels: how cells are cut, which tags are kept, how predictions are written."""

import numpy as np
import pytest
import tensorflow as tf

from data_pipelines import CellContext, Tags
from data_pipelines.field_spec import FieldSpec

CONTEXT = CellContext()


def adapted(*cells, min_count=1, **options):
    tags = Tags(min_count=min_count, **options)
    tags.adapt([(np.array(cells, object),)])
    return tags


def encoded(tags, *cells):
    value, mask, bad = tags.encode_row([tf.constant(cells)], CONTEXT)
    assert value.dtype == tf.int32 and not bad.numpy().any()
    return value.numpy().tolist(), mask.numpy().tolist()


def test_known_tags_are_numbered_and_others_left_out():
    tags = adapted("b| a", "c|b", "")
    assert tags.classes == ["a", "b", "c"]
    value, mask = encoded(tags, "b|new|a", "c", "new", "", " | ")
    assert value == [[2, 1], [3, 0], [0, 0], [0, 0], [0, 0]]
    assert mask == [[True, True], [True, False]] + [[False, False]] * 3
    assert tags.spec() == FieldSpec("Tags", (None,), "int32", (None,), details={"classes": ["a", "b", "c"]})


def test_a_batch_without_tags_is_one_wide():
    assert encoded(adapted("a"), "", "new") == ([[0], [0]], [[False], [False]])


def test_a_tag_counts_once_a_cell():
    assert adapted("a|a|a", "b", "b", min_count=2).classes == ["b"]


def test_the_most_frequent_tags_are_kept_and_ties_go_by_alphabet():
    assert adapted("d|c|b", "d|c|b|a", "d", max_tags=2).classes == ["b", "d"]


@pytest.mark.parametrize("separator", [",", ";", " ", "\t", "\\", ".", "+", "、", "x"])
def test_any_separator(separator):
    tags = adapted(separator.join(["dog", "猫"]), "dog", separator=separator)
    assert tags.classes == ["dog", "猫"]
    assert encoded(tags, separator.join(["猫", "dog"]))[0] == [[2, 1]]
    written = tags.write("t", tf.constant([[0.9, 0.6], [0.1, 0.5], [0.5, 0.4], [0.2, 0.1]]))
    assert [text.decode() for text in written["t"].numpy()] == [f"dog{separator}猫", "猫", "dog", ""]
    assert written["t_probabilities"].shape == (4, 2)


@pytest.mark.parametrize("space", ["\u3000", "\u00a0", "\t"])
def test_white_space_around_a_tag_is_none_of_it(space):
    tags = adapted(f"a{space}|{space}b")
    assert tags.classes == ["a", "b"]
    assert encoded(tags, f"{space}b{space}|a")[0] == [[2, 1]]
    assert tags.encode_target([tf.constant([space])], CONTEXT)[1].numpy().tolist() == [0]


def test_a_target_is_many_hot():
    tags = adapted("a|b", "c")
    hot, weight, bad = tags.encode_target([tf.constant(["c|a|c", "new", "", " b"])], CONTEXT)
    assert hot.dtype == tf.float32 and not bad.numpy().any()
    assert hot.numpy().tolist() == [[1, 0, 1], [0, 0, 0], [0, 0, 0], [0, 1, 0]]
    assert weight.numpy().tolist() == [1, 1, 0, 1]
    assert tags.encode_target([tf.constant([""])], CONTEXT)[0].numpy().tolist() == [[0, 0, 0]]


def test_state_and_config_come_back():
    tags = adapted("b;a", "b", separator=";", max_tags=1)
    again = Tags(**{key: value for key, value in tags.get_config().items() if key != "modality"})
    again.set_state(tags.state())
    assert encoded(again, "a;b") == encoded(tags, "a;b") == ([[1]], [[True]])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Tags(separator=", "), "separator must be one character. Received: separator=', '"),
        (lambda: Tags(max_tags=0), "must be > 0. Received: max_tags=0, min_count=2"),
        (lambda: Tags(min_count=0), "must be > 0. Received: max_tags=200, min_count=0"),
        (
            lambda: adapted("a", "b|c", min_count=2),
            r"seen min_count times in training rows. Received: min_count=2, 3 different tags. .*separator '\|'",
        ),
    ],
)
def test_wrong_use(make, message):
    with pytest.raises(ValueError, match=message):
        make()
