import numpy as np
from reference import layer_norm, normal, shake, to_numpy, weights

from mmkeras.fusions import CoAttentionFusion

NAMES = ("age", "image", "text")
TOKENS = {"text": normal(3, 3, 8), "image": normal(3, 4, 8, seed=1), "age": normal(3, 1, 8, seed=2)}
MASKS = {
    "text": np.array([[1, 1, 0], [1, 1, 1], [0, 0, 0]], bool),
    "image": np.array([[1, 1, 1, 0], [1, 0, 0, 0], [0, 0, 0, 0]], bool),
    "age": np.array([[True], [False], [False]]),
}


def built(**options):
    layer = CoAttentionFusion(num_heads=2, **options)
    layer.build({name: values.shape for name, values in TOKENS.items()})
    return shake(layer)


def test_streams_ask_each_other_at_once_then_themselves():
    layer = built(num_layers=2)
    given, w = to_numpy(layer(TOKENS, mask=MASKS)), weights(layer)
    ends = {"age": slice(0, 1), "image": slice(1, 5), "text": slice(5, 8)}
    for row in (0, 1):
        here = [place for place, name in enumerate(NAMES) if MASKS[name][row].any()]
        streams = {}
        for place in here:
            real = TOKENS[NAMES[place]][row, MASKS[NAMES[place]][row]]
            streams[place] = layer_norm(real, w, f"norm_{place}")[None].astype("float32")
        for asking, own in zip(layer.asking, layer.own, strict=True):
            context = {i: np.concatenate([streams[j] for j in here if j != i], 1) for i in here}
            asked = {i: asking[i](streams[i], context[i]) for i in here}
            streams = {i: to_numpy(own[i](asked[i])) for i in here}
        for place in here:
            name = NAMES[place]
            wanted = layer_norm(streams[place][0], w, "final")
            np.testing.assert_allclose(given[row, ends[name]][MASKS[name][row]], wanted, atol=5e-5)
    real = np.concatenate([MASKS[name] for name in NAMES], 1)
    np.testing.assert_array_equal(layer.compute_mask(TOKENS, MASKS), real)
    np.testing.assert_array_equal(given[~real], 0.0)


def test_every_stream_hears_every_other():
    layer = built(num_layers=1)
    given = to_numpy(layer(TOKENS))
    for name in NAMES:
        moved = np.abs(given - to_numpy(layer({**TOKENS, name: -TOKENS[name]})))
        assert (moved.max((0, 2)) > 1e-4).all()


def test_one_modality_is_enough():
    layer = CoAttentionFusion()
    assert layer({"text": TOKENS["text"]}).shape == (3, 3, 8)
    assert layer.asking == []
