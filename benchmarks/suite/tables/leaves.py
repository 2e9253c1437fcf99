"""Outlines of leaves as series of 427 distances from their middle → which of 6 trees.

442 rows, one channel. OSULeaf (Gandhi, 2002) of the UCR archive, out of the package aeon (BSD-3-Clause); both of its
parts together, shared out anew.
"""

import numpy as np
import pandas as pd

from suite.writing import at_most, packaged, share_out, write_parts

TARGET, METRIC = "tree", "accuracy"


def write(folder, limit=None):
    rows = [row for part in ("TRAIN", "TEST") for row in read(part)]
    frame = at_most(pd.DataFrame(rows, columns=["outline", "tree"]), limit, [row[1] for row in rows])
    parts = share_out(frame.tree, shares={"train": 0.55, "validation": 0.15, "test": 0.3})
    return write_parts(folder, frame, parts)


def read(part):
    """Series as `1.25;1.5;…`, and their classes, of a .ts file."""
    with open(packaged("aeon", "datasets", "data", "OSULeaf", f"OSULeaf_{part}.ts"), encoding="utf-8") as file:
        lines = file.read().split("@data\n")[1].splitlines()
    for line in filter(None, lines):
        values, label = line.rsplit(":", 1)
        yield ";".join(f"{float(value):.4g}" for value in values.split(",")), f"tree_{int(float(label))}"


def keras_opponent(train, validation, epochs=200, callbacks=()):
    import keras
    from keras import layers

    def series(frame):
        return np.stack([np.array(cell.split(";"), dtype="float32") for cell in frame.outline])[..., None]

    names = sorted(set(train.tree))
    labels = layers.StringLookup(vocabulary=names, num_oov_indices=0)
    learned = series(train)
    model = keras.Sequential([layers.Input(learned.shape[1:])])
    for _ in range(3):
        model.add(layers.Conv1D(64, 3, padding="same"))
        model.add(layers.BatchNormalization())
        model.add(layers.ReLU())
    model.add(layers.GlobalAveragePooling1D())
    model.add(layers.Dense(len(names), activation="softmax"))
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    slower = keras.callbacks.ReduceLROnPlateau("val_loss", factor=0.5, patience=20, min_lr=1e-4)
    stop = keras.callbacks.EarlyStopping("val_accuracy", patience=50, restore_best_weights=True)
    model.fit(
        learned,
        labels(train.tree),
        validation_data=(series(validation), labels(validation.tree)),
        batch_size=32,
        epochs=epochs,
        callbacks=[*callbacks, slower, stop],
    )
    return lambda frame: np.array(names)[model.predict(series(frame)).argmax(-1)]


def sklearn_opponent(train, validation):
    from sklearn.linear_model import RidgeClassifierCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    random = np.random.default_rng(0)
    kernels = []
    for _ in range(1000):
        weights = random.normal(size=random.choice([7, 9, 11]))
        spread = int(2 ** random.uniform(0, np.log2(426 / (len(weights) - 1))))
        wide = np.zeros((len(weights) - 1) * spread + 1)
        wide[::spread] = weights - weights.mean()
        kernels.append((wide, random.uniform(-1, 1), random.choice(["same", "valid"])))

    def features(frame):
        rows = []
        for cell in frame.outline:
            series = np.array(cell.split(";"), dtype=float)
            found = [np.convolve(series, weights, mode) + bias for weights, bias, mode in kernels]
            rows.append([feature for one in found for feature in (one.max(), (one > 0).mean())])
        return np.array(rows)

    model = make_pipeline(StandardScaler(), RidgeClassifierCV(np.logspace(-3, 3, 10))).fit(features(train), train.tree)
    return lambda frame: model.predict(features(frame))
