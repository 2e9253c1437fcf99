"""The LSTM that says texts: its maths, what it sees, and that steps say what the whole says."""

import keras
import numpy as np
import pytest

from mmkeras.decoders import TextLSTMDecoder
from mmkeras.decoders.text_lstm_decoder import ATTENTIONS

END = 8
TOKENS = np.random.default_rng(0).normal(size=(3, 5, 4)).astype("float32")
MASK = np.array([[1, 1, 1, 1, 1], [1, 1, 0, 1, 0], [0, 0, 0, 0, 0]], bool)
TARGET = np.array([[2, 3, 4, END], [5, END, 0, 0], [7, 7, END, 0]], "int32")


def array(tensor):
    return keras.ops.convert_to_numpy(tensor)


def made(attention="additive", **options):
    decoder = TextLSTMDecoder(9, max_tokens=6, attention=attention, **options)
    decoder.build((None, None, 4), (None, None))
    random = np.random.default_rng(1)
    decoder.set_weights([random.normal(size=weight.shape) for weight in decoder.get_weights()])
    return decoder


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def by_hand(decoder, tokens, mask, before):
    """Logits of one row and what was looked at, step by step."""
    w = {weight.path.split("/", 1)[-1]: np.array(weight) for weight in decoder.weights}
    mean = tokens[mask].mean(0) if mask.any() else np.zeros(4)
    h, c = np.split(np.tanh(mean @ w["first/kernel"] + w["first/bias"]), 2)
    logits, looks = [], []
    for number in before:
        x = w["embed/embeddings"][number]
        gates = (
            x @ w["reader/lstm_cell/kernel"] + h @ w["reader/lstm_cell/recurrent_kernel"] + w["reader/lstm_cell/bias"]
        )
        i, f, g, o = np.split(gates, 4)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        query, keys = h @ w["query/kernel"], tokens[mask] @ w["key/kernel"]
        scores = np.tanh(query + keys) @ w["weigh"] if decoder.attention == "additive" else keys @ query / 2
        looks.append(np.exp(scores) / np.exp(scores).sum())
        found = looks[-1] @ tokens[mask] if mask.any() else np.zeros(4)
        told = np.tanh(np.concatenate([h, found]) @ w["join/kernel"] + w["join/bias"])
        logits.append(told @ w["logits/kernel"] + w["logits/bias"])
    return np.array(logits), np.array(looks)


@pytest.mark.parametrize("attention", ATTENTIONS)
def test_the_maths(attention):
    decoder = made(attention)
    given = array(decoder(TOKENS, TARGET, inputs_mask=MASK, target_mask=TARGET != 0))
    scores = array(decoder.attention_scores(TOKENS, TARGET, mask=MASK))
    for row in range(3):
        real = TARGET[row] != 0
        wanted, looks = by_hand(decoder, TOKENS[row], MASK[row], [0, *TARGET[row][:-1]])
        np.testing.assert_allclose(given[row, real, 2:], wanted[real, 2:], atol=1e-5)
        assert (given[row, real, :2] == -1e9).all()
        assert not given[row, ~real].any()
        np.testing.assert_allclose(scores[row][real][:, MASK[row]], looks[real], atol=1e-5)
        assert not scores[row][~real].any()
        assert not scores[row][:, ~MASK[row]].any()


def test_a_token_does_not_see_itself_or_what_comes():
    decoder = made()
    given = array(decoder(TOKENS, TARGET))
    changed = TARGET.copy()
    changed[0, 2] = 6
    moved = np.abs(array(decoder(TOKENS, changed)) - given).max(-1) > 0
    np.testing.assert_array_equal(moved, [[0, 0, 0, 1], [0] * 4, [0] * 4])


def test_no_target_is_the_first_step():
    decoder = made()
    first = array(decoder(TOKENS, TARGET, inputs_mask=MASK))[:, :1]
    np.testing.assert_allclose(array(decoder(TOKENS, mask=MASK)), first, atol=1e-6)


@pytest.mark.parametrize("attention", ATTENTIONS)
def test_what_it_says_is_what_it_thinks_likeliest(attention):
    decoder = made(attention)
    said = array(decoder.generate(TOKENS, mask=MASK))
    assert said.shape == (3, 7)
    for row in range(3):
        before = [0]
        while len(before) < 8:
            before.append(2 + int(by_hand(decoder, TOKENS[row], MASK[row], before)[0][-1, 2:].argmax()))
            if before[-1] == END:
                break
        told = [number for number in before[1:] if number != END]
        assert said[row].tolist() == told + [0] * (7 - len(told))


def test_beams_find_nothing_unlikelier():
    decoder = made("dot")

    def chance(said):
        """Log-probability of each text, up to its end, a token."""
        lengths = np.minimum((said != 0).sum(1) + 1, 7)
        label = said.copy()
        label[np.arange(3), lengths - 1] = np.where(said[:, -1] == 0, END, said[np.arange(3), lengths - 1])
        told = keras.ops.log_softmax(decoder(TOKENS, label, inputs_mask=MASK, target_mask=label != 0))
        right = np.take_along_axis(array(told), label[..., None], -1)[..., 0]
        return (right * (np.arange(7) < lengths[:, None])).sum(1) / lengths

    greedy, sought = (chance(array(decoder.generate(TOKENS, mask=MASK, beams=beams))) for beams in (1, 8))
    assert (sought >= greedy - 1e-5).all()


def test_it_learns_what_to_say():
    keras.utils.set_random_seed(0)
    inputs, target = keras.Input((None, 4)), keras.Input((None,), dtype="int32")
    mask = keras.Input((None,), dtype="bool")
    decoder = TextLSTMDecoder(9, max_tokens=6, dropout=0.0)
    model = keras.Model([inputs, mask, target], decoder(inputs, target, inputs_mask=mask))
    model.compile(keras.optimizers.Adam(0.03), decoder.default_loss(), metrics=decoder.default_metrics())
    many = [np.concatenate([part] * 80) for part in (TOKENS, MASK, TARGET)]
    model.fit(many, many[2], batch_size=3, shuffle=False, verbose=0)
    np.testing.assert_array_equal(array(decoder.generate(TOKENS, mask=MASK))[:, :4], np.where(TARGET == END, 0, TARGET))
    assert model.evaluate([TOKENS, MASK, TARGET], TARGET, verbose=0, return_dict=True)["perplexity"] < 1.5


def test_wrong_arguments():
    with pytest.raises(ValueError, match=r"attention must be one of .*attention='sharp'"):
        TextLSTMDecoder(9, attention="sharp")
    with pytest.raises(ValueError, match=r"TextLSTMDecoder: vocabulary_size must be > 3.*vocabulary_size=3"):
        TextLSTMDecoder(3)
