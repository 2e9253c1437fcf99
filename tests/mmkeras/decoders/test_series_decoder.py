"""Forecasts: quantiles that never cross, scores by hand, and a series learned."""

import keras
import numpy as np
import pytest
from keras import ops

from data_pipelines.field_spec import FieldSpec, LabelSpec
from mmkeras.decoders import SeriesDecoder


def array(tensor):
    return ops.convert_to_numpy(tensor)


@pytest.mark.parametrize("quantiles", [(0.5,), (0.1, 0.5, 0.9), (0.02, 0.2, 0.5, 0.6, 0.7)])
def test_quantiles_never_cross(quantiles):
    keras.utils.set_random_seed(0)
    decoder = SeriesDecoder(steps=4, channels=2, quantiles=quantiles, num_heads=2)
    told = array(decoder(np.random.default_rng(0).normal(size=(50, 5, 8)).astype("float32") * 30))
    assert told.shape == (50, 4, 2, len(quantiles))
    assert (np.diff(told, axis=-1) >= 0).all()


def test_score_by_hand():
    labels = np.array([[[1.0], [np.nan]], [[4.0], [8.0]], [[99.0], [99.0]]])
    told = np.array([[[[0, 2, 3.0]], [[0, 0, 0.0]]], [[[5, 6, 7.0]], [[7, 8, 9.0]]], [[[0, 0, 0.0]]] * 2])
    score = SeriesDecoder(steps=2).score(labels, np.array([1.0, 0.5, 0.0]), told)
    assert score["mae"] == pytest.approx((1 + 2 + 0) / 3)
    assert score["smape"] == pytest.approx((2 / 3 + 4 / 10 + 0) / 3)
    assert score["coverage"] == pytest.approx(2 / 3)
    assert score["coverage_wanted"] == pytest.approx(0.8)
    over = [[1, -1, -2], [-1, -2, -3], [1, 0, -1]]
    each = [max(q * o, (q - 1) * o) for row in over for q, o in zip((0.1, 0.5, 0.9), row, strict=True)]
    assert score["pinball"] == pytest.approx(np.mean(each))


def test_it_learns_spread_as_well_as_level():
    keras.utils.set_random_seed(0)
    random = np.random.default_rng(0)
    tokens = random.normal(size=(512, 1, 8)).astype("float32")
    wide = np.array([0.1, 1.0])
    level = tokens[:, 0, :1]
    values = level * np.array([1.0, -1.0]) + wide * random.normal(size=(512, 2))
    labels = np.stack([values, np.ones_like(values)], -1).astype("float32")
    decoder = SeriesDecoder(steps=2, num_heads=2, dropout=0.0)
    model = keras.Sequential([keras.Input((1, 8)), decoder])
    model.compile(keras.optimizers.Adam(0.01), decoder.default_loss(), weighted_metrics=decoder.default_metrics())
    model.fit(tokens, labels, 64, epochs=30, verbose=0)
    told = model.predict(tokens, verbose=0)
    assert np.abs(told[:, 0, 0, 1] - level[:, 0]).mean() < 0.2
    spread = (told[..., 2] - told[..., 0]).mean((0, 2))
    assert spread[1] > 3 * spread[0]
    score = decoder.score(values[..., None], np.ones(512), told)
    assert 0.65 < score["coverage"] < 0.95
    assert model.evaluate(tokens, labels, verbose=0)[1] == pytest.approx(score["mae"], rel=1e-3)


def test_the_spec_says_its_size():
    label = LabelSpec((24, 4), as_input=True)
    spec = FieldSpec("TimeSeries", (None, 4), label=label, details={"channels": 2})
    decoder = SeriesDecoder.from_spec(spec, dropout=0.3)
    assert (decoder.steps, decoder.channels, decoder.dropout) == (24, 2, 0.3)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"steps": 0}, r"steps and channels must be > 0\. Received: steps=0, channels=1"),
        ({"channels": 0}, r"Received: steps=3, channels=0"),
        ({"quantiles": (0.5, 0.1, 0.9)}, r"quantiles must rise inside \(0, 1\), with 0\.5 in the middle"),
        ({"quantiles": (0.1, 0.9)}, r"Received: quantiles=\(0\.1, 0\.9\)"),
        ({"quantiles": (0.1, 0.4, 0.9)}, r"Received: quantiles=\(0\.1, 0\.4, 0\.9\)"),
        ({"quantiles": (0.0, 0.5, 0.9)}, r"Received: quantiles=\(0\.0, 0\.5, 0\.9\)"),
    ],
)
def test_what_is_refused(options, said):
    with pytest.raises(ValueError, match=said):
        SeriesDecoder(**{"steps": 3, **options})
