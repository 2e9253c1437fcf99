"""A striped star, a dotted heart, in front of clutter → which of 12.

3,000 rows, 48 × 48 colour JPEG, made by a seeded generator (`suite/sketches.py`): six outlines times two fills, any
two colours, sizes and turns, other small things in front of and behind it, light and noise of a camera.
"""

import os

import numpy as np
import pandas as pd
import PIL.Image

from suite import sketches
from suite.writing import media_folder, share_out, write_parts

TARGET, METRIC = "thing", "accuracy"
ROWS, SIZE = 3000, 48
THINGS = [
    f"{fill} {outline}"
    for fill in ("striped", "dotted")
    for outline in ["square", "triangle", "star", "heart", "drop", "cross"]
]


def write(folder, limit=None):
    random = np.random.default_rng(0)
    media_folder(folder, "photos")
    rows = []
    for place in range(min(limit or ROWS, ROWS)):
        thing = THINGS[random.integers(len(THINGS))]
        name = f"photos/{place:04d}.jpg"
        take(*thing.split(), random).save(os.path.join(folder, name), quality=85)
        rows.append((name, thing))
    frame = pd.DataFrame(rows, columns=["photo", "thing"])
    return write_parts(folder, frame, share_out(frame.thing))


def take(fill, outline, random):
    """A photograph of a thing, darker and lighter than what is behind it."""
    still = 128 + 0.35 * (sketches.background(SIZE, random) - 128)
    canvas = sketches.clutter(still, random, random.integers(0, 4))
    middle, radius = random.uniform(0.4, 0.6, 2) * SIZE, random.uniform(0.28, 0.4) * SIZE
    where = sketches.area(outline, SIZE, middle, radius, random.uniform(0, 2 * np.pi), random.uniform(0.8, 1.0))
    paint = sketches.fill(fill, SIZE, random, sketches.colour(random, 10, 110), sketches.colour(random, 150, 250))
    canvas = sketches.put(canvas, where, paint)
    return sketches.photograph(sketches.clutter(canvas, random, random.integers(0, 3)), random, 8)


def keras_opponent(train, validation, epochs=50, callbacks=()):
    import keras
    from keras import layers

    def images(frame):
        return np.stack([np.asarray(PIL.Image.open(name)) for name in frame.photo])

    labels = layers.StringLookup(vocabulary=THINGS, num_oov_indices=0)
    model = keras.Sequential(
        [
            layers.Input((SIZE, SIZE, 3)),
            layers.Rescaling(1 / 255),
            layers.RandomFlip(),
            layers.RandomRotation(0.1),
            layers.Conv2D(32, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(64, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(128, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dropout(0.5),
            layers.Dense(128, activation="relu"),
            layers.Dense(len(THINGS), activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    stop = keras.callbacks.EarlyStopping("val_accuracy", patience=8, restore_best_weights=True)
    model.fit(
        images(train),
        labels(train.thing),
        validation_data=(images(validation), labels(validation.thing)),
        epochs=epochs,
        callbacks=[*callbacks, stop],
    )
    return lambda frame: np.array(THINGS)[model.predict(images(frame)).argmax(-1)]


def sklearn_opponent(train, validation):
    import PIL.Image
    from skimage.feature import hog
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVC

    def features(frame):
        images = [PIL.Image.open(name) for name in frame.photo]
        edges = [hog(np.asarray(image), pixels_per_cell=(8, 8), channel_axis=-1) for image in images]
        colours = [np.asarray(image.resize((6, 6))).ravel() / 255 for image in images]
        return np.hstack([edges, colours])

    model = make_pipeline(StandardScaler(), SVC(C=10)).fit(features(train), train.thing)
    return lambda frame: model.predict(features(frame))
