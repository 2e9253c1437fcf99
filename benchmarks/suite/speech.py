"""Words as a formant synthesiser says them: voices, paces and accents of their own, in noise.

Harmonics of the voice and bands of noise under three moving resonances, after Klatt (1980); formants are the means of
Peterson and Barney (1952). No recording is in it.
"""

from typing import NamedTuple

import numpy as np

RATE = 8000
HOP = 40
# First three formants in Hz, voice, noise, and the noise's middle in Hz.
PHONES = {
    "iy": (270, 2290, 3010, 1.0, 0.0, 0),
    "ih": (390, 1990, 2550, 1.0, 0.0, 0),
    "eh": (530, 1840, 2480, 1.0, 0.0, 0),
    "ae": (660, 1720, 2410, 1.0, 0.0, 0),
    "aa": (730, 1090, 2440, 1.0, 0.0, 0),
    "ao": (570, 840, 2410, 1.0, 0.0, 0),
    "uh": (440, 1020, 2240, 1.0, 0.0, 0),
    "uw": (300, 870, 2240, 1.0, 0.0, 0),
    "er": (490, 1350, 1690, 1.0, 0.0, 0),
    "ah": (640, 1190, 2390, 1.0, 0.0, 0),
    "l": (360, 1300, 2700, 0.6, 0.0, 0),
    "r": (330, 1060, 1380, 0.6, 0.0, 0),
    "w": (300, 610, 2200, 0.6, 0.0, 0),
    "y": (260, 2200, 3000, 0.6, 0.0, 0),
    "n": (250, 1500, 2400, 0.35, 0.0, 0),
    "m": (250, 1100, 2200, 0.35, 0.0, 0),
    "s": (300, 1700, 2600, 0.0, 0.35, 3500),
    "z": (300, 1700, 2600, 0.3, 0.2, 3500),
    "sh": (300, 1800, 2500, 0.0, 0.4, 2500),
    "f": (300, 1200, 2300, 0.0, 0.12, 2900),
    "th": (300, 1400, 2500, 0.0, 0.1, 3200),
    "v": (280, 1200, 2300, 0.4, 0.06, 2900),
    "h": (500, 1500, 2500, 0.0, 0.12, 1500),
    "t": (350, 1800, 2600, 0.0, 0.4, 3000),
    "k": (300, 1900, 2500, 0.0, 0.35, 1800),
    "p": (300, 900, 2300, 0.0, 0.3, 800),
    "d": (300, 1700, 2600, 0.4, 0.2, 2700),
    "g": (300, 1900, 2400, 0.4, 0.2, 1700),
    "b": (300, 900, 2300, 0.4, 0.15, 700),
    ".": (500, 1500, 2500, 0.0, 0.0, 0),
}
SECONDS = {
    "t": 0.025,
    "k": 0.03,
    "p": 0.02,
    "d": 0.03,
    "g": 0.03,
    "b": 0.03,
    ".": 0.05,
    "l": 0.06,
    "r": 0.06,
    "w": 0.06,
}
SECONDS |= {
    "y": 0.05,
    "n": 0.07,
    "m": 0.07,
    "h": 0.05,
    "v": 0.06,
    "z": 0.09,
    "f": 0.09,
    "th": 0.08,
    "s": 0.11,
    "sh": 0.11,
}
VOWEL_SECONDS = 0.12
DIGITS = {
    "zero": "z ih r ao uw",
    "one": "w ah n",
    "two": ". t uw",
    "three": "th r iy",
    "four": "f ao r",
    "five": "f aa ih v",
    "six": "s ih . k s",
    "seven": "s eh v ah n",
    "eight": "eh ih . t",
    "nine": "n aa ih n",
}
COMMANDS = {
    "yes": "y eh s",
    "no": "n ao uw",
    "up": "ah . p",
    "down": ". d aa uh n",
    "left": "l eh f . t",
    "right": "r aa ih . t",
    "on": "aa n",
    "off": "ao f",
    "stop": "s . t aa . p",
    "go": ". g ao uw",
    "left again": "l eh f . t ah . g eh n",
    "go on": ". g ao uw aa n",
}


class Speaker(NamedTuple):
    """A voice: pitch in Hz, length of the vocal tract, pace, breath, and where its phones differ from the mean."""

    pitch: float
    tract: float
    pace: float
    breath: float
    accent: dict


def speaker(random):
    """Somebody."""
    tract = random.uniform(0.87, 1.2)
    pitch = 120 * tract**2.2 * np.exp(random.normal(0, 0.15))
    accent = {phone: np.exp(random.normal(0, 0.05, 3)) for phone in PHONES}
    return Speaker(pitch, tract, np.exp(random.normal(0, 0.15)), random.uniform(0.0, 0.03), accent)


def say(phones, voice, random):
    """Says a word.

    Args:
        phones: str, names of phones with spaces between them.
        voice: `Speaker`.
        random: `numpy.random.Generator`.
    Returns:
        float array `(S,)` at `RATE`, of peak 1.
    """
    formants, voiced, noisy, middles = _tracks(phones.split(), voice, random)
    sound = _voice(formants, voiced, voice, random) + _noise(noisy, middles, formants, voiced * voice.breath, random)
    return sound / max(np.abs(sound).max(), 1e-6)


