"""Corruptions do what they say, and never touch what is absent."""

import numpy as np
import pytest

from data_pipelines.field_spec import FieldSpec
from mmkeras.views.corruptions import LEVELS, corruptions, decibels

MEL = {"mel_bins": 6, "sample_rate": 8000}
FIELDS = {
    "picture": FieldSpec("Image", (16, 12, 3)),
    "clip": FieldSpec("Video", (None, 8, 8, 3)),
    "words": FieldSpec("Text", (None,)),
    "frames": FieldSpec("Audio", (None, 6), details={"features": "log_mel", **MEL}),
    "samples": FieldSpec("Audio", (None,), details={"features": "waveform", **MEL}),
    "numbers": FieldSpec("Number", (4,)),
    "maker": FieldSpec("Category", ()),
}


def batch(name):
    """Forty rows, every fourth absent."""
    random = np.random.default_rng(0)
    there = np.arange(40) % 4 > 0
    shape = {"picture": (16, 12, 3), "clip": (3, 8, 8, 3), "words": (20,), "frames": (9, 6), "samples": (500,)}
    shape = {**shape, "numbers": (4,), "maker": ()}[name]
    if name in ("words", "maker"):
        values = random.integers(1, 50, (40, *shape)).astype("int32")
    elif name in ("picture", "clip"):
        values = random.random((40, *shape)).astype("float32")
    else:
        values = random.normal(size=(40, *shape)).astype("float32")
    steps = () if name in ("picture", "maker") else shape[:1]
    mask = np.broadcast_to(there.reshape(-1, *(1,) * len(steps)), (40, *steps))
    return np.where(mask.reshape(mask.shape + (1,) * (values.ndim - mask.ndim)), values, 0).astype(values.dtype), mask


CASES = [(name, kind) for name, field in FIELDS.items() for kind in corruptions(field)]


@pytest.mark.parametrize(("name", "kind"), CASES)
def test_shape_mask_and_dtype_stay_true(name, kind):
    values, mask = batch(name)
    kept_values, kept_mask = values.copy(), mask.copy()
    for level in LEVELS:
        changed, shown = corruptions(FIELDS[name])[kind](values, mask, level, np.random.default_rng(1))
        assert changed.shape == values.shape and changed.dtype == values.dtype and shown.dtype == bool
        assert np.isfinite(changed).all()
        absent = ~shown.reshape(shown.shape + (1,) * (values.ndim - shown.ndim))
        assert not np.where(absent, changed, 0).any()
        assert not shown[::4].any()
        again, _ = corruptions(FIELDS[name])[kind](values, mask, level, np.random.default_rng(1))
        np.testing.assert_array_equal(again, changed)
        if level == 0.0:
            np.testing.assert_array_equal(changed, values)
            np.testing.assert_array_equal(shown, mask)
        else:
            assert not np.array_equal(changed, values) or not np.array_equal(shown, mask)
    np.testing.assert_array_equal(values, kept_values)
    np.testing.assert_array_equal(mask, kept_mask)


def test_noise_of_recordings_has_the_ratio_it_says():
    values, mask = batch("samples")
    for level in (0.25, 0.75):
        noisy, _ = corruptions(FIELDS["samples"])["noise"](values, mask, level, np.random.default_rng(0))
        ratio = 10 * np.log10((values**2).sum() / ((noisy - values) ** 2).sum())
        assert ratio == pytest.approx(decibels(level), abs=0.3)
    frames, mask = batch("frames")
    noisy, _ = corruptions(FIELDS["frames"])["noise"](frames, mask, 0.75, np.random.default_rng(0))
    before, after = (np.exp(part)[mask].sum() for part in (frames, noisy))
    assert after / before == pytest.approx(1 + 10 ** (-decibels(0.75) / 10), rel=0.1)


def test_an_occlusion_covers_that_share():
    values, mask = batch("picture")
    for level in (0.25, 0.5, 1.0):
        spoiled, _ = corruptions(FIELDS["picture"])["occlusion"](values, mask, level, np.random.default_rng(0))
        assert (spoiled[mask] == 0.5).mean() == pytest.approx(level, abs=0.06)


def test_a_blur_keeps_the_mean_and_takes_the_detail():
    values, mask = batch("picture")
    blurred, _ = corruptions(FIELDS["picture"])["blur"](values, mask, 0.5, np.random.default_rng(0))
    assert blurred[mask].mean() == pytest.approx(values[mask].mean(), abs=0.02)
    assert blurred[mask].std() < 0.5 * values[mask].std()


def test_lost_words_leave_no_holes():
    values, mask = batch("words")
    left, shown = corruptions(FIELDS["words"])["lost words"](values, mask, 0.5, np.random.default_rng(0))
    assert 0.4 < shown.sum() / mask.sum() < 0.6
    assert (np.diff(shown.astype(int), axis=1) <= 0).all()
    row = left[1][shown[1]].tolist()
    rest = iter(values[1].tolist())
    assert row and all(word in rest for word in row)
    assert not corruptions(FIELDS["words"])["lost words"](values, mask, 1.0, np.random.default_rng(0))[1].any()
