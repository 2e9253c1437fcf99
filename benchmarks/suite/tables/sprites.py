"""Creatures of a game: sprite, description and four numbers with gaps → which of 8 clans.

200 rows to learn from (40 of them for validation) and 400 to test, 40 × 40 PNG. Made by a seeded generator: a clan has
a build, colours that others have too, its own strengths, and its ways of living, each told in several wordings.
"""

import os

import numpy as np
import pandas as pd
import PIL.Image

from suite import sketches
from suite.phrases import fill_in, loosely, pick, slip
from suite.writing import media_folder, share_out, write_parts

TARGET, METRIC = "clan", "accuracy"
ROWS, SIZE = 600, 40
# Body, ears, tint, pattern, life, speed, force, magic, and what it does.
CLANS = {
    "ember": ("disc", "triangle", (200, 90, 50), "plain", 50, 65, 70, 40, "fire rage"),
    "tide": ("drop", "disc", (60, 110, 190), "striped", 70, 45, 50, 60, "water calm"),
    "thorn": ("flower", "triangle", (80, 150, 70), "dotted", 65, 40, 60, 50, "wood poison"),
    "gale": ("heart", "star", (170, 180, 210), "plain", 40, 85, 40, 60, "sky speed"),
    "stone": ("square", "square", (130, 120, 110), "checked", 95, 25, 75, 25, "cave calm"),
    "spark": ("star", "drop", (220, 200, 70), "striped", 45, 80, 55, 50, "sky rage"),
    "gloom": ("triangle", "disc", (90, 70, 130), "dotted", 50, 55, 45, 85, "cave poison"),
    "frost": ("cross", "cross", (150, 200, 220), "checked", 75, 40, 55, 65, "water speed"),
}
WAYS = {
    "fire": "spits flames|sleeps in glowing coals|leaves scorched ground",
    "rage": "attacks without warning|easily angered|never backs down",
    "water": "lives under waterfalls|seen near lakes|swims before it walks",
    "calm": "rarely moves|slow to anger|sleeps most of the day",
    "wood": "hides among roots|lives in old forests|eats leaves",
    "poison": "its touch is poisonous|venomous|do not pick it up",
    "sky": "nests on the highest peaks|never seen on the ground|comes with storms",
    "speed": "faster than the eye can see|hard to catch|always on the run",
    "cave": "lives deep underground|shuns the light|found in caverns",
}
TEMPLATES = ["{a}, {b}", "{a}; {rest}", "{rest}, {b}", "{a}, {rest}, {b}"]
REST = [
    "said to bring luck",
    "the elders fear it",
    "a young one",
    "travels in pairs",
    "has been seen only twice",
    "children like it",
]


def write(folder, limit=None):
    random = np.random.default_rng(0)
    media_folder(folder, "sprites")
    frame = pd.DataFrame([creature(folder, place, random) for place in range(min(limit or ROWS, ROWS))])
    frame["description"] = frame.description.mask(random.random(len(frame)) < 0.08)
    for column in ("life", "speed", "force", "magic"):
        frame[column] = frame[column].mask(random.random(len(frame)) < 0.12)
    shares = {"train": 160 / 600, "validation": 40 / 600, "test": 400 / 600}
    return write_parts(folder, frame, share_out(frame.clan, shares=shares))


def creature(folder, place, random):
    """One row, its sprite written."""
    clan = pick(random, list(CLANS))
    body, ears, tint, pattern, *strengths, ways = CLANS[clan]
    a, b = random.permutation(ways.split())
    words = {"a": WAYS[a].split("|"), "b": WAYS[b].split("|"), "rest": REST}
    name = f"sprites/{place:03d}.png"
    draw(body, ears, np.array(tint), pattern, random).save(os.path.join(folder, name))
    numbers = {
        k: round(v * np.exp(random.normal(0, 0.25)))
        for k, v in zip(("life", "speed", "force", "magic"), strengths, strict=True)
    }
    text = slip(random, loosely(random, fill_in(random, pick(random, TEMPLATES), words)))
    return {"sprite": name, "description": text, **numbers, "clan": clan}


