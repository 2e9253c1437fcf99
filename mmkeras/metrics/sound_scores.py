"""How near a sound made is to the real one."""

import numpy as np

COEFFICIENTS = 13
DECIBELS = 10 * np.sqrt(2) / np.log(10)


def cepstra(frames):
    """Log-mel frames of power `(T, C)` → cepstral coefficients 1 … 13 of the amplitude `(T, 13)`."""
    frames = np.asarray(frames, "float64")
    count = frames.shape[-1]
    places = np.arange(1, min(COEFFICIENTS, count - 1) + 1)
    waves = np.cos(np.pi * (np.arange(count)[:, None] + 0.5) * places / count)
    return frames @ waves / count


def mel_cepstral_distortion(real, told):
    """Mel-cepstral distortion in dB along the best path of dynamic time warping, loudness left out.

    10 √2 / ln 10 · ‖c − c′‖ over coefficients 1 … 13, averaged over the steps of the path.

    Args:
        real: array `(T, C)`, natural logarithms of mel powers, T > 0.
        told: array `(T′, C)`, T′ > 0.
    References:
        [Kubichek, 1993](https://doi.org/10.1109/PACRIM.1993.407206). Differs: cepstra by a cosine transform of the mel
        bands, with no warped all-pole model; figures compare with each other, not with those of other tools.
    """
    first, second = cepstra(real), cepstra(told)
    costs = DECIBELS * np.sqrt(((first[:, None] - second[None]) ** 2).sum(-1))
    return _warped(costs)


def _warped(costs):
    """Mean cost along the cheapest path from one corner to the other, found one antidiagonal after the other."""
    rows, columns = costs.shape
    total = np.full((rows + 1, columns + 1), np.inf)
    steps = np.zeros((rows + 1, columns + 1))
    total[0, 0] = 0.0
    for diagonal in range(2, rows + columns + 1):
        row = np.arange(max(1, diagonal - columns), min(rows, diagonal - 1) + 1)
        column = diagonal - row
        ways = [(row - 1, column - 1), (row - 1, column), (row, column - 1)]
        best = np.argmin([total[way] for way in ways], axis=0)
        total[row, column] = costs[row - 1, column - 1] + np.choose(best, [total[way] for way in ways])
        steps[row, column] = 1 + np.choose(best, [steps[way] for way in ways])
    return float(total[rows, columns] / steps[rows, columns])
