"""What happens to media in the world, on batches, from nothing at 0 to nearly all at 1; masks stay true."""

import numpy as np

LEVELS = (0.0, 0.25, 0.5, 0.75, 1.0)
FLOOR = 1e-5


def corruptions(field):
    """The corruptions that an input has: dict name → function (values, mask, level, random).

    Args:
        field: `FieldSpec` of the input.
    Returns:
        dict of callables that give (values, mask), anew.
    """
    kind = field.modality
    if kind == "Image":
        return {"noise": _pixel_noise, "blur": _blur, "occlusion": _occlusion}
    if kind == "Video":
        return {"noise": _pixel_noise, "absence": _absence}
    if kind == "Text":
        return {"lost words": _lost_words}
    if kind == "Audio" and field["features"] == "waveform":
        return {"noise": _waveform_noise}
    if kind == "Audio":
        return {"noise": lambda *given: _log_mel_noise(*given, bands=_widths(field["mel_bins"], field["sample_rate"]))}
    if kind == "Number":
        return {"noise": _number_noise}
    return {"absence": _absence}


def decibels(level):
    """Signal over noise at a level: 20 dB at 0.25, 0 dB at 0.75, -10 dB at 1."""
    return 30.0 - 40.0 * level


def _pixel_noise(values, mask, level, random):
    """Gaussian noise with a standard deviation of half the range at 1."""
    noisy = np.clip(values + random.normal(0, 0.5 * level, values.shape), 0, 1)
    return _shown(noisy.astype(values.dtype), mask), mask


def _blur(values, mask, level, random):
    """Gaussian blur, at 1 with a standard deviation of an eighth of the side."""
    if not level:
        return values, mask
    rows, columns = (_blur_weights(side, level * side / 8) for side in values.shape[1:3])
    # One side after the other; in one go, the work would grow with the product of both squares.
    return np.einsum("hi,wj,bijc->bhwc", rows, columns, values, optimize=True).astype(values.dtype), mask


def _blur_weights(side, deviation):
    places = np.arange(side)
    weights = np.exp(-0.5 * ((places[:, None] - places[None]) / max(deviation, 1e-3)) ** 2)
    return weights / weights.sum(1, keepdims=True)


def _occlusion(values, mask, level, random):
    """A grey rectangle somewhere, over that share of the picture."""
    values = values.copy()
    height, width = values.shape[1:3]
    tall, wide = round(height * level**0.5), round(width * level**0.5)
    tops, lefts = random.integers(0, height - tall + 1, len(values)), random.integers(0, width - wide + 1, len(values))
    for picture, top, left in zip(values, tops, lefts, strict=True):
        picture[top : top + tall, left : left + wide] = 0.5
    return _shown(values, mask), mask


def _lost_words(values, mask, level, random):
    """Each token is lost with that chance; those left close up."""
    kept = mask & (random.random(mask.shape) >= level)
    order = np.argsort(~kept, axis=1, kind="stable")
    kept = np.take_along_axis(kept, order, 1)
    return _shown(np.take_along_axis(values, order, 1), kept), kept


def _waveform_noise(values, mask, level, random):
    """White noise at `decibels(level)`."""
    if not level:
        return values, mask
    power = (values**2).sum(1, keepdims=True) / np.maximum(mask.sum(1, keepdims=True), 1)
    noise = random.normal(size=values.shape) * np.sqrt(power * 10 ** (-decibels(level) / 10))
    return _shown((values + noise).astype(values.dtype), mask), mask


def _log_mel_noise(values, mask, level, random, bands):
    """What white noise at `decibels(level)` adds to the energy of each band."""
    if not level:
        return values, mask
    energy = np.where(mask[..., None], np.exp(values), 0.0)
    power = energy.sum((1, 2)) / np.maximum(mask.sum(1), 1) * 10 ** (-decibels(level) / 10)
    added = power[:, None, None] * bands * random.gamma(2.0, 0.5, values.shape)
    return _shown(np.log(energy + added + FLOOR).astype(values.dtype), mask), mask


def _widths(bins, rate):
    """Each mel band's share of the energy of white noise: its width in Hz."""
    ends = np.linspace(*(2595 * np.log10(1 + hertz / 700) for hertz in (60.0, rate / 2)), bins + 2)
    hertz = 700 * (10 ** (ends / 2595) - 1)
    return (hertz[2:] - hertz[:-2]) / (hertz[2:] - hertz[:-2]).sum()


def _number_noise(values, mask, level, random):
    """Gaussian noise of up to two standard deviations of the column."""
    noisy = values + random.normal(0, 2 * level, values.shape)
    return _shown(noisy.astype(values.dtype), mask), mask


def _absence(values, mask, level, random):
    """Absent in that share of the rows."""
    there = random.random(len(mask)) >= level
    kept = mask & there.reshape(-1, *(1,) * (mask.ndim - 1))
    return _shown(values, kept), kept


def _shown(values, mask):
    """Zeros under the mask."""
    return np.where(mask.reshape(mask.shape + (1,) * (values.ndim - mask.ndim)), values, np.zeros((), values.dtype))
