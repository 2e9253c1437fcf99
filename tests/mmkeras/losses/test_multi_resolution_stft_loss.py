"""Spectra compared: by hand, and blind to what one has more."""

import numpy as np
import pytest
from keras import ops

from mmkeras.losses import MultiResolutionSTFTLoss

RANDOM = np.random.default_rng(0)
REAL, TOLD = RANDOM.normal(size=(2, 3, 40)).astype("float32")


def value(loss, real, told):
    return ops.convert_to_numpy(loss.call(ops.convert_to_tensor(real), ops.convert_to_tensor(told)))


def magnitudes(samples):
    samples = np.pad(samples, ((0, 0), (0, 8)))
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(8) / 8)
    frames = np.stack([samples[:, start : start + 8] * window for start in range(0, 41, 2)], 1)
    return np.sqrt(np.abs(np.fft.rfft(frames)) ** 2 + 1e-10)


def test_by_hand():
    real, told = magnitudes(REAL), magnitudes(TOLD)
    norm = lambda values: np.sqrt((values**2).sum((1, 2)))  # noqa: E731
    wanted = norm(real - told) / norm(real) + np.abs(np.log(real / told)).mean((1, 2))
    np.testing.assert_allclose(value(MultiResolutionSTFTLoss((8,)), REAL, TOLD), wanted, rtol=1e-2)


def test_what_one_has_more_is_left_out():
    loss = MultiResolutionSTFTLoss((4, 8))
    longer = np.concatenate([TOLD, TOLD], 1)
    np.testing.assert_allclose(value(loss, REAL, longer), value(loss, REAL, TOLD), rtol=1e-5)
    np.testing.assert_array_equal(value(loss, REAL, REAL), 0.0)


def test_silence_is_finite():
    assert np.isfinite(value(MultiResolutionSTFTLoss((8,)), np.zeros((1, 3)), np.zeros((1, 3), "float32"))).all()


@pytest.mark.parametrize("frames", [(), (12,), (2,)])
def test_frames_are_powers_of_two(frames):
    with pytest.raises(ValueError, match=r"powers of 2, 4 at least\. Received: frames=\("):
        MultiResolutionSTFTLoss(frames)
