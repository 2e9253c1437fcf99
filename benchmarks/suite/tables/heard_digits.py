"""A digit that is half hidden, and somebody who says it in noise → which of 10.

1,797 rows: 16 × 16 PNG, one second of WAV at 8 kHz; neither is enough. Pictures are scikit-learn's digits (UCI, Alpaydin
and Kaynak, CC-BY-4.0) with half of each under a grey bar and noise; the words are said by a seeded formant synthesiser
(`suite/speech.py`) of 45 speakers, none in two parts, in noise as loud as they are.
"""

import os

import numpy as np
import pandas as pd
import PIL.Image
from sklearn.datasets import load_digits

from suite.speech import DIGITS, RATE, in_a_room, say, speaker
from suite.writing import at_most, media_folder, share_out, write_parts, write_wav

TARGET, METRIC = "digit", "accuracy"
SPEAKERS = 45


def write(folder, limit=None):
    random = np.random.default_rng(0)
    digits = load_digits()
    voices = [speaker(random) for _ in range(SPEAKERS)]
    frame = pd.DataFrame({"digit": digits.target, "place": range(len(digits.target))})
    frame = at_most(frame, limit, frame.digit)
    frame.insert(0, "scan", [f"scans/{place:04d}.png" for place in frame.place])
    frame.insert(1, "recording", [f"recordings/{place:04d}.wav" for place in frame.place])
    media_folder(folder, "scans"), media_folder(folder, "recordings")
    words = list(DIGITS.values())
    for row in frame.itertuples():
        hide(digits.images[row.place], random).save(os.path.join(folder, row.scan))
        said = say(words[row.digit], voices[row.place % SPEAKERS], random)
        write_wav(os.path.join(folder, row.recording), in_a_room(said, 1.0, random, 4.0, -4.0), RATE)
    parts = share_out([None] * len(frame), groups=frame.place % SPEAKERS)
    return write_parts(folder, frame.drop(columns="place"), parts)


def hide(pixels, random):
    """A scan of 16 × 16 with one half of it covered."""
    large = np.kron(pixels / 16, np.ones((2, 2)))
    side = random.integers(4)
    cover = np.zeros((16, 16), bool)
    cover[:8] = True
    large = np.where(np.rot90(cover, side), 0.5, large) + random.normal(0, 0.15, (16, 16))
    return PIL.Image.fromarray((255 * large.clip(0, 1)).astype("uint8"))
