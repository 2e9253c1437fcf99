"""Vibration of a machine on three axes, its speed and its kind → what is wrong with it.

3,000 rows; series of 60 to 160 steps as `.npy` with gaps, 6 classes of which the rarest is 20 times rarer than the most
common. Made by a seeded generator: each fault has its own harmonics of the shaft's speed, impacts or drift, which only
the speed tells apart, each machine its own resonance; one speed in ten is missing.
"""

import os

import numpy as np
import pandas as pd

from suite.writing import media_folder, share_out, write_parts

TARGET, METRIC = "fault", "macro_f1"
ROWS, RATE = 3000, 100
FAULTS = {"healthy": 0.4, "imbalance": 0.2, "misaligned": 0.17, "loose": 0.13, "bearing": 0.08, "rubbing": 0.02}
KINDS = {"pump": (11, 0.9), "fan": (17, 1.2), "mill": (23, 0.7), "saw": (31, 1.0)}


def write(folder, limit=None):
    random = np.random.default_rng(0)
    media_folder(folder, "records")
    rows = []
    for place in range(min(limit or ROWS, ROWS)):
        fault = random.choice(list(FAULTS), p=list(FAULTS.values()))
        kind, speed = random.choice(list(KINDS)), random.uniform(3, 12)
        name = f"records/{place:04d}.npy"
        np.save(os.path.join(folder, name), measure(fault, *KINDS[kind], speed, random).astype("float32"))
        rows.append((name, kind, None if random.random() < 0.1 else round(60 * speed), fault))
    frame = pd.DataFrame(rows, columns=["record", "machine", "speed", "fault"])
    return write_parts(folder, frame, share_out(frame.fault))


def measure(fault, resonance, weight, speed, random):
    """Acceleration of a machine `(T, 3)`."""
    seconds = np.arange(random.integers(60, 161)) / RATE
    shaft, start = 2 * np.pi * speed * seconds, random.uniform(0, 2 * np.pi, 3)
    strength = 1.4 * weight * np.exp(random.normal(0, 0.3))
    loud = dict.fromkeys((1, 2, 3, 0.5), 0.0) | {1: random.uniform(0.2, 0.7), 2: random.uniform(0.0, 0.3)}
    loud[1] += 1.1 * strength * (fault == "imbalance")
    loud[2] += 0.8 * strength * (fault == "misaligned")
    loud[0.5] += 0.7 * strength * (fault == "loose")
    loud[3] += 0.4 * strength * (fault in ("loose", "misaligned"))
    axes = random.uniform(0.4, 1.0, 3) * ([1, 1, 1.6] if fault == "misaligned" else [1, 1, 0.6])
    moved = sum(size * np.sin(order * shaft[:, None] + order * start) for order, size in loud.items()) * axes
    if fault in ("bearing", "rubbing"):
        knocks = (shaft * (3.6 if fault == "bearing" else 1.0) + start[0]) % (2 * np.pi)
        ring = np.exp(-knocks * (1.5 if fault == "bearing" else 0.7)) * np.sin(2 * np.pi * 2.5 * resonance * seconds)
        moved += strength * random.uniform(1.0, 2.0) * ring[:, None] * axes
    moved += random.uniform(0.1, 0.4) * np.sin(2 * np.pi * resonance * seconds)[:, None]
    moved += random.normal(0, random.uniform(0.15, 0.45), moved.shape) + random.normal(0, 0.3, 3)
    moved[random.random(moved.shape) < 0.01] = np.nan
    return moved


def keras_opponent(train, validation, epochs=60, callbacks=()):
    import keras
    from keras import layers

    kinds, names = sorted(set(train.machine)), sorted(set(train.fault))
    mean, spread = train.speed.mean(), train.speed.std()

    def inputs(frame):
        records = [np.nan_to_num(np.load(name)) for name in frame.record]
        series = keras.utils.pad_sequences(records, maxlen=160, dtype="float32", padding="post")
        speed = ((frame.speed.fillna(mean) - mean) / spread).to_numpy()[:, None]
        return {"series": series, "facts": np.hstack([speed, frame.machine.to_numpy()[:, None] == np.array(kinds)])}

    def targets(frame):
        return (frame.fault.to_numpy()[:, None] == np.array(names)).astype("float32")

    series, facts = keras.Input((160, 3), name="series"), keras.Input((1 + len(kinds),), name="facts")
    found = series
    for width in (64, 128, 128):
        found = layers.Conv1D(width, 5, padding="same")(found)
        found = layers.ReLU()(layers.BatchNormalization()(found))
        found = layers.MaxPooling1D(2)(found)
    found = layers.Concatenate()([layers.GlobalAveragePooling1D()(found), layers.GlobalMaxPooling1D()(found), facts])
    hidden = layers.Dropout(0.3)(layers.Dense(128, activation="relu")(found))
    model = keras.Model([series, facts], layers.Dense(len(names), activation="softmax")(hidden))
    score = keras.metrics.F1Score("macro", name="macro_f1")
    model.compile("adam", "categorical_crossentropy", metrics=[score])
    stop = keras.callbacks.EarlyStopping("val_macro_f1", mode="max", patience=10, restore_best_weights=True)
    judged = (inputs(validation), targets(validation))
    weights = {
        place: (len(train) / len(names) / (train.fault == name).sum()) ** 0.5 for place, name in enumerate(names)
    }
    model.fit(
        inputs(train),
        targets(train),
        validation_data=judged,
        class_weight=weights,
        epochs=epochs,
        callbacks=[*callbacks, stop],
    )
    return lambda frame: np.array(names)[model.predict(inputs(frame)).argmax(-1)]


def sklearn_opponent(train, validation):
    from sklearn.ensemble import HistGradientBoostingClassifier

    kinds = sorted(set(train.machine))

    def features(frame):
        rows = []
        for name in frame.record:
            record = np.nan_to_num(np.load(name))
            power = np.abs(np.fft.rfft(record - record.mean(0), 256, axis=0)) ** 2 / len(record)
            bands = np.log(np.add.reduceat(power, np.arange(0, 128, 6), axis=0) + 1e-6)
            rows.append(np.concatenate([record.mean(0), record.std(0), np.abs(record).max(0), bands.ravel()]))
        return np.hstack([rows, frame[["speed"]], frame.machine.to_numpy()[:, None] == np.array(kinds)])

    model = HistGradientBoostingClassifier(class_weight="balanced").fit(features(train), train.fault)
    return lambda frame: model.predict(features(frame))
