"""A model of two modalities and two targets, small enough to fit in a second."""

import keras
import numpy as np

from mmkeras.fusions import ConcatFusion
from mmkeras.layers import TokenPooling

ROWS, K = 12, 3
KINDS = np.arange(ROWS) % K
X = {
    name: (np.random.default_rng(place).normal(size=(ROWS, 4, 6)) + KINDS[:, None, None]).astype("float32")
    for place, name in enumerate(("picture", "title"))
}
MASKS = {name: np.random.default_rng(9).random((ROWS, 4)) > 0.3 for name in X}
MASKS["title"][:2] = False
MASKS["picture"][2] = False
BATCH = {**X, **{f"{name}_mask": mask for name, mask in MASKS.items()}}
Y = {"kind": KINDS, "price": KINDS[:, None].astype("float32")}
W = {"kind": np.ones(ROWS, "float32"), "price": np.ones(ROWS, "float32")}
W["kind"][5] = 0


def losses():
    return {"kind": keras.losses.SparseCategoricalCrossentropy(), "price": keras.losses.MeanSquaredError()}


def tiny_model(layer=None):
    keras.utils.set_random_seed(0)
    inputs = {name: keras.Input((4, 6), name=name) for name in X}
    masks = {name: keras.Input((4,), dtype="bool", name=f"{name}_mask") for name in X}
    tokens = {name: keras.layers.Dense(6, name=f"{name}_encoder")(value) for name, value in inputs.items()}
    if layer is not None:
        tokens = layer(tokens, mask=masks)
    vector = TokenPooling()(ConcatFusion(dropout=0.0)(tokens, mask=masks))
    answers = {
        "kind": keras.layers.Dense(K, activation="softmax", name="kind")(vector),
        "price": keras.layers.Dense(1, name="price")(vector),
    }
    return keras.Model({**inputs, **{f"{name}_mask": mask for name, mask in masks.items()}}, answers)
