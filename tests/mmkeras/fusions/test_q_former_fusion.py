import numpy as np
from reference import layer_norm, normal, shake, to_numpy, weights

from mmkeras.fusions import QFormerFusion

NAMES = ("age", "image", "text")
TOKENS = {"text": normal(3, 3, 8), "image": normal(3, 4, 8, seed=1), "age": normal(3, 1, 8, seed=2)}
MASKS = {
    "text": np.array([[1, 1, 0], [1, 1, 1], [0, 0, 0]], bool),
    "image": np.array([[1, 1, 1, 0], [1, 0, 0, 0], [0, 0, 0, 0]], bool),
    "age": np.array([[True], [False], [False]]),
}


def built(**options):
    layer = QFormerFusion(num_queries=2, num_heads=2, **options)
    layer.build({name: values.shape for name, values in TOKENS.items()})
    return shake(layer)


def test_queries_meet_and_read_their_own_modality():
    layer = built(num_layers=2)
    given, w = to_numpy(layer(TOKENS, mask=MASKS)), weights(layer)
    for row, here in ((0, [0, 1, 2]), (1, [1, 2])):
        tokens = []
        for place in here:
            real = TOKENS[NAMES[place]][row, MASKS[NAMES[place]][row]]
            tokens.append(layer_norm(real, w, f"norm_{place}")[None].astype("float32"))
        queries = np.concatenate([w["queries"][2 * place : 2 * place + 2] for place in here])[None]
        for meet, readers in zip(layer.meeting[:2], layer.readers, strict=True):
            met = np.split(to_numpy(meet(queries)), len(here), axis=1)
            read = [readers[place](*pair) for place, *pair in zip(here, met, tokens, strict=True)]
            queries = np.concatenate([to_numpy(part) for part in read], 1)
        wanted = layer_norm(to_numpy(layer.meeting[2](queries))[0], w, "final")
        there = np.repeat([place in here for place in range(3)], 2)
        np.testing.assert_allclose(given[row, there], wanted, atol=5e-5)
        np.testing.assert_array_equal(given[row, ~there], 0.0)
    np.testing.assert_array_equal(given[2], 0.0)
    wanted = np.array([[1] * 6, [0, 0, 1, 1, 1, 1], [0] * 6], bool)
    np.testing.assert_array_equal(layer.compute_mask(TOKENS, MASKS), wanted)


def test_one_layer_is_enough_to_meet():
    layer = built(num_layers=1)
    given = to_numpy(layer(TOKENS))
    for name in NAMES:
        moved = np.abs(given - to_numpy(layer({**TOKENS, name: -TOKENS[name]})))
        assert (moved.max((0, 2)) > 1e-4).all()


def test_one_modality_is_enough():
    assert QFormerFusion()({"text": TOKENS["text"]}).shape == (3, 4, 8)
