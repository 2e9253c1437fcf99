import numpy as np
from reference import dense, gelu, layer_norm, normal, shake, to_numpy, weights

from mmkeras.fusions import ConcatFusion

TOKENS = {"text": normal(3, 3, 8), "image": normal(3, 4, 8, seed=1)}
MASKS = {
    "text": np.array([[1, 1, 0], [0, 0, 0], [0, 0, 0]], bool),
    "image": np.array([[1, 1, 1, 0], [1, 0, 0, 0], [0, 0, 0, 0]], bool),
}


def test_means_and_flags_through_two_dense_layers():
    layer = ConcatFusion(hidden_dim=5)
    layer.build({name: values.shape for name, values in TOKENS.items()})
    given, w = to_numpy(shake(layer)(TOKENS, mask=MASKS)), weights(layer)
    parts = np.zeros((3, 18))
    for row in range(3):
        for place, name in enumerate(("image", "text")):
            if MASKS[name][row].any():
                mean = TOKENS[name][row, MASKS[name][row]].mean(0)
                parts[row, 9 * place : 9 * place + 9] = [*layer_norm(mean, w, f"norm_{place}"), 1.0]
    wanted = dense(gelu(dense(parts, w, "mix")), w, "project")
    np.testing.assert_allclose(given[:2, 0], wanted[:2], atol=1e-5)
    np.testing.assert_array_equal(given[2], 0.0)
    np.testing.assert_array_equal(layer.compute_mask(TOKENS, MASKS), [[True], [True], [False]])
