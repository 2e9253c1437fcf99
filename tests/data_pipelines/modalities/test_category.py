"""Labels: which are known, what is white space, what a class weighs."""

import numpy as np
import pytest
import tensorflow as tf

from data_pipelines import Category, CellContext
from data_pipelines.field_spec import FieldSpec

CONTEXT = CellContext()


def adapted(*labels, **options):
    category = Category(**options)
    category.adapt([(np.array(labels, object),)])
    return category


def encoded(category, *cells):
    value, mask, bad = category.encode_row([tf.constant(cells)], CONTEXT)
    assert value.dtype == tf.int32 and not bad.numpy().any()
    return value.numpy().tolist(), mask.numpy().tolist()


def test_known_unseen_and_missing():
    category = adapted("dog", "cat", "", "dog", "猫")
    assert category.classes == ["cat", "dog", "猫"]
    assert encoded(category, "cat", "猫", "fish", "", "DOG") == ([1, 3, 0, 0, 0], [True, True, True, False, True])
    assert category.spec() == FieldSpec("Category", (), "int32", details={"classes": ["cat", "dog", "猫"]})


@pytest.mark.parametrize("space", [" ", "\t", "\n", "\x0b", "\x1f", "\x85", "\u00a0", "\u2003", "\u3000"])
def test_white_space_around_a_label_is_none_of_it(space):
    category = adapted(f"{space}big dog", f"cat{space}", space)
    assert category.classes == ["big dog", "cat"]
    assert encoded(category, f"big dog{space}", f"{space}{space}cat", space) == ([1, 2, 0], [True, True, False])
    index, weight, bad = category.encode_target([tf.constant([f"cat{space}", space])], CONTEXT)
    assert (index.numpy().tolist(), weight.numpy().tolist(), bad.numpy().any()) == ([1, 0], [1, 0], False)


def test_labels_that_are_no_utf8_are_unseen():
    assert encoded(adapted("a"), b"\xff\xfe", b"a\xff") == ([0, 0], [True, True])


def test_rare_labels_are_unknown_inputs():
    assert adapted(*"aaabbcc", min_count=3).classes == ["a"]
    assert adapted(*"aaaccbbd", max_classes=2).classes == ["a", "b"]
    assert encoded(adapted(*"aab", min_count=2), "a", "b") == ([1, 0], [True, True])
    assert encoded(adapted(*"ab", min_count=2), "a", "") == ([0, 0], [True, False])


def test_a_target_gives_the_place_of_its_class():
    category = adapted(*"cab")
    index, weight, bad = category.encode_target([tf.constant(["b", "", " c", "x"])], CONTEXT)
    assert index.numpy().tolist() == [1, 0, 2, 0]
    assert weight.numpy().tolist() == [1, 0, 1, 0]
    assert bad.numpy().tolist() == [False, False, False, True]
    assert category.reason([b"x"], CONTEXT) == "'x' is none of the 3 classes of the training rows"
    rare = adapted(*"aab", min_count=2)
    assert rare.reason([b"b"], CONTEXT) == "'b' is too rare in the training rows for min_count=2"


def test_class_weights_balance_the_classes():
    category = adapted(*"aaaaaabbc")
    weights = category.class_weights()
    counts = np.array([6, 2, 1])
    np.testing.assert_allclose(weights * counts, np.full(3, 3.0), rtol=1e-6)
    np.testing.assert_allclose((weights * counts).sum() / 9, 1.0, rtol=1e-6)


def test_a_prediction_is_written_as_its_label():
    prediction = tf.constant([[0.1, 0.7, 0.2], [0.9, 0.05, 0.05]])
    answer = adapted("猫", "cat", "dog").write("pet", prediction)
    assert [label.decode() for label in answer["pet"].numpy()] == ["dog", "cat"]
    np.testing.assert_array_equal(answer["pet_probabilities"], prediction)


def test_state_and_config_come_back():
    category = adapted(*"aab", min_count=2, max_classes=5)
    again = Category(**{key: value for key, value in category.get_config().items() if key != "modality"})
    again.set_state(category.state())
    assert encoded(again, "a", "b") == encoded(category, "a", "b") and again.counts == {"a": 2, "b": 1}


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Category(max_classes=1), "max_classes must be > 1 .* Received: max_classes=1, min_count=1"),
        (lambda: Category(min_count=0), "min_count > 0. Received: max_classes=1000, min_count=0"),
        (
            lambda: adapted("a", "", "a").check_target("pet"),
            r'Category "pet": a target must have at least two classes .* Received: classes=\[\'a\'\]',
        ),
        (
            lambda: adapted(*"abc", max_classes=2).check_target("pet"),
            r'"pet": a target must have at most max_classes classes. Received: 3 classes, max_classes=2',
        ),
    ],
)
def test_wrong_use(make, message):
    with pytest.raises(ValueError, match=message):
        make()
