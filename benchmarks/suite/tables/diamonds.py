"""Diamonds: weight, four measures, cut, colour and clarity → price in dollars.

50,000 rows, numbers and categories alone. ggplot2's `diamonds`, out of the package plotnine (MIT both). Rows that stand
there twice and the 23 of impossible size are left out, and one cell in fifty of the measures is empty.
"""

import numpy as np
import pandas as pd

from suite.writing import at_most, packaged, share_out, write_parts

TARGET, METRIC = "price", "r2"
ROWS = 50_000


def write(folder, limit=None):
    frame = pd.read_csv(packaged("plotnine", "data", "diamonds.csv")).drop_duplicates()
    frame = frame[frame[["x", "y", "z"]].gt(0).all(axis=1) & frame[["x", "y", "z"]].lt(15).all(axis=1)]
    frame = at_most(frame, min(limit or ROWS, ROWS))
    random = np.random.default_rng(0)
    for column in ("depth", "table", "x", "y", "z"):
        frame[column] = frame[column].astype(float).mask(random.random(len(frame)) < 0.02)
    return write_parts(folder, frame, share_out([None] * len(frame)))


def keras_opponent(train, validation, epochs=60, callbacks=()):
    import keras
    from keras import layers

    numbers, categories = ["carat", "depth", "table", "x", "y", "z"], ["cut", "color", "clarity"]
    means, spreads = train[numbers].mean(), train[numbers].std()
    columns = pd.get_dummies(train[categories]).columns

    def inputs(frame):
        known = ((frame[numbers].fillna(means) - means) / spreads).to_numpy()
        kinds = pd.get_dummies(frame[categories]).reindex(columns=columns, fill_value=False)
        return np.hstack([known, kinds]).astype("float32")

    middle, spread = train.price.mean(), train.price.std()

    def targets(frame):
        return ((frame.price - middle) / spread).to_numpy()[:, None]

    model = keras.Sequential([layers.Input((len(numbers) + len(columns),))])
    for width in (128, 128, 64):
        model.add(layers.Dense(width, activation="relu"))
    model.add(layers.Dense(1))
    model.compile("adam", "mse", metrics=[keras.metrics.R2Score(name="r2")])
    slower = keras.callbacks.ReduceLROnPlateau("val_loss", factor=0.3, patience=4)
    stop = keras.callbacks.EarlyStopping("val_loss", patience=10, restore_best_weights=True)
    model.fit(
        inputs(train),
        targets(train),
        validation_data=(inputs(validation), targets(validation)),
        batch_size=256,
        epochs=epochs,
        callbacks=[*callbacks, slower, stop],
    )
    return lambda frame: model.predict(inputs(frame))[:, 0] * spread + middle


def sklearn_opponent(train, validation):
    from sklearn.compose import make_column_selector, make_column_transformer
    from sklearn.ensemble import HistGradientBoostingRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OrdinalEncoder

    words = make_column_selector(dtype_exclude="number")
    encode = make_column_transformer((OrdinalEncoder(), words), remainder="passthrough")
    model = make_pipeline(encode, HistGradientBoostingRegressor(max_iter=300))
    model.fit(train.drop(columns="price"), np.log(train.price))
    return lambda frame: np.exp(model.predict(frame))
