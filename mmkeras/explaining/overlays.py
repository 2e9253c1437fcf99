"""Heat over media: what speaks for an answer in orange, against it in blue, what is looked at in violet."""

import numpy as np

FOR, AGAINST, LOOKED = (np.array(colour) / 255 for colour in ((217, 95, 20), (32, 96, 210), (122, 40, 170)))
PALE = 0.55


def over_picture(pixels, gradient):
    """A pale grey picture under the signed heat of its pixels, smoothed a little: floats `(H, W, 3)`."""
    return _tinted(_pale(pixels.mean(-1)), _smoothed(gradient, max(pixels.shape[:2]) / 40))


def look_over_picture(pixels, attention):
    """The same under what is looked at."""
    return _tinted(_pale(pixels.mean(-1)), attention, LOOKED)


def over_frames(frames, gradient):
    """A pale spectrogram `(bands, T, 3)`, low bands below, under the signed heat of its frames `(T, bands or 1)`."""
    heat = np.broadcast_to(gradient, frames.shape)
    return _tinted(_pale(_grey(frames)), _smoothed(heat, 1.0).T[::-1])


def look_over_frames(frames, attention):
    """The same under what is looked at, a number a frame."""
    return _tinted(_pale(_grey(frames)), np.broadcast_to(attention[:, None], frames.shape).T[::-1], LOOKED)


def strengths(weights):
    """Signed weights as shares of the largest, in [-1, 1]."""
    weights = np.asarray(weights, "float64")
    return weights / max(np.abs(weights).max(initial=0.0), 1e-12)


def _grey(frames):
    """Log energies as ink: loud is dark."""
    low, high = np.percentile(frames, (2, 99.8))
    return 1 - np.clip((frames - low) / max(high - low, 1e-6), 0, 1).T[::-1]


def _pale(grey):
    return np.repeat((PALE + (1 - PALE) * np.clip(grey, 0, 1))[..., None], 3, axis=2)


def _tinted(base, heat, colour=None):
    """Colour over a base, as strong as the heat; the hottest hundredth is full."""
    top = max(np.quantile(np.abs(heat), 0.99), np.abs(heat).max() / 4, 1e-12)
    # What is looked at may be all of it alike: the picture must be seen through it.
    strength = np.clip(np.abs(heat) / top, 0, 1)[..., None] * (0.85 if colour is None else 0.6)
    colours = np.where(heat[..., None] > 0, FOR, AGAINST) if colour is None else colour
    return base * (1 - strength) + colours * strength


def _smoothed(heat, sigma):
    """A Gaussian blur along both axes, in pixels."""
    reach = int(np.ceil(3 * sigma))
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    kernel /= kernel.sum()
    for axis in (0, 1):
        heat = np.apply_along_axis(lambda line: np.convolve(np.pad(line, reach), kernel, "valid"), axis, heat)
    return heat
