import keras
import numpy as np
import pytest
from reference import normal, softmax, to_numpy

from mmkeras.layers.masking import at_least_two, hide, mask_or_full, masked_mean, masked_softmax, sequence_conv

X = normal(2, 7, 3)
MASK = np.arange(7)[None] < np.array([[7], [4]])


def test_mask_or_full():
    assert mask_or_full(MASK.astype("int32"), X, 2).dtype in ("bool", bool)
    for rank in (1, 2, 3):
        full = to_numpy(mask_or_full(None, X * np.nan, rank))
        assert full.shape == X.shape[:rank]
        assert full.all()
    symbolic = mask_or_full(None, keras.Input((None, 3)), 2)
    assert (symbolic.shape, symbolic.dtype) == ((None, None), "bool")


def test_hide():
    np.testing.assert_array_equal(hide(np.where(MASK[..., None], X, np.nan), MASK), X * MASK[..., None])


def test_masked_mean():
    given = to_numpy(masked_mean(np.where(MASK[..., None], X, np.nan), MASK))
    np.testing.assert_allclose(given, np.stack([X[0].mean(0), X[1, :4].mean(0)]), atol=1e-6)


def test_at_least_two():
    tokens, mask = at_least_two(keras.ops.convert_to_tensor(X[:, :1]), keras.ops.convert_to_tensor(MASK[:, :1]))
    np.testing.assert_array_equal(to_numpy(tokens)[:, 1], 0.0)
    np.testing.assert_array_equal(to_numpy(mask), [[True, False]] * 2)
    same, _ = at_least_two(X, MASK)
    assert same is X


@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("kernel", [1, 3, 5])
def test_sequence_conv(stride, kernel):
    conv = keras.layers.Conv1D(4, kernel, stride)
    values, mask = sequence_conv(conv, X, MASK)
    weights, side = to_numpy(conv.kernel), kernel // 2
    for row, length in enumerate((7, 4)):
        padded = np.pad(X[row, :length], [(side, side), (0, 0)])
        wanted = [np.einsum("kc,kcf->f", padded[t : t + kernel], weights) for t in range(0, length, stride)]
        np.testing.assert_allclose(to_numpy(values)[row][to_numpy(mask)[row]], wanted, atol=1e-5)
    np.testing.assert_array_equal(to_numpy(values)[~to_numpy(mask)], 0.0)


def test_masked_softmax():
    scores, mask = X[:, :, 0] * 50, np.array([[1, 1, 0, 1, 0, 0, 0], [0] * 7], bool)
    given = to_numpy(masked_softmax(np.where(mask, scores, np.nan), mask))
    np.testing.assert_allclose(given[0, [0, 1, 3]], softmax(scores[0, [0, 1, 3]]), atol=1e-6)
    np.testing.assert_array_equal(given[~mask], 0.0)
    np.testing.assert_allclose(to_numpy(masked_softmax(scores.T, mask.T, axis=0)), given.T, atol=1e-6)
