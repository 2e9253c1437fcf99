"""Handwritten digits, 8 × 8 grey pixels → which of 10.

1,797 rows, PNG. From scikit-learn's `load_digits`, the test part of UCI's "Optical recognition of handwritten digits"
(Alpaydin and Kaynak, 1998), CC-BY-4.0.
"""

import os

import numpy as np
import pandas as pd
import PIL.Image
from sklearn.datasets import load_digits

from suite.writing import at_most, media_folder, share_out, write_parts

TARGET, METRIC = "digit", "accuracy"


def write(folder, limit=None):
    digits = load_digits()
    media_folder(folder, "scans")
    frame = pd.DataFrame({"place": range(len(digits.target)), "digit": digits.target})
    frame = at_most(frame, limit, frame.digit)
    frame.insert(0, "scan", [f"scans/{place:04d}.png" for place in frame.place])
    for name, place in zip(frame.scan, frame.place, strict=True):
        pixels = (digits.images[place] * 255 / 16).round().astype("uint8")
        PIL.Image.fromarray(pixels).save(os.path.join(folder, name))
    return write_parts(folder, frame.drop(columns="place"), share_out(frame.digit))


def keras_opponent(train, validation, epochs=30, callbacks=()):
    import keras
    from keras import layers

    def images(frame):
        return np.stack([np.asarray(PIL.Image.open(name)) for name in frame.scan])[..., None] / 255.0

    model = keras.Sequential(
        [
            layers.Input((8, 8, 1)),
            layers.Conv2D(32, 3, padding="same", activation="relu"),
            layers.Conv2D(64, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dropout(0.5),
            layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    stop = keras.callbacks.EarlyStopping("val_accuracy", patience=5, restore_best_weights=True)
    model.fit(
        images(train),
        train.digit,
        validation_data=(images(validation), validation.digit),
        epochs=epochs,
        callbacks=[*callbacks, stop],
    )
    return lambda frame: model.predict(images(frame)).argmax(-1)


def sklearn_opponent(train, validation):
    from sklearn.svm import SVC

    def pixels(frame):
        return np.stack([np.asarray(PIL.Image.open(name)).ravel() for name in frame.scan]) / 255.0

    model = SVC(C=10).fit(pixels(train), train.digit)
    return lambda frame: model.predict(pixels(frame))
