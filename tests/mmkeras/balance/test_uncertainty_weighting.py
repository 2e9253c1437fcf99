import re

import keras
import numpy as np
import pytest
from reference import to_numpy
from tiny_fusion import BATCH, ROWS, W, Y, losses, tiny_model

from mmkeras.balance import UncertaintyWeighting


def weighted(optimizer=None, loss=None):
    plain = tiny_model()
    model = UncertaintyWeighting(plain.input, plain.output)
    model.compile(optimizer or keras.optimizers.Adam(0.02), loss or losses())
    return model


def each(model):
    given = model.predict_on_batch(BATCH)
    return np.array([float(losses()[t](Y[t], given[t], sample_weight=W[t])) for t in ("kind", "price")])


def test_loss_and_gradient_by_hand():
    model = weighted(keras.optimizers.SGD(0.1))
    log_variances = np.array([0.5, -0.3], "float32")
    model.log_variances.assign(log_variances)
    lost = each(model)
    wanted = (np.exp(-log_variances) * lost + log_variances).sum()
    assert model.train_on_batch(BATCH, Y, W) == pytest.approx(wanted, rel=1e-4)
    moved = log_variances - 0.1 * (1 - np.exp(-log_variances) * lost)
    np.testing.assert_allclose(to_numpy(model.log_variances), moved, rtol=1e-4)


def test_a_target_without_labels_leaves_its_weight_alone():
    model = weighted(keras.optimizers.SGD(0.1))
    model.train_on_batch(BATCH, Y, {**W, "kind": np.zeros(ROWS, "float32")})
    moved = to_numpy(model.log_variances)
    assert moved[0] == 0.0
    assert moved[1] != 0.0


def test_fit_and_the_file(tmp_path):
    model = weighted()
    history = model.fit(BATCH, Y, sample_weight=W, epochs=15, verbose=0, validation_data=(BATCH, Y, W)).history
    assert history["loss"][-1] < history["loss"][0]
    model.save(tmp_path / "m.keras")
    loaded = keras.saving.load_model(tmp_path / "m.keras")
    assert type(loaded) is UncertaintyWeighting
    np.testing.assert_array_equal(to_numpy(loaded.log_variances), to_numpy(model.log_variances))
    assert loaded.test_on_batch(BATCH, Y, W) == pytest.approx(model.test_on_batch(BATCH, Y, W))
    plain = keras.Model(model.input, model.output)
    np.testing.assert_array_equal(plain.predict_on_batch(BATCH)["kind"], model.predict_on_batch(BATCH)["kind"])


def test_what_is_refused():
    inputs = keras.Input((3,))
    rule = "UncertaintyWeighting: the outputs must be a dict target → tensor. Received: KerasTensor."
    with pytest.raises(ValueError, match=re.escape(rule)):
        UncertaintyWeighting(inputs, keras.layers.Dense(1)(inputs))
    rule = "a target must have a keras.losses.Loss. Received: loss['price']='mse'. Do: keras.losses.MeanSquaredError()."
    with pytest.raises(ValueError, match=re.escape(rule)):
        weighted(loss={"kind": losses()["kind"], "price": "mse"}).train_on_batch(BATCH, Y, W)
