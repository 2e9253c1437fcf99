import itertools

import keras
import numpy as np
import pytest
from keras import ops
from reference import normal, to_numpy

from mmkeras.losses import CTCLoss
from mmkeras.losses.ctc_loss import NEVER

END = 5  # K classes: the blank, the unknown symbol, three symbols; the end has none
K = 5
TEXTS = [[2, 2, 3, 1], [1, 4, 3], [2, 2], [4], [], [3]]
FRAMES = [7, 5, 3, 2, 3, 1]


def chances(*shape, seed=0):
    """Random log-probabilities."""
    x = 2 * normal(*shape, seed=seed)
    return x - np.log(np.exp(x).sum(-1, keepdims=True))


def said(path):
    """What a path of classes says: repetitions joined, blanks dropped."""
    return [symbol for symbol, _ in itertools.groupby(path) if symbol]


def every_way(frames, text):
    """−log of the sum over every path that says the text, one by one."""
    paths = itertools.product(range(frames.shape[1]), repeat=len(frames))
    ways = [sum(frames[t, c] for t, c in enumerate(path)) for path in paths if said(path) == text]
    return -np.logaddexp.reduce(ways)


def forward(frames, text):
    """The same by the forward algorithm of the paper."""
    states = [0, *(state for symbol in text for state in (symbol, 0))]
    alpha = np.array([0.0] + [-np.inf] * (len(states) - 1))
    for t, frame in enumerate(frames):
        before, alpha = alpha, np.full(len(states), -np.inf)
        for s, state in enumerate(states):
            ways = [before[s]] + ([before[s - 1]] if s else [])
            if s > 1 and state and state != states[s - 2]:
                ways.append(before[s - 2])
            alpha[s] = np.logaddexp.reduce(ways) + frame[state]
        if not t:
            alpha[2:] = -np.inf
    return -np.logaddexp.reduce(alpha[-2:])


def padded(frames, real):
    """Frames behind the real ones that say "blank" for sure."""
    sure = np.where(np.arange(frames.shape[-1]) == 0, 0.0, NEVER)
    return np.where(np.arange(frames.shape[1])[None, :, None] < np.array(real)[:, None, None], frames, sure)


def labels(texts, length=6):
    return np.array([[*text, END, *[0] * (length - len(text) - 1)] for text in texts], "int32")


def losses(y_true, y_pred):
    return to_numpy(CTCLoss(reduction=None)(y_true, y_pred.astype("float32")))


def test_the_forward_algorithm_sums_over_every_way():
    frames = chances(4, 3)
    for text in ([], [1], [1, 1], [2, 1, 2]):
        assert forward(frames, text) == pytest.approx(every_way(frames, text))
    assert forward(frames, [1, 1, 1]) == np.inf


def test_as_the_forward_algorithm_says():
    frames = chances(6, 9, K)
    wanted = [forward(frames[row, :real], text) for row, (real, text) in enumerate(zip(FRAMES, TEXTS, strict=True))]
    np.testing.assert_allclose(losses(labels(TEXTS), padded(frames, FRAMES)), wanted, rtol=1e-5)


def test_as_keras_says():
    y_true, y_pred = np.array([[2, 2, 3, 1], [1, 4, 3, 0], [2, 0, 0, 0]]), chances(3, 9, K).astype("float32")
    wanted = ops.ctc_loss(y_true, y_pred, np.array([4, 3, 1]), np.array([9, 9, 9]))
    np.testing.assert_allclose(losses(y_true, y_pred), to_numpy(wanted), rtol=1e-5)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="XLA of TensorFlow")
def test_xla_takes_its_gradient():
    import tensorflow as tf

    frames = padded(chances(6, 9, K), FRAMES).astype("float32")
    compiled = tf.function(gradient_in_a_graph, jit_compile=True)
    for given, same in zip(compiled(labels(TEXTS), frames), gradient(labels(TEXTS), frames), strict=True):
        np.testing.assert_allclose(given, same, atol=1e-5)


def test_logits_are_taken_too():
    frames = chances(2, 6, K)
    np.testing.assert_allclose(losses(labels(TEXTS[:2]), frames + 3), losses(labels(TEXTS[:2]), frames), rtol=1e-5)


def test_padding_changes_nothing():
    frames = padded(chances(6, 9, K), FRAMES)
    bare = losses(labels(TEXTS), frames)
    longer = padded(np.pad(frames, [(0, 0), (0, 4), (0, 0)]), [9] * 6)
    np.testing.assert_allclose(losses(labels(TEXTS, 9), longer), bare, rtol=1e-6)


def test_the_end_is_no_symbol():
    frames, without = chances(6, 9, K), np.where(labels(TEXTS) == END, 0, labels(TEXTS))
    np.testing.assert_array_equal(losses(labels(TEXTS), frames), losses(without, frames))


def gradient(y_true, y_pred):
    """Losses, and the gradient of their sum by the frames."""
    loss = CTCLoss(reduction=None)
    if keras.backend.backend() == "jax":
        import jax

        return losses(y_true, y_pred), np.array(jax.grad(lambda x: loss(y_true, x).sum())(y_pred))
    return [part.numpy() for part in gradient_in_a_graph(y_true, y_pred)]


def gradient_in_a_graph(y_true, y_pred):
    import tensorflow as tf

    frames = tf.convert_to_tensor(y_pred)
    with tf.GradientTape() as tape:
        tape.watch(frames)
        value = CTCLoss(reduction=None)(y_true, frames)
    return value, tape.gradient(value, frames)


def test_a_text_without_a_way_costs_nothing_and_teaches_nothing():
    texts, real = [[2, 2], [2, 3], [2, 3], [2], []], [2, 2, 1, 0, 0]
    value, slope = gradient(labels(texts), padded(chances(5, 4, K), real).astype("float32"))
    assert value[1] > 0
    np.testing.assert_array_equal(value[[0, 2, 3, 4]], 0.0)
    assert np.abs(slope[1]).max() > 0.1
    np.testing.assert_array_equal(slope[[0, 2, 3]], 0.0)
    np.testing.assert_allclose(slope[4], 0.0, atol=1e-6)


def test_the_gradient_is_the_slope():
    frames = padded(chances(6, 9, K), FRAMES).astype("float32")
    _, slope = gradient(labels(TEXTS), frames)
    for place in ((0, 0, 2), (1, 4, 0), (2, 1, 2), (5, 0, 3)):
        moved = [frames.astype("float64") for _ in range(2)]
        moved[0][place] += 1e-2
        moved[1][place] -= 1e-2
        up, down = [losses(labels(TEXTS), side)[place[0]] for side in moved]
        assert slope[place] == pytest.approx((up - down) / 2e-2, abs=2e-3)


def test_row_weights():
    frames = padded(chances(6, 9, K), FRAMES).astype("float32")
    each = losses(labels(TEXTS), frames)
    weighted = CTCLoss()(labels(TEXTS), frames, sample_weight=np.array([1, 0, 2, 0, 0, 1], "float32"))
    assert float(weighted) == pytest.approx((each[0] + 2 * each[2] + each[5]) / 6, rel=1e-5)


def test_a_mask_that_keras_hands_along_is_not_laid_over_rows():
    frames = ops.convert_to_tensor(padded(chances(6, 9, K), FRAMES), "float32")
    bare = float(CTCLoss()(labels(TEXTS), frames))
    frames._keras_mask = ops.ones((6, 9), "bool")
    assert float(CTCLoss()(labels(TEXTS), frames)) == bare
    del frames._keras_mask
