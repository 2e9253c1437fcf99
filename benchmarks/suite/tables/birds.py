"""Birds that somebody saw: photograph, note, call, length, weight and where → which of 10.

4,000 rows with gaps: 64 × 64 colour JPEG, a sentence or two in English, one second of WAV at 8 kHz, two numbers, a
category. Made by a seeded generator. Every input tells part: two species share each build and others their colours,
notes use synonyms and mention other birds, calls are sweeps and trills in noise, females and young birds look and sing
otherwise. One cell in ten is empty, of the numbers one in seven; one bird in thirty is named wrongly.
"""

import os

import numpy as np
import pandas as pd
import PIL.Image

from suite import sketches
from suite.phrases import fill_in, loosely, pick, slip
from suite.speech import RATE, in_a_room
from suite.writing import media_folder, share_out, write_parts, write_wav

TARGET, METRIC = "bird", "accuracy"
ROWS, SIZE, MISNAMED = 4000, 64, 1 / 30
# Length in cm, weight in g, colours of back, belly and mark, length of the bill, pattern; base and sweep of the call in
# Hz, syllables a second; places; what it does.
BIRDS = {
    "brown tern": (24, 60, "brown", "white", "black", 0.5, "plain", 2400, -900, 3, "coast marsh", "dives hovers"),
    "reed runner": (15, 18, "brown", "buff", "buff", 0.3, "striped", 3000, 300, 9, "marsh", "climbs hides"),
    "hill crier": (45, 600, "grey", "white", "yellow", 0.6, "striped", 900, 700, 2, "hills wood", "soars hovers"),
    "copper finch": (14, 20, "rust", "buff", "white", 0.25, "plain", 2800, -300, 8, "garden wood", "pecks flocks"),
    "slate finch": (14, 22, "grey", "rust", "white", 0.25, "plain", 2500, 500, 6, "garden hills", "pecks flocks"),
    "night piper": (26, 120, "brown", "buff", "white", 0.8, "dotted", 1300, 0, 5, "marsh coast", "probes hides"),
    "green piper": (25, 110, "green", "white", "black", 0.8, "dotted", 1700, 200, 4, "coast marsh", "probes flocks"),
    "field crake": (27, 150, "brown", "grey", "rust", 0.4, "dotted", 1100, -200, 7, "fields marsh", "hides runs"),
    "blue creeper": (13, 11, "blue", "white", "black", 0.4, "plain", 3200, -500, 5, "wood garden", "climbs pecks"),
    "king lark": (18, 40, "buff", "white", "rust", 0.35, "striped", 2200, 900, 8, "fields hills", "hovers runs"),
}
COLOURS = {
    "brown": (115, 80, 50),
    "white": (228, 226, 215),
    "black": (35, 33, 33),
    "buff": (200, 170, 120),
    "grey": (130, 135, 140),
    "yellow": (225, 190, 50),
    "rust": (170, 80, 40),
    "green": (95, 125, 60),
    "blue": (70, 110, 180),
}
SAID = {
    "brown": "brown|earth coloured|chestnut|dark brown",
    "white": "white|pale|whitish|snowy",
    "black": "black|dark|sooty",
    "buff": "buff|sandy|cream|straw coloured",
    "grey": "grey|slaty|ashen",
    "yellow": "yellow|golden",
    "rust": "rusty|reddish|copper",
    "green": "green|olive|mossy",
    "blue": "blue|azure|bluish",
    "dives": "diving|plunging into the water",
    "hovers": "hovering|hanging in the air",
    "climbs": "climbing up a stem|creeping upwards",
    "hides": "hiding|never in the open",
    "soars": "soaring|circling high up",
    "pecks": "pecking at seeds|at the feeder",
    "flocks": "in a flock|about thirty together",
    "probes": "probing the mud|poking around in the mud",
    "runs": "running on the ground|always on foot",
}
TEMPLATES = [
    "{count} with {back} back and {belly} underneath, {act}",
    "{act}, {back} above, {mark} spot on the head",
    "{belly} belly, {act}",
    "saw {count}, {back} wings, {mark} cap",
    "{act}; {back} upper side",
    "heard first, then seen {act}",
    "{back}, {size}, {act}",
    "not sure, {size}, something {mark} on its head",
    "{belly} breast and {back} back, no {other} at all",
]
ASIDES = [
    "",
    "",
    "",
    "unlike the {other} one yesterday",
    "light was poor",
    "a second bird flew off, {other} maybe",
    "with my new glasses",
    "wind from the west",
    "too far for a good look",
    "my third this year",
]
PLACES = ["coast", "marsh", "hills", "wood", "garden", "fields"]


