import numpy as np
from reference import normal, shake, to_numpy, weights

from mmkeras.layers import ModalityDense

X = normal(2, 3, 8)
MASK = np.array([[1, 1, 0], [0, 0, 0]], bool)


def test_each_modality_has_its_own_weights():
    layer = ModalityDense(4, activation="tanh")
    layer.build(X.shape)
    given, w = to_numpy(shake(layer)(X, mask=MASK)), weights(layer)
    for place in range(2):
        wanted = np.tanh(X[0, place] @ w[f"dense_{place}/kernel"] + w[f"dense_{place}/bias"])
        np.testing.assert_allclose(given[0, place], wanted, atol=1e-6)
    np.testing.assert_array_equal(given[0, 2], 0.0)
    np.testing.assert_array_equal(given[1], 0.0)
    assert not np.allclose(w["dense_0/kernel"], w["dense_1/kernel"])


def test_the_bias_starts_as_told():
    layer = ModalityDense(4, bias_initializer="ones")
    np.testing.assert_array_equal(to_numpy(layer(np.zeros((1, 2, 3), "float32"))), 1.0)
