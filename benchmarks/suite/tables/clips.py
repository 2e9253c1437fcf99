"""Something that moves, and what is to be heard of it → what happens, one of 6.

600 rows; 1.5 s of 24 frames of 48 × 48 as MP4, 1.5 s of WAV at 8 kHz. Made by a seeded generator: the picture tells
how it moves (it bounces, slides, or circles), the sound whether it is of metal or of wood; colours, sizes, speeds,
rooms and clutter by chance. Metal and wood are told apart by nothing but sound.
"""

import os

import numpy as np
import pandas as pd

from suite import sketches
from suite.speech import RATE, in_a_room
from suite.writing import media_folder, share_out, write_parts, write_wav

TARGET, METRIC = "event", "accuracy"
ROWS, SIZE, FRAMES, FRAME_RATE = 600, 48, 24, 16
MOVES, MATTERS = ("bounces", "slides", "circles"), ("metal", "wood")


def write(folder, limit=None):
    random = np.random.default_rng(0)
    media_folder(folder, "videos"), media_folder(folder, "sounds")
    rows = []
    for place in range(min(limit or ROWS, ROWS)):
        move, matter = random.choice(MOVES), random.choice(MATTERS)
        clip, sound = f"videos/{place:04d}.mp4", f"sounds/{place:04d}.wav"
        path, hits = way(move, random)
        write_mp4(os.path.join(folder, clip), film(path, random))
        heard = strike(matter, hits, random) if move == "bounces" else scrape(matter, path, random)
        write_wav(os.path.join(folder, sound), in_a_room(heard, FRAMES / FRAME_RATE, random, 15.0, -2.0), RATE)
        rows.append((clip, sound, f"{matter} {move}"))
    frame = pd.DataFrame(rows, columns=["video", "sound", "event"])
    return write_parts(folder, frame, share_out(frame.event, shares={"train": 0.6, "validation": 0.15, "test": 0.25}))


def way(move, random):
    """Places `(F, 2)` in [0, 1] of a thing that moves, and when it hits something, in seconds."""
    time = np.arange(FRAMES) / FRAME_RATE
    pace, start = random.uniform(0.7, 1.5), random.uniform(0, 2 * np.pi)
    if move == "circles":
        turns = 2 * np.pi * pace * time * random.choice([-1, 1]) + start
        return 0.5 + 0.28 * np.stack([np.cos(turns), np.sin(turns)], 1), []
    level = random.uniform(0.3, 0.8)
    swing = 2 * np.abs((pace * time + start) % 2 - 1) - 1 if move == "slides" else 0.5 * (pace * time - 0.8)
    along = 0.5 + 0.33 * swing * random.choice([-1, 1])
    if move == "slides":
        return np.stack([along, level + 0.02 * random.normal(size=FRAMES)], 1), []
    phase = (1.6 * pace * time + start) % 1
    hits = [hit for hit in (np.arange(1, 5) - start % 1) / (1.6 * pace) if hit < time[-1]]
    return np.stack([along, 0.85 - 2.4 * phase * (1 - phase)], 1), hits


def film(path, random):
    """Frames uint8 `(F, H, W, 3)` of a thing on its way, in front of clutter."""
    still = sketches.clutter(sketches.background(SIZE, random), random, random.integers(3, 9))
    outline, radius = random.choice(["disc", "square", "star", "flower"]), random.uniform(0.09, 0.15) * SIZE
    paint, turn, spin = sketches.colour(random), random.uniform(0, 6), random.uniform(-0.3, 0.3)
    frames = []
    for place, middle in enumerate(path):
        where = sketches.area(outline, SIZE, middle * SIZE, radius, turn + spin * place)
        frames.append(sketches.put(still, where, paint) + random.normal(0, 8, still.shape))
    return np.stack(frames).clip(0, 255).astype("uint8")


def strike(matter, hits, random):
    """A struck thing: metal rings long and high and out of tune, wood is short and low."""
    time = np.arange(int(RATE * FRAMES / FRAME_RATE)) / RATE
    base, ratios, fade = _matter(matter, random)
    sound = np.zeros(len(time))
    for hit in hits or [0.3]:
        later = np.maximum(0, time - hit)
        tone = sum(np.sin(2 * np.pi * base * ratio * later) * np.exp(-later * fade * ratio) / ratio for ratio in ratios)
        sound += tone * (time >= hit) * random.uniform(0.6, 1.0)
    return sound / np.abs(sound).max()