def write(folder, limit=None):
    random = np.random.default_rng(0)
    media_folder(folder, "photos"), media_folder(folder, "calls")
    frame = pd.DataFrame([sighting(folder, place, random) for place in range(min(limit or ROWS, ROWS))])
    for column in ("photo", "note", "call", "place"):
        frame[column] = frame[column].mask(random.random(len(frame)) < 0.1)
    for column in ("length", "weight"):
        frame[column] = frame[column].mask(random.random(len(frame)) < 0.15)
    return write_parts(folder, frame, share_out(frame.bird))


def sighting(folder, place, random):
    """One row, its photograph and its call written."""
    bird = pick(random, list(BIRDS))
    length, weight, *looks, base, sweep, pace, places, acts = BIRDS[bird]
    plain, size = random.random() < 0.25, np.exp(random.normal(0, 0.08))
    photo, call = f"photos/{place:04d}.jpg", f"calls/{place:04d}.wav"
    paint(*looks, plain, size * (length / 22) ** 0.35, random).save(os.path.join(folder, photo), quality=85)
    write_wav(
        os.path.join(folder, call), in_a_room(sing(base, sweep, pace, plain, random), 1.0, random, 12.0, -6.0), RATE
    )
    return {
        "photo": photo,
        "note": tell(length, looks, acts.split(), plain, random),
        "call": call,
        "length": round(length * size * np.exp(random.normal(0, 0.1)), 1),
        "weight": round(weight * size**2 * np.exp(random.normal(0, 0.3))),
        "place": pick(random, places.split() * 3 + PLACES),
        "bird": pick(random, list(BIRDS)) if random.random() < MISNAMED else bird,
    }


def paint(back, belly, mark, bill, pattern, plain, size, random):
    """A bird in front of leaves."""
    shade = {name: np.array(COLOURS[name]) + random.normal(0, 18, 3) for name in (back, belly, mark)}
    if plain:
        shade[mark] = shade[back] = 0.5 * shade[back] + 0.5 * np.array([125, 105, 80])
    canvas = sketches.clutter(sketches.background(SIZE, random), random, random.integers(3, 9))
    middle, facing, tilt = SIZE * random.uniform(0.38, 0.62, 2), random.choice([-1, 1]), random.uniform(-0.5, 0.5)
    radius = 15 * size * random.uniform(0.8, 1.15)
    ahead = np.array([np.cos(tilt) * facing, np.sin(tilt)])
    up = np.array([0.0, -1.0])
    head = middle + radius * (0.95 * ahead + 0.45 * up)
    bend = tilt * facing
    body = sketches.fill(pattern, SIZE, random, shade[back], 0.75 * shade[back] + 0.25 * shade[belly])
    for kind, at, wide, turn, squeeze, paint_with in (
        ("disc", middle - 1.3 * radius * ahead, 0.75 * radius, bend, 0.25, shade[back]),
        ("disc", middle, radius, bend, 0.62, body),
        ("disc", middle - 0.3 * radius * up, 0.75 * radius, bend, 0.4, shade[belly]),
        (
            "disc",
            head + radius * (0.25 + 0.5 * bill) * ahead,
            0.55 * bill * radius,
            bend,
            0.22,
            np.array([60.0, 50, 40]),
        ),
        ("disc", head, 0.42 * radius, 0.0, 1.0, shade[back]),
        ("disc", head + 0.2 * radius * up, 0.26 * radius, bend, 0.6, shade[mark]),
    ):
        canvas = sketches.put(canvas, sketches.area(kind, SIZE, at, wide, turn, squeeze), paint_with)
    return sketches.photograph(sketches.clutter(canvas, random, random.integers(0, 4)), random)


def sing(base, sweep, pace, plain, random):
    """A call: syllables that rise or fall."""
    time = np.arange(int(RATE * random.uniform(0.5, 0.95))) / RATE
    pace, base = pace * np.exp(random.normal(0, 0.12)), base * np.exp(random.normal(0, 0.08))
    within = (time * pace + random.uniform(0, 0.3)) % 1
    pitch = (
        base + (0.3 if plain else 1) * sweep * (within - 0.5) + random.uniform(0, 60) * np.sin(2 * np.pi * 25 * time)
    )
    phase = 2 * np.pi * np.cumsum(pitch) / RATE
    tone = np.sin(phase) + random.uniform(0, 0.4) * np.sin(2 * phase) * (pitch < 1900)
    return tone * np.sin(np.pi * within) ** random.uniform(0.5, 2) * (random.random() * 0.5 + 0.5)


def tell(length, looks, acts, plain, random):
    """What somebody notes."""
    back, belly, mark = looks[:3]
    words = {name: SAID[value].split("|") for name, value in (("back", back), ("belly", belly), ("mark", mark))}
    if plain and random.random() < 0.5:
        words["back"] = words["mark"] = ["dull", "plain", "brownish"]
    size = 0 if length < 17 else 1 if length < 30 else 2
    words["size"] = ["tiny|small|sparrow sized", "thrush sized|middling|not large", "large|as big as a crow|huge"][
        size
    ].split("|")
    words |= {
        "act": SAID[pick(random, acts)].split("|"),
        "count": ["one", "two", "a pair", "a single bird", "a young one"],
    }
    words["other"] = SAID[pick(random, list(COLOURS))].split("|")
    text = fill_in(random, f"{pick(random, TEMPLATES)}, {pick(random, ASIDES)}", words).strip(", ")
    return slip(random, loosely(random, text))


