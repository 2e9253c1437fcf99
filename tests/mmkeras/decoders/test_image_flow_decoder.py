"""Flow matching: its loss is that of the velocity, its steps follow it, guidance and absence."""

import itertools

import keras
import numpy as np
import pytest

from data_pipelines.field_spec import FieldSpec
from mmkeras.decoders import ImageFlowDecoder, ImageSegmentationDecoder
from mmkeras.generation.flow_time import waves
from mmkeras.generation.seeds import Seeds
from mmkeras.layers.picture_unet import picture_unet

RANDOM = np.random.default_rng(0)
TOKENS = RANDOM.normal(size=(4, 5, 8)).astype("float32")
MASK = np.array([[1, 1, 1, 1, 1], [1, 1, 0, 0, 0], [0, 0, 0, 0, 0], [1, 1, 1, 1, 0]], bool)
PICTURES = RANDOM.uniform(size=(4, 3, 5, 3)).astype("float32")


def array(tensor):
    return keras.ops.convert_to_numpy(tensor)


@pytest.fixture
def decoder():
    keras.utils.set_random_seed(0)
    layer = ImageFlowDecoder.example()[0]
    layer.build(TOKENS.shape)
    return layer


def told(layer, tokens=TOKENS, mask=MASK):
    return layer._condition(keras.ops.convert_to_tensor(tokens), keras.ops.convert_to_tensor(mask))


def velocity(layer, picture, time, mask=MASK):
    time = keras.ops.convert_to_tensor(np.full(len(picture), time, "float32"))
    return array(layer._velocity(keras.ops.convert_to_tensor(picture), time, *told(layer, mask=mask)))


def test_squared_error_of_what_call_gives_is_that_of_the_velocity(decoder):
    end, noise = 2 * PICTURES - 1, decoder.noise
    _, time = decoder._choose(keras.ops.convert_to_tensor(end))
    part = array(time)[:, None, None, None]
    moved = keras.ops.convert_to_tensor((1 - part) * noise + part * end)
    speed = array(decoder._velocity(moved, time, *told(decoder)))
    given = decoder(TOKENS, PICTURES, inputs_mask=keras.ops.convert_to_tensor(MASK))
    loss = array(decoder.default_loss().call(PICTURES, given))
    np.testing.assert_allclose(loss, ((speed - (end - noise)) ** 2).mean((1, 2, 3)) / 4, rtol=1e-4)


def test_the_last_step_lands_on_the_net_s_guess(decoder):
    """From t near 1 too the velocity leads to the picture that the net gives, and no step divides by 0."""
    picture = 2 * PICTURES - 1
    tokens, mask, pooled = told(decoder)
    for time in (0.0, 0.6, 0.95):
        times = keras.ops.convert_to_tensor(np.full(4, time, "float32"))
        wave = decoder.time(waves(times))
        shown = keras.ops.convert_to_tensor(picture)
        guess = decoder.unet([shown, decoder.tell(keras.ops.concatenate([wave, pooled], -1)), tokens, mask])
        landed = picture + (1 - time) * velocity(decoder, picture, time)
        np.testing.assert_allclose(landed, array(guess), atol=1e-4)
    assert np.isfinite(velocity(decoder, picture, 1.0)).all()


def test_without_training_t_is_spread_and_belongs_to_the_picture(decoder):
    many = RANDOM.uniform(size=(400, 3, 5, 3)).astype("float32")
    times = array(decoder._choose(keras.ops.convert_to_tensor(2 * many - 1))[1])
    shares = np.histogram(times, 5, (0, 1))[0] / 400
    assert (shares > 0.12).all()
    again = array(decoder._choose(keras.ops.convert_to_tensor(2 * many[::-1] - 1))[1])[::-1]
    np.testing.assert_allclose(again, times, atol=1e-5)


def test_training_draws_anew(decoder):
    first, second = (array(decoder(TOKENS, PICTURES, training=True)) for _ in range(2))
    assert np.abs(first - second).max() > 0.1
    same = [array(decoder(TOKENS, PICTURES)) for _ in range(2)]
    np.testing.assert_array_equal(*same)


