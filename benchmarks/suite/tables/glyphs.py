"""Printed characters of many fonts, badly scanned → which of 100.

8,000 rows, 32 × 32 grey PNG. Latin, Greek, Cyrillic and Georgian letters and digits in the 13 DejaVu faces (Bitstream
Vera licence, public domain changes) that matplotlib ships, turned, sheared, scaled, blotted and noisy by a seeded
generator. Letters that look the same in two scripts, or large and small, stand there once.
"""

import os

import numpy as np
import pandas as pd
import PIL.Image
import PIL.ImageDraw
import PIL.ImageFont

from suite.writing import media_folder, packaged, share_out, write_parts

TARGET, METRIC = "character", "accuracy"
ROWS, SIZE = 8000, 32
CHARACTERS = "ABDEFGHJKLMNPQRTUYabdefghjmnqrtwy23456789ΓΔΘΛΞΠΣΦΨΩαβγδεζηθλμξπσφψωБДЖИЛЦЧШЩЪЫЭЮЯвжзлцюяაბგდევზთკლმოქღრ"
FACES = [
    "Sans",
    "Sans-Bold",
    "Sans-Oblique",
    "Sans-BoldOblique",
    "SansMono",
    "SansMono-Bold",
    "Serif",
    "Serif-Bold",
    "Serif-Italic",
]


def write(folder, limit=None):
    random = np.random.default_rng(0)
    media_folder(folder, "scans")
    fonts = packaged("matplotlib", "mpl-data", "fonts", "ttf")
    faces = [PIL.ImageFont.truetype(os.path.join(fonts, f"DejaVu{face}.ttf"), 24) for face in FACES]
    rows = []
    count = min(limit or ROWS, ROWS)
    for place in range(count):
        character = CHARACTERS[place % min(100, max(2, count // 10))]
        name = f"scans/{place:04d}.png"
        scan(character, faces[random.integers(len(faces))], random).save(os.path.join(folder, name))
        rows.append((name, character))
    frame = pd.DataFrame(rows, columns=["scan", "character"])
    return write_parts(folder, frame, share_out(frame.character))


def scan(character, face, random):
    """A character on paper that wasn't laid straight."""
    paper = PIL.Image.new("L", (48, 48), 0)
    PIL.ImageDraw.Draw(paper).text((24, 24), character, fill=255, font=face, anchor="mm")
    turn, scale, shear = random.uniform(-0.3, 0.3), random.uniform(0.75, 1.25), random.uniform(-0.25, 0.25)
    matrix = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]) @ [[1, shear], [0, 1]] / scale
    shift = 24 - matrix @ (16 + random.uniform(-2.5, 2.5, 2))
    coefficients = (*matrix[0], shift[0], *matrix[1], shift[1])
    ink = np.asarray(
        paper.transform((SIZE, SIZE), PIL.Image.Transform.AFFINE, coefficients, PIL.Image.Resampling.BILINEAR)
    )
    shade, light = random.uniform(0.5, 1.0), random.uniform(0.0, 0.2)
    pixels = light + (shade - light) * ink / 255 + random.normal(0, random.uniform(0.02, 0.12), (SIZE, SIZE))
    for _ in range(random.integers(0, 3)):
        y, x = random.integers(0, SIZE, 2)
        pixels[y : y + random.integers(2, 9), x : x + random.integers(2, 9)] = random.uniform(0, 1)
    return PIL.Image.fromarray((255 * pixels.clip(0, 1)).astype("uint8"))


def keras_opponent(train, validation, epochs=30, callbacks=()):
    import keras
    from keras import layers

    def images(frame):
        return np.stack([np.asarray(PIL.Image.open(name)) for name in frame.scan])[..., None] / 255.0

    names = sorted(set(train.character))
    labels = layers.StringLookup(vocabulary=names, num_oov_indices=0)
    model = keras.Sequential(
        [
            layers.Input((SIZE, SIZE, 1)),
            layers.Conv2D(32, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(64, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dropout(0.5),
            layers.Dense(256, activation="relu"),
            layers.Dropout(0.5),
            layers.Dense(len(names), activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    stop = keras.callbacks.EarlyStopping("val_accuracy", patience=5, restore_best_weights=True)
    model.fit(
        images(train),
        labels(train.character),
        validation_data=(images(validation), labels(validation.character)),
        batch_size=64,
        epochs=epochs,
        callbacks=[*callbacks, stop],
    )
    return lambda frame: np.array(names)[model.predict(images(frame)).argmax(-1)]


def sklearn_opponent(train, validation):
    from skimage.feature import hog
    from sklearn.svm import SVC

    def edges(frame):
        images = (np.asarray(PIL.Image.open(name)) for name in frame.scan)
        return np.stack([hog(image, pixels_per_cell=(8, 8), cells_per_block=(2, 2)) for image in images])

    model = SVC(C=10).fit(edges(train), train.character)
    return lambda frame: model.predict(edges(frame))
