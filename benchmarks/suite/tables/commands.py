"""Spoken commands, one second in noise → which of 12.

3,000 rows, WAV of 8 kHz; "left" and "left again", "go" and "go on" begin alike. Made by a seeded formant synthesiser
(`suite/speech.py`): 60 speakers with pitch, vocal tract, pace and accent of their own, in noise 0 to 20 dB below; no
speaker stands in two parts.
"""

import os

import numpy as np
import pandas as pd

from suite.speech import COMMANDS, RATE, in_a_room, say, speaker
from suite.writing import media_folder, share_out, write_parts, write_wav

TARGET, METRIC = "command", "accuracy"
ROWS, SPEAKERS = 3000, 60


def write(folder, limit=None):
    random = np.random.default_rng(0)
    voices = [speaker(random) for _ in range(SPEAKERS)]
    media_folder(folder, "recordings")
    rows = []
    for place in range(min(limit or ROWS, ROWS)):
        who, command = place % SPEAKERS, random.choice(list(COMMANDS))
        name = f"recordings/{place:04d}.wav"
        sound = in_a_room(say(COMMANDS[command], voices[who], random), 1.0, random)
        write_wav(os.path.join(folder, name), sound, RATE)
        rows.append((name, command, who))
    frame = pd.DataFrame(rows, columns=["recording", "command", "speaker"])
    parts = share_out([None] * len(frame), groups=frame.speaker)
    return write_parts(folder, frame.drop(columns="speaker"), parts)