@pytest.mark.parametrize("method", ["euler", "heun"])
def test_generate_follows_the_velocity(decoder, method):
    start = array(keras.random.normal((4, 3, 5, 3), seed=Seeds(3)))
    picture, nothing = start, np.zeros_like(MASK)

    def guided(picture, time):
        bare = velocity(decoder, picture, time, nothing)
        return bare + 1.5 * (velocity(decoder, picture, time) - bare)

    times = [share / (share + 2 * (1 - share)) for share in (0, 0.25, 0.5, 0.75, 1)]
    for time, after in itertools.pairwise(times):
        speed = guided(picture, time)
        if method == "heun":
            speed = (speed + guided(picture + speed * (after - time), after)) / 2
        picture = picture + speed * (after - time)
    given = decoder.generate(TOKENS, keras.ops.convert_to_tensor(MASK), seed=3, steps=4, guidance=1.5, method=method)
    np.testing.assert_allclose(array(given), np.clip((picture + 1) / 2, 0, 1), atol=1e-4)


def test_a_seed_decides_and_padding_does_not(decoder):
    mask = keras.ops.convert_to_tensor(MASK)
    spoiled = np.where(MASK[..., None], TOKENS, np.nan)
    first = array(decoder.generate(TOKENS, mask, seed=1, steps=3))
    np.testing.assert_array_equal(array(decoder.generate(spoiled, mask, seed=1, steps=3)), first)
    assert np.abs(array(decoder.generate(TOKENS, mask, seed=2, steps=3)) - first).max() > 0.1
    assert first.min() >= 0 and first.max() <= 1


def test_a_row_without_tokens_is_drawn_the_same_whatever_the_guidance(decoder):
    mask = keras.ops.convert_to_tensor(MASK)
    drawn = [array(decoder.generate(TOKENS, mask, steps=3, guidance=guidance)) for guidance in (1.0, 5.0)]
    np.testing.assert_allclose(drawn[0][2], drawn[1][2], atol=1e-5)
    assert np.abs(drawn[0][0] - drawn[1][0]).max() > 1e-3


def test_dropping_every_condition_is_like_having_none():
    keras.utils.set_random_seed(0)
    layer = ImageFlowDecoder((3, 5, 3), widths=(16, 32), drop_condition=0.999999)
    layer.build(TOKENS.shape)
    given = []
    for tokens in (TOKENS, -TOKENS):
        layer.seed_generator.state.assign([1, 1])
        given.append(array(layer(tokens, PICTURES, training=True)))
    np.testing.assert_allclose(*given, atol=1e-5)


def test_what_it_says_of_what_it_generates(decoder):
    spec = decoder.generated_spec(keras.KerasTensor((None, 5, 8)))
    assert spec.shape == (None, 3, 5, 3) and spec.dtype == "float32"


def test_masks_get_another_decoder():
    spec = FieldSpec("Image", (32, 32), "int32", details={"num_classes": 3})
    assert isinstance(ImageFlowDecoder.from_spec(spec, 0.1), ImageSegmentationDecoder)
    assert ImageFlowDecoder.from_spec(FieldSpec("Image", (32, 40, 3)), 0.1).patch == 4


@pytest.mark.parametrize("shape", [(7, 5, 3), (8, 8, 1), (1, 1, 3)])
@pytest.mark.parametrize("patch", [1, 4])
def test_a_unet_takes_any_size(shape, patch):
    unet = picture_unet(shape, 6, 8, (16, 32), patch)
    inputs = [np.ones((2, *shape)), np.ones((2, 6)), np.ones((2, 3, 8)), np.ones((2, 3), bool)]
    given = array(unet(inputs))
    assert given.shape == (2, *shape) and np.isfinite(given).all()


def test_wrong_arguments(decoder):
    with pytest.raises(ValueError, match=r"widths must be multiples of 8, .* Received: widths=\(12,\), num_heads=4"):
        ImageFlowDecoder((4, 4, 3), widths=(12,))
    with pytest.raises(ValueError, match=r"widths must be .* Received: widths=\(8,\), num_heads=3"):
        ImageFlowDecoder((4, 4, 3), widths=(8,), num_heads=3)
    with pytest.raises(ValueError, match=r"drop_condition must be in \[0, 1\). Received: drop_condition=1"):
        ImageFlowDecoder((4, 4, 3), drop_condition=1)
    with pytest.raises(ValueError, match=r"steps must be > 0. Received: steps=0"):
        decoder.generate(TOKENS, steps=0)
    with pytest.raises(ValueError, match=r"method must be one of \('euler', 'heun'\). Received: method='rk4'"):
        decoder.generate(TOKENS, method="rk4")