def in_a_room(sound, seconds, random, loudest=20.0, quietest=0.0):
    """Puts a sound somewhere into noise of 0 to 20 dB below it.

    Args:
        sound: float array `(S,)`.
        seconds: float. Of the result; a longer sound is cut.
        random: `numpy.random.Generator`.
        loudest, quietest: float. How far the noise is below the sound, in dB.
    Returns:
        float array `(seconds · RATE,)` of peak below 1.
    """
    length = int(seconds * RATE)
    sound = sound[:length]
    placed = np.zeros(length)
    start = random.integers(0, length - len(sound) + 1)
    placed[start : start + len(sound)] = sound
    echo = random.integers(80, 800)
    placed[echo:] += random.uniform(0, 0.25) * placed[:-echo]
    spectrum = np.fft.rfft(random.normal(size=length)) / np.maximum(1, np.arange(length // 2 + 1)) ** random.uniform(
        0, 0.8
    )
    noise = np.fft.irfft(spectrum, length)
    noise += (
        random.uniform(0, 1) * noise.std() * np.sin(2 * np.pi * random.choice([50, 60, 100]) * np.arange(length) / RATE)
    )
    level = np.sqrt((sound**2).mean()) * 10 ** (-random.uniform(quietest, loudest) / 20)
    mixed = placed + noise / noise.std() * level
    return mixed / np.abs(mixed).max() * random.uniform(0.2, 0.95)


def _tracks(phones, voice, random):
    """Formants `(T, 3)`, voice, noise and the noise's middle `(T,)`, a frame each `HOP`; phones glide into another."""
    rows = []
    for phone in phones:
        *formants, voiced, noisy, middle = PHONES[phone]
        seconds = SECONDS.get(phone, VOWEL_SECONDS) * voice.pace * np.exp(random.normal(0, 0.15))
        spoken = np.array(formants) * voice.tract * voice.accent[phone] * np.exp(random.normal(0, 0.03, 3))
        loud = np.exp(random.normal(0, 0.2))
        row = [*spoken, voiced * loud, noisy * loud, middle * voice.tract or 2000]
        rows += [row] * max(2, round(seconds * RATE / HOP))
    tracks = np.array(rows)
    padded = np.pad(tracks, [(4, 4), (0, 0)], mode="edge")
    smooth = np.stack([np.convolve(column, np.hanning(9) / np.hanning(9).sum(), "valid") for column in padded.T], 1)
    smooth[:, 4] = 0.5 * smooth[:, 4] + 0.5 * tracks[:, 4]
    fade = np.minimum(1, np.minimum(np.arange(1, len(rows) + 1), np.arange(len(rows), 0, -1)) / 4)
    return smooth[:, :3], smooth[:, 3] * fade, smooth[:, 4] * fade, smooth[:, 5]


def _gain(frequency, formants):
    """How much three resonances let through: frequency `(T, K)`, formants `(T, 3)` → `(T, K)`."""
    widths, weights = np.array([80.0, 110.0, 160.0]), np.array([1.0, 0.6, 0.35])
    away = (frequency[:, :, None] - formants[:, None, :]) / widths
    return (weights / np.sqrt(1 + away**2)).sum(-1)


def _voice(formants, voiced, voice, random):
    """The voice's harmonics under moving formants."""
    frames = len(formants)
    drift = np.cumsum(random.normal(0, 0.006, frames))
    pitch = voice.pitch * (1 + 0.12 * np.linspace(1, -1, frames) * random.uniform(-0.5, 1.2) + drift)
    count = int(RATE / 2 / pitch.max())
    numbers = np.arange(1, count + 1)
    loud = _gain(pitch[:, None] * numbers, formants) * numbers**-0.7 * voiced[:, None]
    at, fine = np.arange(frames) * HOP, np.arange(frames * HOP)
    phase = 2 * np.pi * np.cumsum(np.interp(fine, at, pitch)) / RATE
    return sum(np.interp(fine, at, loud[:, k - 1]) * np.sin(k * phase) for k in numbers)


def _noise(noisy, middles, formants, breath, random):
    """Bands of noise, and breath under the formants, frames that overlap by half."""
    frames, width = len(noisy), 2 * HOP
    frequency = np.fft.rfftfreq(width, 1 / RATE)[None].repeat(frames, 0)
    band = noisy[:, None] * np.exp(-0.5 * ((frequency - middles[:, None]) / 600) ** 2)
    shape = band + breath[:, None] * _gain(frequency, formants)
    pieces = np.fft.irfft(np.fft.rfft(random.normal(size=(frames, width))) * shape) * np.hanning(width)
    sound = np.zeros((frames + 1) * HOP)
    for half in (0, 1):
        sound[half * HOP : (half + frames) * HOP] += pieces[:, half * HOP : (half + 1) * HOP].ravel()
    return sound[: frames * HOP]
