"""Recordings without their own loudness: by real frames alone, silence and absence included."""

import numpy as np
import pytest
from reference import normal, to_numpy

from mmkeras.encoders import AudioCNNEncoder, AudioConformerEncoder, AudioLSTMEncoder
from mmkeras.encoders.sound_levels import levelled

LAYERS = [
    AudioCNNEncoder(dim=8, filters=(4, 4), normalize=True),
    AudioLSTMEncoder(dim=8, stride=2, normalize=True),
    AudioConformerEncoder(dim=8, num_layers=1, num_heads=2, kernel_size=3, stride=2, normalize=True),
]
X = (normal(2, 9, 6) * 3 - 5).astype("float32")
MASK = np.arange(9) < np.array([[9], [5]])


def test_against_numpy():
    got = to_numpy(levelled(X, MASK, True))
    for row, count in ((0, 9), (1, 5)):
        real = X[row, :count]
        np.testing.assert_allclose(got[row, :count], (real - real.mean()) / np.sqrt(real.var() + 0.01), atol=1e-5)


@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: type(layer).__name__)
def test_louder_and_longer_batches_change_nothing(layer):
    tokens = to_numpy(layer(X, mask=MASK))
    np.testing.assert_allclose(layer(X + 4.0, mask=MASK), tokens, atol=1e-5)
    alone = to_numpy(layer(X[1:, :5], mask=MASK[1:, :5]))
    np.testing.assert_allclose(tokens[1:, : alone.shape[1]], alone, atol=1e-5)
    assert type(layer).from_config(layer.get_config()).normalize is True


@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: type(layer).__name__)
def test_silence_is_finite_and_what_is_absent_gives_zeros(layer):
    silent = np.stack([np.full((9, 6), -11.5, "float32"), np.full((9, 6), np.nan, "float32")])
    tokens = to_numpy(layer(silent, mask=np.array([[True] * 9, [False] * 9])))
    assert np.isfinite(tokens).all() and not tokens[1].any() and np.abs(tokens[0]).max() < 20


def test_by_fixed_numbers_loudness_stays():
    np.testing.assert_allclose(levelled(X, MASK, False), (X + 5) / 4, atol=1e-6)
