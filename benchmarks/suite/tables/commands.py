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


def keras_opponent(train, validation, epochs=40, callbacks=()):
    import keras
    from keras import layers
    from scipy.io import wavfile

    mel = layers.MelSpectrogram(fft_length=256, sequence_stride=128, sampling_rate=8000, num_mel_bins=40, min_freq=50)

    def spectra(frame):
        waves = np.stack([wavfile.read(name)[1] / 32768 for name in frame.recording]).astype("float32")
        return np.concatenate([mel(waves[start : start + 256]) for start in range(0, len(waves), 256)])[..., None]

    names = sorted(set(train.command))
    labels = layers.StringLookup(vocabulary=names, num_oov_indices=0)
    heard = spectra(train)
    normalise = layers.Normalization(axis=None)
    normalise.adapt(heard)
    model = keras.Sequential([layers.Input(heard.shape[1:]), normalise])
    for width in (32, 64, 64):
        model.add(layers.Conv2D(width, 3, padding="same", activation="relu"))
        model.add(layers.MaxPooling2D())
    model.add(layers.Flatten())
    model.add(layers.Dropout(0.5))
    model.add(layers.Dense(128, activation="relu"))
    model.add(layers.Dropout(0.5))
    model.add(layers.Dense(len(names), activation="softmax"))
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    stop = keras.callbacks.EarlyStopping("val_accuracy", patience=6, restore_best_weights=True)
    judged = (spectra(validation), labels(validation.command))
    model.fit(heard, labels(train.command), validation_data=judged, epochs=epochs, callbacks=[*callbacks, stop])
    return lambda frame: np.array(names)[model.predict(spectra(frame)).argmax(-1)]


def sklearn_opponent(train, validation):
    from scipy import signal
    from scipy.io import wavfile
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVC

    def features(frame):
        rows = []
        for name in frame.recording:
            power = signal.spectrogram(wavfile.read(name)[1] / 32768, 8000, nperseg=256)[2]
            bands = np.unique(np.geomspace(2, 128, 30).astype(int))
            bands = np.log(np.add.reduceat(power, bands, axis=0) + 1e-9)
            thirds = [third.mean(1) for third in np.array_split(bands, 3, axis=1)]
            rows.append(np.concatenate([bands.mean(1), bands.std(1), *thirds]))
        return np.stack(rows)

    model = make_pipeline(StandardScaler(), SVC(C=10)).fit(features(train), train.command)
    return lambda frame: model.predict(features(frame))
