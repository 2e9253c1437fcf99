import numpy as np
import pytest
from reference import shake, to_numpy, weights

from mmkeras.layers import NGramBag

IDS = np.array([[3, 4, 0], [4, 3, 0], [1, 5, 3], [0, 0, 0]], "int32")


def bag(**options):
    layer = NGramBag(9, 6, num_buckets=50, **options)
    layer.build((None, None))
    return shake(layer)


def test_tokens_and_pairs_add_up():
    layer = bag()
    given, w = to_numpy(layer(IDS)), weights(layer)
    single, pairs = (w[f"table_{place}/embeddings"] for place in (0, 1))
    a, b = (np.log(10.0 + k) / 5.0 for k in (3, 4))
    total = a * single[3] + b * single[4] + pairs[(3 * 31 + 4) % 50]
    np.testing.assert_allclose(given[0], total / np.sqrt(a**2 + b**2 + 1), atol=1e-5)
    assert np.abs(given[0] - given[1]).max() > 1e-3, "the order of two words counts"
    np.testing.assert_array_equal(given[3], 0.0)


def test_an_unknown_token_says_nothing_alone():
    layer = bag(ngrams=1)
    np.testing.assert_allclose(to_numpy(layer(IDS[2:3])), to_numpy(layer(np.array([[5, 3]], "int32"))), atol=1e-6)


def test_in_training_the_mean_stays():
    layer = bag(token_dropout=0.5)
    drawn = np.mean([to_numpy(layer(IDS, training=True)) for _ in range(400)], axis=0)
    np.testing.assert_allclose(drawn, to_numpy(layer(IDS)), atol=0.2)


@pytest.mark.parametrize("options", [{"ngrams": 0}, {"num_buckets": 70000}, {"vocabulary_size": 2}])
def test_sizes_are_checked(options):
    with pytest.raises(ValueError, match=r"NGramBag: vocabulary_size must be > 2.*Received: .*Do:"):
        NGramBag(**{"vocabulary_size": 9, **options})
