"""The functional way: layers wired by hand, in a plain `keras.Model`, on plain arrays."""

import keras
import numpy as np
import pytest
from keras.layers import Dense, Input
from keras.losses import CategoricalCrossentropy
from keras.models import Model
from keras.optimizers import Adam

from mmkeras.encoders import ImageCNNEncoder, TextTransformerEncoder
from mmkeras.fusions import AttentionFusion
from mmkeras.layers import TokenPooling

H = W = 16
C, M, V, N = 3, 2, 8, 256


def puzzle(seed, rows=N):
    """A picture bright above or below, a text with word 2 or 3, and a class that is their exclusive or."""
    random = np.random.default_rng(seed)
    bright, word = random.integers(0, 2, (2, rows))
    image = random.random((rows, H, W, C)).astype("float32") * 0.3
    image[bright == 0, : H // 2] += 0.6
    image[bright == 1, H // 2 :] += 0.6
    text = random.integers(4, V, (rows, 5)).astype("int32")
    text[:, 1] = 2 + word
    return text, image, keras.utils.to_categorical(bright ^ word, M)


def wired():
    text_input = Input(shape=(None,), dtype="int32", name="text")
    image_input = Input(shape=(H, W, C), name="image")
    text = TextTransformerEncoder(V, dim=16, num_layers=1, dropout=0.0)(text_input)
    image = ImageCNNEncoder(dim=16, filters=(8, 16), dropout=0.0)(image_input)
    fused = AttentionFusion(queries=("text",), dropout=0.0)({"text": text, "image": image})
    outputs = Dense(M, activation="softmax")(TokenPooling("attention")(fused))
    return Model([text_input, image_input], outputs)


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(0)
    model = wired()
    model.compile(optimizer=Adam(5e-3), loss=CategoricalCrossentropy(), metrics=["accuracy"])
    text, image, labels = puzzle(0)
    model.fit([text, image], labels, batch_size=32, epochs=15, verbose=0)
    return model


def accuracy(model, text, image, labels):
    return (model.predict([text, image], verbose=0).argmax(1) == labels.argmax(1)).mean()


def test_only_both_together_tell_the_class(model):
    text, image, labels = puzzle(1)
    assert accuracy(model, text, image, labels) > 0.95
    random = np.random.default_rng(2).permutation(N)
    assert accuracy(model, text[random], image, labels) < 0.7
    assert accuracy(model, text, image[random], labels) < 0.7


def test_it_saves_and_loads(model, tmp_path):
    text, image, _ = puzzle(1, 8)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded.predict([text, image], verbose=0), model.predict([text, image], verbose=0))


def test_masks_travel_from_embedding_to_pooling():
    text_input, mask = Input((None,), dtype="int32", name="text"), Input((None,), dtype="bool", name="real")
    image_input = Input((H, W, C), name="image")
    text = TextTransformerEncoder(V, dim=8, num_layers=1)(text_input, mask=mask)
    image = ImageCNNEncoder(dim=8, filters=(8, 8))(image_input)
    fused = AttentionFusion(("text",))({"text": text, "image": image})
    model = Model([text_input, mask, image_input], TokenPooling()(fused))
    words, pictures, _ = puzzle(0, 4)
    real = np.ones_like(words, bool)
    bare = model.predict([words, real, pictures], verbose=0)
    padded = np.pad(words, [(0, 0), (0, 3)], constant_values=7)
    given = model.predict([padded, np.pad(real, [(0, 0), (0, 3)]), pictures], verbose=0)
    np.testing.assert_allclose(given, bare, atol=1e-5)


def test_masks_of_keras_layers_travel_too():
    text_input = Input((None,), dtype="int32")
    tokens = keras.layers.Embedding(V, 8, mask_zero=True)(text_input)
    model = Model(text_input, TokenPooling("attention")(tokens))
    words = np.array([[3, 4, 0, 0], [0, 0, 0, 0]], "int32")
    given = model.predict(words, verbose=0)
    np.testing.assert_allclose(given[0], model.predict(words[:1, :2], verbose=0)[0], atol=1e-6)
    np.testing.assert_array_equal(given[1], 0.0)
