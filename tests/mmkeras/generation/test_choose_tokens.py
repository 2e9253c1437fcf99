"""Tokens one after another, against loops in numpy."""

import numpy as np
import pytest
from keras import ops

from mmkeras.generation.choose_tokens import choose_tokens, draw, likeliest
from mmkeras.generation.seeds import Seeds

KINDS, END, LENGTH = 6, 5, 4


def chain(seed=0, rows=3):
    """Logits of what follows each id at each place: the step that looks them up, and the table."""
    table = np.random.default_rng(seed).normal(size=(LENGTH, KINDS, KINDS)).astype("float32")
    tensor = ops.convert_to_tensor(table)

    def step(ids, state, index):
        return ops.take(ops.take(tensor, index, axis=0), ids, axis=0), state

    return step, table, ops.convert_to_tensor(np.arange(rows).astype("int32"))


def follow(table, first):
    """The likeliest ids, by a plain loop."""
    said, last = [], first
    for place in range(LENGTH):
        last = int(table[place, last].argmax())
        if last == END:
            break
        said.append(last)
    return said + [0] * (LENGTH - len(said))


@pytest.mark.parametrize("seed", range(5))
def test_the_likeliest_is_taken_until_the_end(seed):
    step, table, start = chain(seed)
    given = choose_tokens(step, (), start, LENGTH, END)
    np.testing.assert_array_equal(given, [follow(table, first) for first in range(3)])


def test_all_rows_done_stops_the_loop():
    asked = []

    def step(ids, state, index):
        asked.append(index)
        return ops.one_hot(ids * 0 + END, KINDS), state

    given = choose_tokens(step, (), ops.zeros((2,), "int32"), LENGTH, END)
    np.testing.assert_array_equal(given, np.zeros((2, LENGTH)))
    assert len(asked) == 1


def test_a_row_that_has_ended_stays_so():
    table = np.full((LENGTH, KINDS, KINDS), -9.0, "float32")
    table[0, 0, END], table[:, 1, 2], table[:, 2, 2], table[1:, 0, 3] = 9, 9, 9, 9
    tensor = ops.convert_to_tensor(table)
    step = lambda ids, state, index: (ops.take(ops.take(tensor, index, axis=0), ids, axis=0), state)  # noqa: E731
    given = choose_tokens(step, (), ops.convert_to_tensor(np.array([0, 1], "int32")), LENGTH, END)
    np.testing.assert_array_equal(given, [[0] * LENGTH, [2] * LENGTH])


def test_drawing_follows_the_probabilities():
    logits = np.log(np.array([0.5, 0.3, 0.15, 0.05], "float32"))
    rows = 20_000
    step = lambda ids, state, index: (ops.tile(ops.convert_to_tensor(logits)[None], (rows, 1)), state)  # noqa: E731
    start = ops.zeros((rows,), "int32")
    given = ops.convert_to_numpy(choose_tokens(step, (), start, 1, 99, temperature=1.0, seed=3))
    shares = np.bincount(given[:, 0], minlength=4) / rows
    np.testing.assert_allclose(shares, [0.5, 0.3, 0.15, 0.05], atol=0.012)
    again = ops.convert_to_numpy(choose_tokens(step, (), start, 1, 99, temperature=1.0, seed=3))
    np.testing.assert_array_equal(given, again)
    other = ops.convert_to_numpy(choose_tokens(step, (), start, 1, 99, temperature=1.0, seed=4))
    assert (given != other).any()
    cold = ops.convert_to_numpy(choose_tokens(step, (), start, 1, 99, temperature=0.01, seed=3))
    assert (cold == 0).all()


def test_top_k_and_top_p_by_hand():
    logits = np.log(np.array([[0.1, 0.4, 0.2, 0.3]], "float32"))
    kept = lambda **options: (ops.convert_to_numpy(likeliest(logits, **options))[0] > -1e8).tolist()  # noqa: E731
    assert kept() == [True] * 4
    assert kept(top_k=2) == [False, True, False, True]
    assert kept(top_k=9) == [True] * 4
    assert kept(top_p=0.39) == [False, True, False, False]
    assert kept(top_p=0.41) == [False, True, False, True]
    assert kept(top_p=0.71) == [False, True, True, True]
    assert kept(top_p=1.0) == [True] * 4
    assert kept(top_k=3, top_p=0.5) == [False, True, False, True]


def test_draw_never_leaves_the_ids():
    chances = ops.convert_to_tensor(np.array([[0.0, 1.0, 0.0], [0.5, 0.5, 0.0], [0.0, 0.0, 1.0]], "float32"))
    for number in (0.0, 0.3, 0.999999):
        given = ops.convert_to_numpy(draw(chances, ops.convert_to_tensor(np.full(3, number, "float32"))))
        assert given.tolist() == [1, int(number > 0.5), 2]


def test_repeated_ids_become_unlikelier():
    logits = np.array([[1.0, 2.0, 1.5, -9.0, -9.0, -9.0]], "float32")
    step = lambda ids, state, index: (ops.convert_to_tensor(logits), state)  # noqa: E731
    start = ops.zeros((1,), "int32")
    plain = ops.convert_to_numpy(choose_tokens(step, (), start, 3, END))
    assert plain.tolist() == [[1, 1, 1]]
    # 2 / 1.5 < 1.5, 1.5 / 1.5 = 1 < 2 / 1.5: the first comes back.
    varied = ops.convert_to_numpy(choose_tokens(step, (), start, 3, END, repetition_penalty=1.5))
    assert varied.tolist() == [[1, 2, 1]]


@pytest.mark.parametrize(
    ("options", "rule"),
    [
        ({"temperature": -1}, "temperature must be >= 0"),
        ({"top_k": 0}, "top_k must be > 0"),
        ({"top_p": 0}, "top_p must be in"),
        ({"repetition_penalty": 0.5}, "repetition_penalty must be >= 1"),
    ],
)
def test_numbers_out_of_range(options, rule):
    step, _, start = chain()
    with pytest.raises(ValueError, match=f"{rule}.*Received: {next(iter(options))}="):
        choose_tokens(step, (), start, LENGTH, END, **options)


def test_seeds_may_be_tensors():
    import keras

    plain = [ops.convert_to_numpy(keras.random.uniform((4,), seed=seeds)) for seeds in [Seeds(7)] * 2]
    assert (plain[0] != plain[1]).all()
    seeds = Seeds(ops.convert_to_tensor(7))
    np.testing.assert_array_equal(keras.random.uniform((4,), seed=seeds), plain[0])