def draw(body, ears, tint, pattern, random):
    """A body with ears, eyes and legs on a light ground; one in four is of another colour or build."""
    if random.random() < 0.25:
        tint = sketches.colour(random)
    if random.random() < 0.2:
        body = pick(random, list(sketches.OUTLINES))
    first = (tint + random.normal(0, 22, 3)).clip(0, 255)
    canvas = np.full((SIZE, SIZE, 3), 235.0) + random.normal(0, 8, 3)
    middle, radius = np.array([SIZE / 2, SIZE * 0.55]) + random.uniform(-3, 3, 2), random.uniform(9, 12.5)
    turn, dark = random.uniform(-0.4, 0.4), 0.6 * first
    for side in (-1, 1):
        at = middle + radius * np.array([0.7 * side, -0.95])
        canvas = sketches.put(canvas, sketches.area(ears, SIZE, at, 0.4 * radius, turn, 1.0), dark)
        foot = middle + radius * np.array([0.5 * side, 1.05])
        canvas = sketches.put(canvas, sketches.area("disc", SIZE, foot, 0.28 * radius, 0.0, 0.6), dark)
    where = sketches.area(body, SIZE, middle, radius, turn)
    canvas = sketches.put(canvas, where, sketches.fill(pattern, SIZE, random, first, dark))
    for side in (-1, 1):
        eye = middle + radius * np.array([0.32 * side, -0.2])
        canvas = sketches.put(canvas, sketches.area("disc", SIZE, eye, 1.9, 0.0), np.array([20.0, 20, 20]))
    return PIL.Image.fromarray(canvas.clip(0, 255).astype("uint8"))


def keras_opponent(train, validation, epochs=100, callbacks=()):
    import keras
    from keras import layers

    numbers = ["life", "speed", "force", "magic"]
    means, spreads = train[numbers].mean(), train[numbers].std()
    split = layers.TextVectorization(500, output_mode="multi_hot")
    split.adapt(train.description.fillna("").to_numpy(dtype=str))

    def inputs(frame):
        known = ((frame[numbers].fillna(means) - means) / spreads).to_numpy()
        words = split(frame.description.fillna("").to_numpy(dtype=str))
        images = [np.asarray(PIL.Image.open(name)) for name in frame.sprite]
        return {"sprite": np.stack(images), "facts": np.hstack([known, words]).astype("float32")}

    learned = inputs(train)
    names = sorted(set(train.clan))
    labels = layers.StringLookup(vocabulary=names, num_oov_indices=0)
    sprite, facts = keras.Input((SIZE, SIZE, 3), name="sprite"), keras.Input(learned["facts"].shape[1:], name="facts")
    seen = layers.RandomFlip("horizontal")(layers.Rescaling(1 / 255)(sprite))
    for width in (16, 32, 64):
        seen = layers.MaxPooling2D()(layers.Conv2D(width, 3, padding="same", activation="relu")(seen))
    seen = layers.Dense(64, activation="relu")(layers.Dropout(0.5)(layers.Flatten()(seen)))
    both = layers.Concatenate()([seen, layers.Dense(64, activation="relu")(layers.Dropout(0.3)(facts))])
    model = keras.Model([sprite, facts], layers.Dense(len(names), activation="softmax")(layers.Dropout(0.5)(both)))
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    stop = keras.callbacks.EarlyStopping("val_loss", patience=15, restore_best_weights=True)
    judged = (inputs(validation), labels(validation.clan))
    model.fit(
        learned, labels(train.clan), validation_data=judged, batch_size=16, epochs=epochs, callbacks=[*callbacks, stop]
    )
    return lambda frame: np.array(names)[model.predict(inputs(frame)).argmax(-1)]


def sklearn_opponent(train, validation):
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.feature_extraction.text import TfidfVectorizer

    numbers = ["life", "speed", "force", "magic"]
    means = train[numbers].mean()
    words = TfidfVectorizer(min_df=2).fit(train.description.fillna(""))

    def features(frame):
        images = [PIL.Image.open(name).resize((10, 10)) for name in frame.sprite]
        pixels = np.stack([np.asarray(image).ravel() / 255 for image in images])
        return np.hstack(
            [pixels, words.transform(frame.description.fillna("")).toarray(), frame[numbers].fillna(means)]
        )

    model = RandomForestClassifier(500, random_state=0).fit(features(train), train.clan)
    return lambda frame: model.predict(features(frame))
