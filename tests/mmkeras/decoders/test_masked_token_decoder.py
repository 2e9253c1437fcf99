"""What is hidden when, what counts, and what is never said."""

import keras
import numpy as np
import pytest
from component_cases import array

from data_pipelines.field_spec import FieldSpec
from mmkeras.decoders import MaskedTokenDecoder
from mmkeras.layers import ContextTransformer
from mmkeras.tokenizers import ImageTokenizer, TextTokenizer

TOKENS = np.random.default_rng(0).normal(size=(64, 3, 8)).astype("float32")


def decoder(tokenizer=None, **options):
    tokenizer = tokenizer or TextTokenizer(9, max_tokens=9)
    return MaskedTokenDecoder(tokenizer, ContextTransformer(1, 2, 0.0), **options)


def test_all_is_hidden_but_in_training():
    text = np.array([[2, 3, 4, 5, 6, 7, 2, 3, 4, 8]] * 63 + [[0] * 10], "int32")
    layer = decoder()
    given = array(layer(TOKENS, text))
    np.testing.assert_array_equal(given[..., -2], text)
    np.testing.assert_array_equal(given[..., -1], text > 0)
    other = array(layer(TOKENS, np.roll(text, 1, axis=1)))
    np.testing.assert_array_equal(other[..., :-2], given[..., :-2])
    hidden = array(layer(TOKENS, text, training=True))[:-1, :, -1].mean(1)
    # cos(π/2 · u) is 2/π on average, and one token at least is hidden.
    assert abs(hidden.mean() - 2 / np.pi) < 0.12
    assert hidden.min() >= 0.1 and len(np.unique(hidden)) > 4


def test_without_a_label_nothing_counts():
    given = array(decoder()(TOKENS))
    assert given.shape == (64, 10, 11) and not given[..., -2:].any()


def test_unknown_is_never_said_and_ends_end():
    layer = decoder()
    layer.build(TOKENS.shape)
    layer.dense.bias.assign([0.0, 50.0, *[0.0] * 7])
    assert (array(layer.generate(TOKENS[:4])) != 1).all()
    assert (array(layer(TOKENS[:4]))[..., 1] <= -1e8).all()
    layer.dense.bias.assign([*[0.0] * 8, 50.0])
    assert not array(layer.generate(TOKENS[:4])).any()


def test_guidance_goes_from_what_is_usual_to_what_is_asked():
    layer = decoder(ImageTokenizer((8, 8, 3), levels=(3, 3), filters=(4,)))
    layer.build(TOKENS.shape)
    layer.transformer.contexts[0].reduce.kernel.assign(np.random.default_rng(1).normal(size=(16, 8)) * 2)
    options = {"temperature": 0.0, "steps": 2}
    plain, none, more = (array(layer.generate(TOKENS[:3], guidance=g, **options)) for g in (1.0, 0.0, 3.0))
    bare = array(layer.generate(TOKENS[:3], mask=np.zeros((3, 3), bool), **options))
    np.testing.assert_allclose(none, bare, atol=1e-6)
    assert np.abs(plain - none).max() > 1e-4 and np.abs(more - none).max() > 1e-4
    with pytest.raises(ValueError, match=r"guidance must be ≥ 0. Received: guidance=-1"):
        layer.generate(TOKENS[:3], guidance=-1)


def test_a_tokenizer_stays_as_it_is(tmp_path):
    tokenizer = ImageTokenizer((8, 8, 3), levels=(3, 3), filters=(4,))
    tokenizer.build((None, 8, 8, 3))
    before = [array(weight) for weight in tokenizer.weights]
    tokens, picture = keras.Input((3, 8)), keras.Input((8, 8, 3))
    layer = decoder(tokenizer, name="picture")
    model = keras.Model([tokens, picture], layer(tokens, picture))
    model.compile(keras.optimizers.SGD(1.0), layer.default_loss())
    pictures = np.random.default_rng(1).uniform(size=(64, 8, 8, 3)).astype("float32")
    model.train_on_batch([TOKENS, pictures], pictures)
    for weight, old in zip(tokenizer.weights, before, strict=True):
        np.testing.assert_array_equal(array(weight), old)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
    assert len(loaded.trainable_weights) == len(model.trainable_weights)
    np.testing.assert_array_equal(loaded.get_layer("picture").generate(TOKENS[:2]), layer.generate(TOKENS[:2]))


def test_what_it_is_made_of_fits():
    with pytest.raises(ValueError, match=r"drop_condition must be in \[0, 1\). Received: drop_condition=1"):
        decoder(drop_condition=1)
    with pytest.raises(ValueError, match=r"a target of Audio must have a trained tokenizer. Received: tokenizer=None"):
        MaskedTokenDecoder.from_spec(FieldSpec("Audio", ()), 0.1)
