"""Drawings: picture, title, numbers with gaps, creator, editor → one of 14 categories.

2,215 rows; 48 × 48 PNG. Bundled with the project (`data_pipelines/datasets/clipart`; Open Clip Art Library, public
domain). No author's drawings of one name stand in two parts. Keywords name the category and are left out.
"""

import numpy as np
import PIL.Image

from suite.drawings import write_clipart

TARGET, METRIC = "category", "accuracy"


def write(folder, limit=None):
    return write_clipart(folder, limit, leave_out=["keywords"])


def keras_opponent(train, validation, epochs=40, callbacks=()):
    import keras
    from keras import layers

    numbers = list(train.select_dtypes("number"))
    logs = np.log1p(train[numbers])
    means, spreads = logs.mean(), logs.std()
    split = layers.TextVectorization(3000, output_mode="multi_hot")
    split.adapt(train.title.fillna("").to_numpy(dtype=str))
    makers = layers.StringLookup(output_mode="one_hot")
    makers.adapt(train.creator.fillna("").to_numpy(dtype=str))

    def inputs(frame):
        known = ((np.log1p(frame[numbers]).fillna(means) - means) / spreads).to_numpy()
        words = split(frame.title.fillna("").to_numpy(dtype=str))
        who = makers(frame.creator.fillna("").to_numpy(dtype=str))
        images = [np.asarray(PIL.Image.open(name).convert("RGB")) for name in frame.picture]
        return {"picture": np.stack(images), "facts": np.hstack([known, words, who]).astype("float32")}

    learned = inputs(train)
    names = sorted(set(train.category))
    labels = layers.StringLookup(vocabulary=names, num_oov_indices=0)
    picture, facts = keras.Input((48, 48, 3), name="picture"), keras.Input(learned["facts"].shape[1:], name="facts")
    seen = layers.RandomFlip("horizontal")(layers.Rescaling(1 / 255)(picture))
    for width in (32, 64, 128):
        seen = layers.MaxPooling2D()(layers.Conv2D(width, 3, activation="relu")(seen))
    seen = layers.Dense(128, activation="relu")(layers.Dropout(0.5)(layers.Flatten()(seen)))
    both = layers.Concatenate()([seen, layers.Dense(128, activation="relu")(layers.Dropout(0.3)(facts))])
    model = keras.Model([picture, facts], layers.Dense(len(names), activation="softmax")(layers.Dropout(0.5)(both)))
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    stop = keras.callbacks.EarlyStopping("val_accuracy", patience=6, restore_best_weights=True)
    judged = (inputs(validation), labels(validation.category))
    model.fit(learned, labels(train.category), validation_data=judged, epochs=epochs, callbacks=[*callbacks, stop])
    return lambda frame: np.array(names)[model.predict(inputs(frame)).argmax(-1)]


def sklearn_opponent(train, validation):
    from skimage.feature import hog
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    numbers = list(train.select_dtypes("number"))
    means = train[numbers].mean()
    words = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4), min_df=2).fit(train.title.fillna(""))
    makers = train.creator.value_counts().index[:100]
    scale = StandardScaler().fit(np.log1p(train[numbers].fillna(means)))

    def features(frame):
        images = [PIL.Image.open(name).convert("RGB") for name in frame.picture]
        edges = np.stack([hog(np.asarray(image), pixels_per_cell=(12, 12), channel_axis=-1) for image in images])
        colours = [np.asarray(image.resize((6, 6))).ravel() / 255 for image in images]
        known = scale.transform(np.log1p(frame[numbers].fillna(means)))
        title = words.transform(frame.title.fillna("")).toarray()
        return np.hstack([9 * title, known, 2 * edges, colours, frame.creator.to_numpy()[:, None] == np.array(makers)])

    model = LogisticRegression(C=0.3, max_iter=300).fit(features(train), train.category)
    return lambda frame: model.predict(features(frame))
