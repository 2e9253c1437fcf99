"""Long documents: what a Python function says of itself → the part of a library that it belongs to.

2,300 documents of 40 to 2,500 words in 37 parts, 40 : 1 out of balance. The docstrings of public functions, classes and
methods of SciPy, scikit-learn and scikit-image (BSD-3-Clause each), as installed, without examples, references and the
names of their neighbours, of packages and of parts.
"""

import importlib
import inspect
import re

import numpy as np
import pandas as pd

from suite.writing import at_most, share_out, write_parts

TARGET, METRIC = "field", "macro_f1"
FIELDS = {
    "scipy": "fft integrate interpolate linalg ndimage optimize signal sparse spatial special stats",
    "sklearn": "cluster covariance datasets decomposition ensemble feature_selection gaussian_process linear_model "
    "metrics model_selection naive_bayes neighbors preprocessing svm tree",
    "skimage": "color draw exposure feature filters graph measure morphology restoration segmentation transform",
}
SHORTEST = 40
WORDS = " ".join(FIELDS.values()).split()
NAMES = re.compile(rf"\b(?:sp|np|scipy|numpy|sklearn|skimage|scikit|{'|'.join(WORDS)})\b")


def write(folder, limit=None):
    parts = [(package, part) for package, names in FIELDS.items() for part in names.split()]
    rows = [(text, f"{package}.{part}") for package, part in parts for text in told(package, part)]
    frame = pd.DataFrame(rows, columns=["document", "field"]).drop_duplicates("document", keep=False)
    frame = at_most(frame, limit, frame.field)
    return write_parts(folder, frame, share_out(frame.field, shares={"train": 0.6, "validation": 0.15, "test": 0.25}))


def told(package, field):
    """The documents of a field, each once."""
    module = importlib.import_module(f"{package}.{field}")
    known = [name for name in dir(module) if name in module.__all__]
    objects = [getattr(module, name) for name in known]
    methods = [
        part for thing in objects if inspect.isclass(thing) for name, part in vars(thing).items() if name[0] != "_"
    ]
    documents = (inspect.getdoc(thing) for thing in [*objects, *methods] if callable(thing))
    cleaned = (clean(document) for document in documents if document)
    return list(dict.fromkeys(document for document in cleaned if len(document.split()) >= SHORTEST))


def clean(document):
    """Without what would tell the field by its name: code, and the names of its neighbours."""
    document = re.split(r"\n(?:See Also|References|Examples)\n---", document)[0]
    lines = [line for line in document.splitlines() if not re.search(r"\bimport\b|^\s*(>>>|\.\.\.)", line)]
    return re.sub(r"\s+", " ", NAMES.sub("", "\n".join(lines))).strip()


def keras_opponent(train, validation, epochs=40, callbacks=()):
    import keras
    from keras import layers

    split = layers.TextVectorization(20000, ngrams=2, output_mode="tf_idf")
    split.adapt(train.document.to_numpy(dtype=str))

    def inputs(frame):
        rows = split(frame.document.to_numpy(dtype=str)).numpy()
        return rows / np.linalg.norm(rows, axis=1, keepdims=True).clip(1e-6)

    names = sorted(set(train.field))

    def targets(frame):
        return (frame.field.to_numpy()[:, None] == np.array(names)).astype("float32")

    learned = inputs(train)
    model = keras.Sequential(
        [
            layers.Input(learned.shape[1:]),
            layers.Dense(64, activation="relu"),
            layers.Dropout(0.5),
            layers.Dense(len(names), activation="softmax"),
        ]
    )
    score = keras.metrics.F1Score("macro", name="macro_f1")
    model.compile("adam", "categorical_crossentropy", metrics=[score])
    stop = keras.callbacks.EarlyStopping("val_macro_f1", mode="max", patience=6, restore_best_weights=True)
    judged = (inputs(validation), targets(validation))
    model.fit(learned, targets(train), validation_data=judged, epochs=epochs, callbacks=[*callbacks, stop])
    return lambda frame: np.array(names)[model.predict(inputs(frame)).argmax(-1)]


def sklearn_opponent(train, validation):
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    words = TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True)
    model = make_pipeline(words, LogisticRegression(C=30, class_weight="balanced", max_iter=1000))
    model.fit(train.document, train.field)
    return lambda frame: model.predict(frame.document)
