"""A digit that is half hidden, and somebody who says it in noise → which of 10.

1,797 rows: 16 × 16 PNG, one second of WAV at 8 kHz; neither is enough. Pictures are scikit-learn's digits (UCI,
Alpaydin and Kaynak, CC-BY-4.0) with half of each under a grey bar and noise; the words are said by a seeded formant
synthesiser (`suite/speech.py`) of 45 speakers, none in two parts, in noise as loud as they are.
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


def keras_opponent(train, validation, epochs=40, callbacks=()):
    import keras
    from keras import layers
    from scipy.io import wavfile

    mel = layers.MelSpectrogram(fft_length=256, sequence_stride=128, sampling_rate=8000, num_mel_bins=40, min_freq=50)

    def inputs(frame):
        images = np.stack([np.asarray(PIL.Image.open(name)) for name in frame.scan])[..., None] / 255.0
        waves = np.stack([wavfile.read(name)[1] / 32768 for name in frame.recording]).astype("float32")
        spectra = [mel(waves[start : start + 256]) for start in range(0, len(waves), 256)]
        return {"scan": images, "sound": np.concatenate(spectra)[..., None]}

    learned = inputs(train)
    normalise = layers.Normalization(axis=None)
    normalise.adapt(learned["sound"])
    scan = keras.Input((16, 16, 1), name="scan")
    sound = keras.Input(learned["sound"].shape[1:], name="sound")
    seen, heard = scan, normalise(sound)
    for width in (32, 64):
        seen = layers.MaxPooling2D()(layers.Conv2D(width, 3, padding="same", activation="relu")(seen))
    for width in (32, 64, 64):
        heard = layers.MaxPooling2D()(layers.Conv2D(width, 3, padding="same", activation="relu")(heard))
    both = layers.Concatenate()([layers.Flatten()(seen), layers.Flatten()(heard)])
    hidden = layers.Dropout(0.5)(layers.Dense(128, activation="relu")(layers.Dropout(0.5)(both)))
    model = keras.Model([scan, sound], layers.Dense(10, activation="softmax")(hidden))
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    stop = keras.callbacks.EarlyStopping("val_accuracy", patience=6, restore_best_weights=True)
    judged = (inputs(validation), validation.digit)
    model.fit(learned, train.digit, validation_data=judged, epochs=epochs, callbacks=[*callbacks, stop])
    return lambda frame: model.predict(inputs(frame)).argmax(-1)


def sklearn_opponent(train, validation):
    from scipy import signal
    from scipy.io import wavfile
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVC

    def features(frame):
        rows = []
        for scan, recording in zip(frame.scan, frame.recording, strict=True):
            power = signal.spectrogram(wavfile.read(recording)[1] / 32768, 8000, nperseg=256)[2]
            bands = np.unique(np.geomspace(2, 128, 30).astype(int))
            bands = np.log(np.add.reduceat(power, bands, axis=0) + 1e-9)
            pixels = np.asarray(PIL.Image.open(scan).resize((8, 8))).ravel() / 255
            rows.append(np.concatenate([pixels, bands.mean(1), bands.std(1)]))
        return np.stack(rows)

    model = make_pipeline(StandardScaler(), SVC(C=10)).fit(features(train), train.digit)
    return lambda frame: model.predict(features(frame))
