"""Cars: maker, engine, gears, year and what they burn → kind of car.

225 rows, numbers and categories alone, 7 classes, 12 : 1 out of balance. ggplot2's `mpg` (US Environmental Protection
Agency), out of the package plotnine (MIT both); the model's name is left out.
"""

import numpy as np
import pandas as pd

from suite.writing import at_most, packaged, share_out, write_parts

TARGET, METRIC = "class", "accuracy"


def write(folder, limit=None):
    frame = pd.read_csv(packaged("plotnine", "data", "mpg.csv")).drop(columns="model").drop_duplicates()
    frame = at_most(frame, limit, frame["class"])
    parts = share_out(frame["class"], shares={"train": 0.5, "validation": 0.15, "test": 0.35})
    return write_parts(folder, frame, parts)


def keras_opponent(train, validation, epochs=200, callbacks=()):
    import keras
    from keras import layers

    numbers, categories = ["displ", "year", "cyl", "cty", "hwy"], ["manufacturer", "trans", "drv", "fl"]
    means, spreads = train[numbers].mean(), train[numbers].std()
    columns = pd.get_dummies(train[categories]).columns

    def inputs(frame):
        kinds = pd.get_dummies(frame[categories]).reindex(columns=columns, fill_value=False)
        return np.hstack([((frame[numbers] - means) / spreads).to_numpy(), kinds]).astype("float32")

    names = sorted(set(train["class"]))
    labels = layers.StringLookup(vocabulary=names, num_oov_indices=0)
    model = keras.Sequential(
        [
            layers.Input((len(numbers) + len(columns),)),
            layers.Dense(64, activation="relu"),
            layers.Dropout(0.3),
            layers.Dense(64, activation="relu"),
            layers.Dropout(0.3),
            layers.Dense(len(names), activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    stop = keras.callbacks.EarlyStopping("val_loss", patience=30, restore_best_weights=True)
    model.fit(
        inputs(train),
        labels(train["class"]),
        validation_data=(inputs(validation), labels(validation["class"])),
        batch_size=16,
        epochs=epochs,
        callbacks=[*callbacks, stop],
    )
    return lambda frame: np.array(names)[model.predict(inputs(frame)).argmax(-1)]


def sklearn_opponent(train, validation):
    from sklearn.compose import make_column_selector, make_column_transformer
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder

    words = make_column_selector(dtype_exclude="number")
    encode = make_column_transformer((OneHotEncoder(handle_unknown="ignore"), words), remainder="passthrough")
    model = make_pipeline(encode, RandomForestClassifier(500, random_state=0))
    model.fit(train.drop(columns="class"), train["class"])
    return lambda frame: model.predict(frame)