def keras_opponent(train, validation, epochs=30, callbacks=()):
    import keras
    from keras import layers
    from scipy.io import wavfile

    means, spreads = train[["length", "weight"]].mean(), train[["length", "weight"]].std()
    mel = layers.MelSpectrogram(fft_length=256, sequence_stride=128, sampling_rate=RATE, num_mel_bins=40, min_freq=50)
    split = layers.TextVectorization(2000, output_sequence_length=24)
    split.adapt(train.note.fillna("").to_numpy(dtype=str))

    def inputs(frame):
        photos = [np.zeros((SIZE, SIZE, 3)) if pd.isna(name) else PIL.Image.open(name) for name in frame.photo]
        waves = [np.zeros(RATE) if pd.isna(name) else wavfile.read(name)[1] / 32768 for name in frame.call]
        sounds = [mel(np.stack(waves[start : start + 256])) for start in range(0, len(waves), 256)]
        numbers = ((frame[["length", "weight"]].fillna(means) - means) / spreads).to_numpy()
        return {
            "photo": np.stack([np.asarray(photo, "uint8") for photo in photos]),
            "sound": np.concatenate(sounds).swapaxes(1, 2),
            "text": split(frame.note.fillna("").to_numpy(dtype=str)).numpy(),
            "facts": np.hstack([numbers, frame.place.to_numpy()[:, None] == np.array(PLACES)]).astype("float32"),
        }

    learned, names = inputs(train), sorted(set(train.bird))
    given = {name: keras.Input(value.shape[1:], name=name) for name, value in learned.items()}
    normalise = layers.Normalization(axis=None)
    normalise.adapt(learned["sound"])
    seen, heard = layers.Rescaling(1 / 255)(given["photo"]), normalise(given["sound"])
    for width in (32, 64, 128):
        seen = layers.MaxPooling2D()(layers.Conv2D(width, 3, activation="relu")(seen))
        heard = layers.MaxPooling1D()(layers.Conv1D(width, 3, padding="same", activation="relu")(heard))
    read = layers.Bidirectional(layers.LSTM(32, return_sequences=True))(layers.Embedding(2000, 64)(given["text"]))
    pooled = [layers.Flatten()(seen), layers.GlobalMaxPooling1D()(read), layers.Flatten()(heard), given["facts"]]
    hidden = layers.Dense(128, activation="relu")(layers.Dropout(0.5)(layers.Concatenate()(pooled)))
    model = keras.Model(given, layers.Dense(len(names), activation="softmax")(layers.Dropout(0.3)(hidden)))
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    stop = keras.callbacks.EarlyStopping("val_accuracy", patience=5, restore_best_weights=True)
    labels = layers.StringLookup(vocabulary=names, num_oov_indices=0)
    judged = (inputs(validation), labels(validation.bird))
    model.fit(learned, labels(train.bird), validation_data=judged, epochs=epochs, callbacks=[*callbacks, stop])
    return lambda frame: np.array(names)[model.predict(inputs(frame)).argmax(-1)]


def sklearn_opponent(train, validation):
    from scipy import signal
    from scipy.io import wavfile
    from skimage.feature import hog
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    means = train[["length", "weight"]].mean()
    words = TfidfVectorizer(min_df=2, ngram_range=(1, 2), max_features=1000).fit(train.note.fillna(""))

    def see(name):
        image = PIL.Image.open(name) if isinstance(name, str) else PIL.Image.new("RGB", (SIZE, SIZE))
        edges = hog(np.asarray(image), pixels_per_cell=(16, 16), channel_axis=-1)
        return np.concatenate([edges, np.asarray(image.resize((8, 8))).ravel() / 255])

    def hear(name):
        wave = wavfile.read(name)[1] / 32768 if isinstance(name, str) else np.zeros(RATE)
        power = signal.spectrogram(wave, RATE, nperseg=256)[2]
        bands = np.log(np.add.reduceat(power, np.arange(4, 128, 4), axis=0) + 1e-9)
        return np.concatenate([bands.mean(1), bands.std(1)])

    def features(frame):
        media = np.hstack([[see(name) for name in frame.photo], [hear(name) for name in frame.call]])
        place = frame.place.to_numpy()[:, None] == np.array(PLACES)
        text = words.transform(frame.note.fillna("")).toarray()
        return np.hstack([media, text, np.log(frame[["length", "weight"]].fillna(means)), place])

    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.003, max_iter=500))
    model.fit(features(train), train.bird)
    return lambda frame: model.predict(features(frame))
