"""Adverts for used bicycles: what the seller says, age, kilometres and frame → price.

3,000 rows: text in English, numbers with gaps, a category. Made by a seeded generator: the price falls with age, less
and less, and with use, and depends on the maker, parts and condition that only the text names, in half a dozen wordings
each and denied by others ("no rust"); noise of 15 %. The target is the price in euros, R².
"""

import numpy as np
import pandas as pd

from suite.phrases import fill_in, loosely, pick, slip
from suite.writing import share_out, write_parts

TARGET, METRIC = "price", "r2"
ROWS, NOISE = 3000, 0.15
KINDS = {"city": 500, "mountain": 900, "racing": 1200, "cargo": 2000, "child": 250}
MAKERS = {"Velora": 1.6, "Kestrel": 1.35, "Norda": 1.1, "Pinion": 1.0, "Rambler": 0.85, "Bluejay": 0.65, "": 0.8}
PARTS = {
    "motor": (1.8, "electric|with a motor|e-bike|battery and drive included|pedal assist"),
    "carbon": (1.4, "carbon frame|the frame is carbon|full carbon"),
    "disc": (1.12, "disc brakes|hydraulic brakes|new discs front and rear"),
    "hub": (1.1, "hub gears|eight speed hub|belt drive"),
    "lights": (1.04, "dynamo lights|good lights|lights front and back"),
    "basket": (1.0, "basket|with a basket|rack and basket"),
}
STATES = {
    "like new": (1.3, "like new|hardly ridden|not a scratch on it|stood in the living room|mint|no rust, no scratches"),
    "good": (1.0, "good condition|well kept|serviced last spring|everything works|regularly maintained"),
    "used": (0.8, "some scratches|used daily|shows its age|a bit of rust|could do with a clean|signs of wear"),
    "broken": (
        0.5,
        "needs work|the chain is gone|gears don't shift|not rideable as it is|for parts|flat tyre, bent wheel",
    ),
}
REST = [
    "selling because we are moving",
    "pick up only",
    "price is firm",
    "can be seen at weekends",
    "cash please",
    "bought for my son",
    "no swaps",
    "",
]
WORDS = {"begin": ["for sale:", "selling my", "", "I sell a", "offering this", "beautiful"], "rest": REST}


def write(folder, limit=None):
    random = np.random.default_rng(0)
    frame = pd.DataFrame([advert(random) for _ in range(min(limit or ROWS, ROWS))])
    for column, share in (("age", 0.08), ("kilometres", 0.25), ("frame_size", 0.1)):
        frame[column] = frame[column].mask(random.random(len(frame)) < share)
    return write_parts(folder, frame, share_out([None] * len(frame)))


def advert(random):
    """One row."""
    kind, maker, state = pick(random, list(KINDS)), pick(random, list(MAKERS)), pick(random, list(STATES))
    parts = [part for part in PARTS if random.random() < (0.25 if part != "carbon" or kind == "racing" else 0.02)]
    age = random.gamma(2.0, 2.5)
    kilometres = age * random.gamma(2.0, 400.0)
    worth = np.log(KINDS[kind] * MAKERS[maker] * STATES[state][0]) + sum(np.log(PARTS[part][0]) for part in parts)
    worth += (
        -1.1 * (1 - np.exp(-age / 6)) - 0.00004 * kilometres * (2 if "motor" in parts else 1) + random.normal(0, NOISE)
    )
    said = [pick(random, PARTS[part][1].split("|")) for part in parts] + [
        pick(random, STATES[state][1].split("|")),
        "{rest}",
    ]
    order = random.permutation(len(said))
    text = f"{{begin}} {maker} {kind if random.random() < 0.5 else ''} bike, " + ", ".join(
        said[place] for place in order
    )
    return {
        "advert": slip(random, loosely(random, fill_in(random, text, WORDS)), 0.005),
        "kind": kind,
        "age": round(age, 1),
        "kilometres": round(kilometres, -2),
        "frame_size": round(random.normal(35 if kind == "child" else 54, 4)),
        "price": round(np.exp(worth)),
    }


def keras_opponent(train, validation, epochs=60, callbacks=()):
    import keras
    from keras import layers

    numbers, kinds = ["age", "kilometres", "frame_size"], sorted(set(train.kind))
    means, spreads = train[numbers].mean(), train[numbers].std()
    split = layers.TextVectorization(3000, output_sequence_length=40)
    split.adapt(train.advert.to_numpy(dtype=str))

    def inputs(frame):
        known = ((frame[numbers].fillna(means) - means) / spreads).to_numpy()
        facts = np.hstack([known, frame.kind.to_numpy()[:, None] == np.array(kinds)]).astype("float32")
        return {"facts": facts, "text": split(frame.advert.to_numpy(dtype=str)).numpy()}

    logs = np.log(train.price)
    middle, spread = logs.mean(), logs.std()

    def targets(frame):
        return ((np.log(frame.price) - middle) / spread).to_numpy()[:, None]

    text, facts = keras.Input((40,), name="text"), keras.Input((len(numbers) + len(kinds),), name="facts")
    read = layers.Conv1D(64, 3, padding="same", activation="relu")(layers.Embedding(3000, 64)(text))
    both = layers.Concatenate()([layers.GlobalMaxPooling1D()(read), layers.Dense(32, activation="relu")(facts)])
    hidden = layers.Dropout(0.2)(layers.Dense(64, activation="relu")(both))
    model = keras.Model([text, facts], layers.Dense(1)(hidden))
    model.compile("adam", "mse", metrics=[keras.metrics.R2Score(name="r2")])
    stop = keras.callbacks.EarlyStopping("val_loss", patience=8, restore_best_weights=True)
    judged = (inputs(validation), targets(validation))
    model.fit(inputs(train), targets(train), validation_data=judged, epochs=epochs, callbacks=[*callbacks, stop])
    return lambda frame: np.exp(model.predict(inputs(frame))[:, 0] * spread + middle)


def sklearn_opponent(train, validation):
    from sklearn.compose import make_column_transformer
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import Ridge
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    encode = make_column_transformer(
        (TfidfVectorizer(ngram_range=(1, 2), min_df=2), "advert"),
        (OneHotEncoder(), ["kind"]),
        (make_pipeline(SimpleImputer(), StandardScaler()), ["age", "kilometres", "frame_size"]),
    )
    model = make_pipeline(encode, Ridge()).fit(train, np.log(train.price))
    return lambda frame: np.exp(model.predict(frame))
