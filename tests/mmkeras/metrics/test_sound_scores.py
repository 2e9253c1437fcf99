"""Mel-cepstral distortion: cepstra by hand, time warped."""

import numpy as np
import pytest

from mmkeras.metrics.sound_scores import DECIBELS, cepstra, mel_cepstral_distortion


def test_the_same_is_no_distortion_however_long_each_frame_lasts():
    frames = np.random.default_rng(0).normal(size=(9, 20))
    assert mel_cepstral_distortion(frames, frames) == 0.0
    assert mel_cepstral_distortion(frames, np.repeat(frames, 3, axis=0)) == pytest.approx(0.0, abs=1e-9)
    assert mel_cepstral_distortion(frames, frames + 3.0) == pytest.approx(0.0, abs=1e-9)
    assert mel_cepstral_distortion(frames, frames[::-1]) > 1.0


def test_it_is_the_distance_of_smooth_spectra_in_decibels():
    waves = np.cos(np.pi * (np.arange(40) + 0.5) * np.array([[2], [5]]) / 40)
    frames = 0.7 * waves[:1] - 0.4 * waves[1:]
    wanted = np.sqrt(((10 / np.log(10) * frames) ** 2).mean())
    assert mel_cepstral_distortion(frames, np.zeros((1, 40))) == pytest.approx(wanted)
    assert np.linalg.norm(cepstra(frames)) * DECIBELS == pytest.approx(wanted)


def test_the_path_is_the_cheapest():
    random = np.random.default_rng(1)
    real, told = random.normal(size=(5, 16)), random.normal(size=(7, 16))
    costs = DECIBELS * np.linalg.norm(cepstra(real)[:, None] - cepstra(told)[None], axis=-1)

    def cheapest(row, column):
        here = costs[row, column]
        if not row and not column:
            return here, 1
        before = [(row - 1, column - 1), (row - 1, column), (row, column - 1)]
        total, steps = min((cheapest(*place) for place in before if min(place) >= 0), key=lambda way: way[0])
        return total + here, steps + 1

    total, steps = cheapest(4, 6)
    assert mel_cepstral_distortion(real, told) == pytest.approx(total / steps)
