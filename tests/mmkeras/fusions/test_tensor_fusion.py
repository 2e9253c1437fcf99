import re

import numpy as np
import pytest
from reference import dense, gelu, layer_norm, normal, shake, to_numpy, weights

from mmkeras.fusions import TensorFusion

TOKENS = {"text": normal(3, 3, 8), "image": normal(3, 4, 8, seed=1), "age": normal(3, 1, 8, seed=2)}
MASKS = {
    "text": np.array([[1, 1, 0], [1, 1, 1], [0, 0, 0]], bool),
    "image": np.array([[1, 1, 1, 0], [0, 0, 0, 0], [0, 0, 0, 0]], bool),
    "age": np.array([[True], [False], [False]]),
}


def built(**options):
    layer = TensorFusion(**options)
    layer.build({name: values.shape for name, values in TOKENS.items()})
    return shake(layer), weights(layer)


def test_a_dense_layer_over_the_outer_product():
    layer, w = built(width=3)
    given = to_numpy(layer(TOKENS, mask=MASKS))
    for row in (0, 1):
        parts = []
        for place, name in enumerate(("age", "image", "text")):
            real = TOKENS[name][row, MASKS[name][row]]
            narrow = np.zeros(3)
            if len(real):
                narrow = gelu(dense(layer_norm(real.mean(0), w, "norm"), w, f"narrow/dense_{place}"))
            parts.append(np.append(narrow, 1.0))
        product = np.einsum("a,b,c->abc", *parts).reshape(-1)
        np.testing.assert_allclose(given[row, 0], dense(product, w, "project"), atol=1e-5)
    np.testing.assert_array_equal(given[2], 0.0)
    np.testing.assert_array_equal(layer.compute_mask(TOKENS, MASKS), [[True], [True], [False]])


@pytest.mark.parametrize(("count", "width"), [(1, 16), (2, 16), (3, 15), (4, 7), (12, 1)])
def test_the_width_shrinks_with_the_number_of_modalities(count, width):
    layer = TensorFusion()
    assert layer({f"m{place}": normal(2, 1, 4, seed=place) for place in range(count)}).shape == (2, 1, 4)
    assert layer.narrow.units == width


def test_the_product_is_bounded():
    rule = 'TensorFusion "f": the product must hold at most max_features numbers. '
    received = "Received: (width + 1)^M = 11^3 > max_features=1000. Do: a smaller width, or LowRankTensorFusion(…)."
    with pytest.raises(ValueError, match=re.escape(rule + received)):
        built(width=10, max_features=1000, name="f")
    with pytest.raises(ValueError, match=re.escape("(width + 1)^M = 2^13 > max_features=4096.")):
        TensorFusion()({f"m{place}": normal(2, 1, 4) for place in range(13)})
