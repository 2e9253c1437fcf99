import numpy as np
from reference import dense, layer_norm, normal, shake, to_numpy, weights

from mmkeras.fusions import BlockFusion

NAMES = ("age", "image", "text")
TOKENS = {"text": normal(3, 3, 8), "image": normal(3, 4, 8, seed=1), "age": normal(3, 1, 8, seed=2)}
MASKS = {
    "text": np.array([[1, 1, 0], [1, 0, 0], [0, 0, 0]], bool),
    "image": np.array([[1, 1, 1, 0], [0, 0, 0, 0], [0, 0, 0, 0]], bool),
    "age": np.array([[True], [True], [False]]),
}


def wanted(w, row):
    """Two blocks of four features, each a sum of two products of what the modalities say."""
    blocks = []
    for block in (0, 1):
        product = 1.0
        for place, name in enumerate(NAMES):
            real = TOKENS[name][row, MASKS[name][row]]
            if len(real):
                entered = dense(layer_norm(real.mean(0), w, "norm"), w, f"enter/dense_{place}")
                product = product * dense(entered[4 * block : 4 * block + 4], w, f"factors_{block}/dense_{place}")
        z = product.reshape(2, 4).sum(0)
        z = np.sign(z) * np.abs(z) / np.sqrt(np.abs(z) + 0.01)
        blocks.append(z / np.sqrt((z**2).sum() + 1e-6))
    return dense(np.concatenate(blocks), w, "project")


def test_blocks_of_low_rank_products_over_what_is_there():
    layer = BlockFusion(num_blocks=2, block_dim=4, rank=2)
    layer.build({name: values.shape for name, values in TOKENS.items()})
    given, w = to_numpy(shake(layer)(TOKENS, mask=MASKS)), weights(layer)
    np.testing.assert_allclose(given[0, 0], wanted(w, 0), atol=1e-5)
    np.testing.assert_allclose(given[1, 0], wanted(w, 1), atol=1e-5)
    np.testing.assert_array_equal(given[2], 0.0)
    np.testing.assert_array_equal(layer.compute_mask(TOKENS, MASKS), [[True], [True], [False]])


def test_one_modality_is_enough():
    assert BlockFusion()({"text": TOKENS["text"]}).shape == (3, 1, 8)
