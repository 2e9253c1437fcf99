"""Drawings: picture and title → keywords, tags.

2,200 rows, 48 × 48 PNG; the 60 keywords that stand in 30 rows or more. Bundled with the project
(`data_pipelines/datasets/clipart`; Open Clip Art Library, public domain).
"""

import collections

import numpy as np
import PIL.Image

from suite.drawings import write_clipart

TARGET, METRIC = "keywords", "micro_f1"
COMMON = 30


def write(folder, limit=None):
    return write_clipart(folder, limit, keep=["picture", "title", "keywords", "split"], change=keep_common)


def keep_common(frame):
    """Only keywords that are common, and rows that have one."""
    tags = frame.keywords.fillna("").str.split("|")
    counts = collections.Counter(tag for row in tags for tag in row if tag)
    frame = frame.assign(keywords=["|".join(tag for tag in row if counts[tag] >= COMMON) for row in tags])
    return frame[frame.keywords != ""]


def keras_opponent(train, validation, epochs=60, callbacks=()):
    import keras
    from keras import layers

    split = layers.TextVectorization(3000, output_mode="multi_hot")
    split.adapt(train.title.fillna("").to_numpy(dtype=str))

    def inputs(frame):
        images = [np.asarray(PIL.Image.open(name).convert("RGB")) for name in frame.picture]
        return {"picture": np.stack(images), "words": split(frame.title.fillna("").to_numpy(dtype=str)).numpy()}

    tags = sorted({tag for cell in train.keywords for tag in cell.split("|")})

    def targets(frame):
        return np.array([[tag in cell.split("|") for tag in tags] for cell in frame.keywords], "float32")

    learned = inputs(train)
    picture, words = keras.Input((48, 48, 3), name="picture"), keras.Input(learned["words"].shape[1:], name="words")
    seen = layers.RandomFlip("horizontal")(layers.Rescaling(1 / 255)(picture))
    for width in (32, 64, 128):
        seen = layers.MaxPooling2D()(layers.Conv2D(width, 3, activation="relu")(seen))
    seen = layers.Dense(128, activation="relu")(layers.Dropout(0.5)(layers.Flatten()(seen)))
    both = layers.Concatenate()([seen, layers.Dense(128, activation="relu")(layers.Dropout(0.3)(words))])
    model = keras.Model([picture, words], layers.Dense(len(tags), activation="sigmoid")(layers.Dropout(0.3)(both)))
    score = keras.metrics.F1Score("micro", threshold=0.5, name="micro_f1")
    model.compile("adam", "binary_crossentropy", metrics=[score])
    stop = keras.callbacks.EarlyStopping("val_micro_f1", mode="max", patience=10, restore_best_weights=True)
    judged = (inputs(validation), targets(validation))
    model.fit(learned, targets(train), validation_data=judged, epochs=epochs, callbacks=[*callbacks, stop])
    return lambda frame: ["|".join(np.array(tags)[row > 0.5]) for row in model.predict(inputs(frame))]


def sklearn_opponent(train, validation):
    from skimage.feature import hog
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.multiclass import OneVsRestClassifier
    from sklearn.preprocessing import MultiLabelBinarizer

    words = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4), min_df=2).fit(train.title.fillna(""))

    def features(frame):
        images = [PIL.Image.open(name).convert("RGB") for name in frame.picture]
        edges = [hog(np.asarray(image), pixels_per_cell=(12, 12), channel_axis=-1) for image in images]
        colours = [np.asarray(image.resize((6, 6))).ravel() / 255 for image in images]
        return np.hstack([9 * words.transform(frame.title.fillna("")).toarray(), 2 * np.stack(edges), colours])

    tags = MultiLabelBinarizer()
    known = tags.fit_transform([cell.split("|") for cell in train.keywords])
    model = OneVsRestClassifier(LogisticRegression(C=1, solver="liblinear")).fit(features(train), known)
    return lambda frame: ["|".join(found) for found in tags.inverse_transform(model.predict(features(frame)))]
