import numpy as np
from reference import layer_norm, normal, shake, to_numpy, weights

from mmkeras.fusions import BottleneckFusion

TOKENS = {"text": normal(3, 3, 8), "image": normal(3, 4, 8, seed=1)}
MASKS = {
    "text": np.array([[1, 1, 0], [0, 0, 0], [0, 0, 0]], bool),
    "image": np.array([[1, 1, 1, 0], [1, 0, 0, 0], [0, 0, 0, 0]], bool),
}


def built(**options):
    layer = BottleneckFusion(num_latents=2, num_heads=2, **options)
    layer.build({name: values.shape for name, values in TOKENS.items()})
    return shake(layer)


def stream(layer, w, name, place, row, number=0, latents=None):
    """What one stream makes of the latents and its real tokens, in the first layer."""
    tokens = layer_norm(TOKENS[name][row, MASKS[name][row]], w, f"norm_{place}")
    joined = np.concatenate([w["latents"] if latents is None else latents, tokens])
    return to_numpy(layer.streams[number][place][0](joined[None].astype("float32")))[0]


def test_latents_are_the_mean_over_the_streams():
    layer = built(num_layers=1)
    given, w = to_numpy(layer(TOKENS, mask=MASKS)), weights(layer)
    image, text = stream(layer, w, "image", 0, 0), stream(layer, w, "text", 1, 0)
    np.testing.assert_allclose(given[0, :2], layer_norm((image[:2] + text[:2]) / 2, w, "final"), atol=2e-5)
    np.testing.assert_allclose(given[0, 2:5], layer_norm(image[2:], w, "final"), atol=2e-5)
    np.testing.assert_allclose(given[0, 6:8], layer_norm(text[2:], w, "final"), atol=2e-5)


def test_an_absent_stream_does_not_touch_the_latents():
    layer = built(num_layers=1)
    given, w = to_numpy(layer(TOKENS, mask=MASKS)), weights(layer)
    image = stream(layer, w, "image", 0, 1)
    np.testing.assert_allclose(given[1, :3], layer_norm(image, w, "final"), atol=2e-5)
    wanted = np.array([[1, 1, 1, 1, 1, 0, 1, 1, 0], [1, 1, 1, 0, 0, 0, 0, 0, 0], [0] * 9], bool)
    np.testing.assert_array_equal(layer.compute_mask(TOKENS, MASKS), wanted)
    np.testing.assert_array_equal(given[~wanted], 0.0)


def test_tokens_meet_from_the_second_layer_on():
    other = {**TOKENS, "text": TOKENS["text"] + normal(3, 3, 8, seed=5)}
    for num_layers in (1, 2):
        layer = built(num_layers=num_layers)
        moved = np.abs(to_numpy(layer(TOKENS)) - to_numpy(layer(other))).max((0, 2))
        assert (moved[:2] > 1e-4).all()
        assert ((moved[2:6] > 1e-4) == (num_layers == 2)).all()


def test_one_modality_is_enough():
    assert BottleneckFusion()({"text": TOKENS["text"]}).shape == (3, 7, 8)


def test_without_self_attention_tokens_hear_the_latents_alone():
    layer = built(num_layers=1, self_attention=False)
    given, w = to_numpy(layer(TOKENS, mask=MASKS)), weights(layer)
    image = layer_norm(TOKENS["image"][1, :1], w, "norm_0").astype("float32")[None]
    latents = np.asarray(w["latents"], "float32")[None]
    read, hear = layer.streams[0][0]
    told = read(latents, np.concatenate([latents, image], 1))
    np.testing.assert_allclose(given[1, :2], layer_norm(to_numpy(told)[0], w, "final"), atol=2e-5)
    np.testing.assert_allclose(given[1, 2:3], layer_norm(to_numpy(hear(image, told))[0], w, "final"), atol=2e-5)
    np.testing.assert_array_equal(given[~to_numpy(layer.compute_mask(TOKENS, MASKS))], 0.0)
    assert BottleneckFusion.from_config(layer.get_config()).self_attention is False


def test_without_self_attention_scores_are_those_of_reading_then_of_hearing():
    layer = built(num_layers=1, self_attention=False)
    read, heard = (to_numpy(part) for part in layer.attention_scores(TOKENS, MASKS)["layers"])
    np.testing.assert_allclose(read[0, :, :2].sum(-1), 1.0, atol=1e-5)
    np.testing.assert_allclose(heard[0, :, 2:5].sum(-1), 1.0, atol=1e-5)
    np.testing.assert_array_equal(read[:, :, 2:], 0.0)
    np.testing.assert_array_equal(heard[:, :, :, 2:], 0.0)
