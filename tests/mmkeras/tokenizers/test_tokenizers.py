"""Every tokenizer keeps the same promises; texts by hand."""

import json

import keras
import numpy as np
import pytest
from component_cases import array, components

from mmkeras.tokenizers import AudioTokenizer, ImageTokenizer, TextTokenizer

ALL = list(components("tokenizers").values())
BAD = {"float32": np.nan, "int32": 1000}


@pytest.fixture(scope="module", params=ALL, ids=lambda cls: cls.__name__)
def case(request):
    """A built tokenizer, five labels and their masks; the last one is absent."""
    tokenizer, label, mask = request.param.example()
    labels = np.stack([label] * 5)
    if label.dtype == np.float32:
        labels = labels + np.random.default_rng(0).uniform(0, 0.5, labels.shape).astype("float32")
    tokenizer.build(labels.shape)
    real = np.ones((5, *mask), bool)
    if mask:
        real[1, 2:] = False
    real[-1] = False
    return tokenizer, labels, real


def test_config_survives_json(case):
    tokenizer, *_ = case
    config = json.loads(json.dumps(tokenizer.get_config()))
    assert config == tokenizer.get_config()
    assert type(tokenizer).from_config(config).get_config() == config
    copied = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(tokenizer))
    assert copied.num_tokens == tokenizer.num_tokens and copied.vocabulary_size == tokenizer.vocabulary_size


def test_ids_have_the_numbers_declared(case):
    tokenizer, labels, mask = case
    ids, counted = (array(part) for part in tokenizer.encode(labels, mask))
    assert ids.shape == counted.shape == (5, tokenizer.num_tokens) and counted.dtype == bool
    assert ids.min() >= 0 and ids.max() < tokenizer.vocabulary_size
    assert counted[:-1].any(1).all() and not counted[-1].any()


def test_what_stands_under_a_mask_and_other_rows_change_nothing(case):
    tokenizer, labels, mask = case
    ids = array(tokenizer.encode(labels, mask)[0])
    there = mask.reshape(mask.shape + (1,) * (labels.ndim - mask.ndim))
    spoiled = np.where(there, labels, np.array(BAD[str(labels.dtype)], labels.dtype))
    np.testing.assert_array_equal(tokenizer.encode(spoiled, mask)[0], ids)
    for row in range(5):
        np.testing.assert_array_equal(tokenizer.encode(labels[row : row + 1], mask[row : row + 1])[0][0], ids[row])


def test_what_is_decoded_has_the_shape_declared(case):
    tokenizer, labels, mask = case
    given = tokenizer.decode(tokenizer.encode(labels, mask)[0], seed=1)
    spec = tokenizer.decoded_spec(5)
    assert tuple(given.shape) == tuple(spec.shape)
    assert keras.backend.standardize_dtype(given.dtype) == spec.dtype
    assert np.isfinite(array(given)).all()


def test_there_and_back_is_a_model_that_saves(case, tmp_path):
    tokenizer, labels, mask = case
    shown = keras.Input(labels.shape[1:], dtype=str(labels.dtype))
    real = keras.Input(mask.shape[1:], dtype="bool")
    model = keras.Model([shown, real], type(tokenizer).example()[0](shown, mask=real))
    assert model.output.shape[1:] == tuple(tokenizer.compute_output_shape(labels.shape))[1:]
    given = model.predict_on_batch([labels, mask])
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
    np.testing.assert_array_equal(loaded.predict_on_batch([labels, mask]), given)


@pytest.mark.parametrize("cls", [ImageTokenizer, AudioTokenizer], ids=lambda cls: cls.__name__)
def test_fitting_brings_pictures_and_sounds_back(cls):
    tokenizer, label, _ = cls.example()
    labels = np.stack([label] * 4)
    if cls is ImageTokenizer:
        labels = np.ones_like(labels) * np.array([0.1, 0.4, 0.6, 0.9], "float32")[:, None, None, None]
    model = keras.Sequential([keras.Input(label.shape), tokenizer])
    model.compile(keras.optimizers.Adam(2e-2), tokenizer.default_loss())
    losses = model.fit(labels, labels, epochs=40, verbose=0).history["loss"]
    assert losses[-1] < 0.6 * losses[0]


def test_a_text_is_padded_cut_and_read_up_to_its_end():
    tokenizer = TextTokenizer(9, max_tokens=3)
    ids, counted = tokenizer.encode(np.array([[4, 8, 0, 0, 0], [1, 5, 6, 7, 8], [0, 0, 0, 0, 0]]))
    np.testing.assert_array_equal(ids, [[4, 8, 0, 0], [1, 5, 6, 7], [0] * 4])
    np.testing.assert_array_equal(counted, [[True] * 4, [False, True, True, True], [False] * 4])
    said = tokenizer.decode(np.array([[4, 8, 5, 5], [4, 5, 6, 7], [0, 4, 4, 8]]))
    np.testing.assert_array_equal(said, [[4, 0, 0, 0], [4, 5, 6, 7], [0] * 4])


def test_sizes_fit():
    with pytest.raises(ValueError, match=r"sides must be .*Received: shape=\(6, 8, 3\), filters=\(4, 4\)"):
        ImageTokenizer((6, 8, 3), filters=(4, 4))
    with pytest.raises(ValueError, match=r"there must be filters, and most > 0. Received: filters=\(\), most=5"):
        AudioTokenizer(5, filters=())
    with pytest.raises(ValueError, match=r"vocabulary_size must be > 3, max_tokens > 0. Received: vocabulary_size=3"):
        TextTokenizer(3)
