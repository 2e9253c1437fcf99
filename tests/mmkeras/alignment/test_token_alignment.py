import keras
import numpy as np
import pytest
from reference import normal, to_numpy

from mmkeras.alignment import ContrastiveAlignment, TokenAlignment
from mmkeras.fusions import ConcatFusion
from mmkeras.layers import TokenPooling

TOKENS = {"picture": normal(6, 4, 8), "title": normal(6, 3, 7, seed=1)}
MASKS = {
    "picture": np.arange(4) < np.array([4, 3, 2, 0, 1, 0])[:, None],
    "title": np.arange(3) < np.array([3, 1, 0, 2, 3, 0])[:, None],
}


def test_the_loss_is_that_of_the_pooled_tokens_and_tokens_stay():
    layer = TokenAlignment(dim=5, weight=0.3)
    given = layer(TOKENS, mask=MASKS)
    for name, tokens in TOKENS.items():
        np.testing.assert_array_equal(to_numpy(given[name]), tokens)
    bare = ContrastiveAlignment(weight=0.3)
    bare(
        {name: layer.embed[name](TOKENS[name], mask=MASKS[name]) for name in TOKENS},
        mask={name: mask.any(1) for name, mask in MASKS.items()},
    )
    assert float(layer.losses[0]) == pytest.approx(float(bare.losses[0]))
    assert layer.compute_mask(TOKENS, MASKS) is MASKS


def classifier():
    inputs = {name: keras.Input((None, tokens.shape[-1]), name=name) for name, tokens in TOKENS.items()}
    masks = {name: keras.Input((None,), dtype="bool", name=f"{name}_mask") for name in TOKENS}
    wide = {name: keras.layers.Dense(8)(keras.layers.Dropout(0.0)(x)) for name, x in inputs.items()}
    aligned = TokenAlignment(dim=5, loss="sigmoid", name="align")(wide, mask=masks)
    answer = keras.layers.Dense(2, activation="softmax", name="kind")(TokenPooling()(ConcatFusion()(aligned)))
    return keras.Model({**inputs, **{f"{name}_mask": mask for name, mask in masks.items()}}, answer)


def test_it_trains_beside_a_classifier_and_survives_a_file(tmp_path):
    x = {**TOKENS, **{f"{name}_mask": mask for name, mask in MASKS.items()}}
    y = np.array([0, 1, 0, 1, 0, 1])
    model = classifier()
    model.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy")
    before = {weight.path: to_numpy(weight) for weight in model.trainable_weights}
    first = model.train_on_batch(x, y)
    assert all(np.abs(to_numpy(w) - before[w.path]).max() > 0 for w in model.trainable_weights)
    assert model.fit(x, y, epochs=20, verbose=0).history["loss"][-1] < first
    model.save(tmp_path / "m.keras")
    loaded = keras.saving.load_model(tmp_path / "m.keras")
    np.testing.assert_array_equal(loaded.predict_on_batch(x), model.predict_on_batch(x))
    assert loaded.test_on_batch(x, y) == pytest.approx(model.test_on_batch(x, y))