def scrape(matter, path, random):
    """A thing that rubs, louder where it is faster: noise through what it rings at."""
    length = int(RATE * FRAMES / FRAME_RATE)
    base, ratios, fade = _matter(matter, random)
    time = np.arange(RATE // 4) / RATE
    ring = sum(np.sin(2 * np.pi * base * ratio * time) * np.exp(-time * fade * ratio) for ratio in ratios)
    noise = random.normal(size=length) * (random.random(length) < 0.05)
    speed = np.linalg.norm(np.gradient(path, axis=0), axis=1)
    loud = np.interp(np.linspace(0, 1, length), np.linspace(0, 1, FRAMES), speed)
    sound = np.convolve(noise * loud, ring)[:length]
    return sound / np.abs(sound).max()


def _matter(matter, random):
    """Base in Hz, ratios of its overtones, and how fast it fades."""
    stray = np.exp(random.normal(0, 0.04, 4))
    if matter == "metal":
        return random.uniform(350, 1100), np.array([1.0, 2.76, 4.1, 5.4]) * stray, random.uniform(3, 12)
    return random.uniform(180, 700), np.array([1.0, 1.9, 2.6, 3.4]) * stray, random.uniform(18, 50)


def write_mp4(path, frames):
    """MPEG-4 in MP4."""
    import av

    with av.open(path, "w") as file:
        stream = file.add_stream("mpeg4", rate=FRAME_RATE)
        stream.width, stream.height, stream.pix_fmt = frames.shape[2], frames.shape[1], "yuv420p"
        stream.bit_rate = 400_000
        for frame in frames:
            file.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        file.mux(stream.encode())


def keras_opponent(train, validation, epochs=50, callbacks=()):
    import av
    import keras
    from keras import layers
    from scipy.io import wavfile

    def inputs(frame):
        clips = []
        for name in frame.video:
            with av.open(name) as file:
                clips.append(np.stack([image.to_ndarray(format="rgb24") for image in file.decode(video=0)])[::2])
        waves = np.stack([wavfile.read(name)[1] / 32768 for name in frame.sound]).astype("float32")
        return {"video": np.stack(clips), "sound": np.asarray(mel(waves))[..., None]}

    mel = layers.MelSpectrogram(fft_length=256, sequence_stride=128, sampling_rate=8000, num_mel_bins=40, min_freq=50)
    names = sorted(set(train.event))
    labels = layers.StringLookup(vocabulary=names, num_oov_indices=0)
    learned = inputs(train)
    video, sound = (keras.Input(learned[name].shape[1:], name=name) for name in ("video", "sound"))
    normalise = layers.Normalization(axis=None)
    normalise.adapt(learned["sound"])
    seen, heard = layers.Rescaling(1 / 255)(video), normalise(sound)
    for width, steps in ((16, 1), (32, 2), (64, 2)):
        seen = layers.Conv3D(width, 3, padding="same", activation="relu")(seen)
        seen = layers.MaxPooling3D((steps, 2, 2))(seen)
        heard = layers.MaxPooling2D()(layers.Conv2D(width, 3, padding="same", activation="relu")(heard))
    seen = layers.Dense(64, activation="relu")(layers.Dropout(0.4)(layers.Flatten()(seen)))
    both = layers.Concatenate()([seen, layers.Dense(64, activation="relu")(layers.Flatten()(heard))])
    model = keras.Model([video, sound], layers.Dense(len(names), activation="softmax")(layers.Dropout(0.4)(both)))
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    stop = keras.callbacks.EarlyStopping("val_accuracy", patience=10, restore_best_weights=True)
    judged = (inputs(validation), labels(validation.event))
    model.fit(
        learned, labels(train.event), validation_data=judged, batch_size=16, epochs=epochs, callbacks=[*callbacks, stop]
    )
    return lambda frame: np.array(names)[model.predict(inputs(frame)).argmax(-1)]


def sklearn_opponent(train, validation):
    import av
    from scipy import signal
    from scipy.io import wavfile
    from skimage.transform import resize
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    def features(frame):
        rows = []
        for video, sound in zip(frame.video, frame.sound, strict=True):
            with av.open(video) as file:
                frames = np.stack([image.to_ndarray(format="gray") for image in file.decode(video=0)]) / 255
            moved = resize(np.abs(np.diff(frames, axis=0)).mean(0), (12, 12)).ravel()
            power = signal.spectrogram(wavfile.read(sound)[1] / 32768, 8000, nperseg=256)[2]
            bands = np.unique(np.geomspace(2, 128, 30).astype(int))
            bands = np.log(np.add.reduceat(power, bands, axis=0) + 1e-9)
            rows.append(np.concatenate([moved, resize(frames.mean(0), (12, 12)).ravel(), bands.mean(1), bands.std(1)]))
        return np.stack(rows)

    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=1000)).fit(features(train), train.event)
    return lambda frame: model.predict(features(frame))
