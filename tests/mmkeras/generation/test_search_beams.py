"""Beams, against trying every text there is."""

import itertools

import keras
import numpy as np
import pytest
from keras import ops

from mmkeras.generation.choose_tokens import choose_tokens
from mmkeras.generation.search_beams import search_beams

KINDS, END, LENGTH, ROWS = 4, 3, 3, 3


def chain(seed, beams=1):
    """A step whose logits hang on everything said before, kept in its state as a number in base K."""
    sizes = KINDS**LENGTH * ROWS
    table = np.random.default_rng(seed).normal(size=(sizes, KINDS)).astype("float32") * 2
    tensor = ops.convert_to_tensor(table)
    rows = np.repeat(np.arange(ROWS), beams).astype("int32")

    def step(ids, state, index):
        before = ops.where(index == 0, 0, state["said"] * KINDS + ids + 1)
        return ops.take(tensor, (before * ROWS + state["row"]) % sizes, axis=0), {**state, "said": before}

    state = {"row": ops.convert_to_tensor(rows), "said": ops.zeros_like(ops.convert_to_tensor(rows))}
    return step, state, ops.zeros((ROWS * beams,), "int32"), table


def best_by_trying(table, row, penalty):
    """The likeliest of all texts, for its length."""
    found = []
    for text in itertools.product(range(KINDS), repeat=LENGTH):
        cut = text[: text.index(END) + 1] if END in text else text
        said, score = 0, 0.0
        for place, number in enumerate(cut):
            said = 0 if place == 0 else said * KINDS + cut[place - 1] + 1
            logits = table[(said * ROWS + row) % len(table)]
            score += float(logits[number] - np.log(np.exp(logits).sum()))
        ids = [number for number in cut if number != END]
        found.append((score / len(cut) ** penalty, ids + [0] * (LENGTH - len(ids))))
    return max(found)[1]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("penalty", [0.0, 1.0])
def test_enough_beams_find_the_likeliest(seed, penalty):
    beams = KINDS ** (LENGTH - 1)
    step, state, start, table = chain(seed, beams)
    given = ops.convert_to_numpy(search_beams(step, state, start, LENGTH, END, beams, penalty))
    for row in range(ROWS):
        assert given[row].tolist() == best_by_trying(table, row, penalty)


@pytest.mark.parametrize("seed", range(4))
def test_one_beam_is_greedy(seed):
    step, state, start, _ = chain(seed)
    np.testing.assert_array_equal(
        search_beams(step, state, start, LENGTH, END, 1, 0.0), choose_tokens(step, state, start, LENGTH, END)
    )


def test_rows_do_not_mix():
    step, state, start, _ = chain(1, beams=3)
    together = ops.convert_to_numpy(search_beams(step, state, start, LENGTH, END, 3))
    for row in range(ROWS):
        own = keras.tree.map_structure(lambda part, row=row: part[3 * row : 3 * row + 3], state)
        alone = ops.convert_to_numpy(search_beams(step, own, start[:3], LENGTH, END, 3))
        np.testing.assert_array_equal(alone[0], together[row])


@pytest.mark.parametrize("options", [{"beams": 0}, {"beams": 2, "length_penalty": -1}])
def test_numbers_out_of_range(options):
    step, state, start, _ = chain(0)
    with pytest.raises(ValueError, match=f"beams must be > 0.*Received: beams={options['beams']}"):
        search_beams(step, state, start, LENGTH, END, **options)
