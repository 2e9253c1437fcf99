"""Seconds of a training step of a built model over those of the same graph written by hand in plain Keras.

Both see the same batches, in turn, within one run. The plain model keeps its masks by hand.

Command: python benchmarks/overhead.py
Floor: ratio at most 1.05.
"""

import os
import statistics
import sys
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import numpy as np
from keras import layers, ops

import mmkeras as mm

VOCABULARY, DIM, CLASSES, BATCH, WORDS, SIDE, TURNS, STEPS = 5000, 64, 10, 64, 24, 48, 9, 8


def ours():
    """What `mmkeras.build` makes of a picture and a text."""
    spec = {
        "inputs": {
            "image": {"modality": "Image", "shape": [SIDE, SIDE, 3]},
            "text": {"modality": "Text", "shape": [None], "vocabulary_size": VOCABULARY},
        },
        "targets": {"label": {"modality": "Category", "shape": [], "classes": [str(n) for n in range(CLASSES)]}},
    }
    encoders = {
        "image": mm.encoders.ImageCNNEncoder(DIM, (32, 64, 128), name="image_encoder"),
        "text": mm.encoders.TextTransformerEncoder(VOCABULARY, DIM, num_layers=1, use_position=False),
    }
    fusion = mm.fusions.TokenTransformer(num_layers=1, name="fusion")
    decoder = mm.decoders.CategoryDecoder(CLASSES, pooling="mean", name="label")
    model = mm.build(spec, fusion, encoders, {"label": decoder}, modality_dropout=0.0)
    return mm.compile(model, spec)


def block(x, mask):
    """A pre-norm Transformer block; `mask` `(B, T)`."""
    normed = layers.LayerNormalization(epsilon=1e-5)(x)
    attention = layers.MultiHeadAttention(4, DIM // 4, dropout=0.1, use_bias=False)
    x = x + layers.Dropout(0.1)(attention(normed, normed, attention_mask=mask[:, None, :]))
    hidden = layers.Dense(2 * DIM, activation="gelu")(layers.LayerNormalization(epsilon=1e-5)(x))
    return x + layers.Dropout(0.1)(layers.Dense(DIM)(hidden))


def by_hand():
    """The same, in plain Keras."""
    image, image_mask = keras.Input((SIDE, SIDE, 3), name="image"), keras.Input((), dtype="bool", name="image_mask")
    text = keras.Input((None,), dtype="int32", name="text")
    text_mask = keras.Input((None,), dtype="bool", name="text_mask")
    x = image * 2.0 - 1.0
    for width in (32, 64, 128):
        for _ in range(2):
            x = layers.Conv2D(width, 3, padding="same", use_bias=False)(x)
            x = layers.Activation("silu")(layers.GroupNormalization(8, epsilon=1e-5)(x))
        x = layers.SpatialDropout2D(0.1)(layers.MaxPooling2D(2)(x))
    grid = layers.Dense(DIM)(layers.Reshape((36, 128))(x))
    words = block(layers.Dropout(0.1)(layers.Embedding(VOCABULARY, DIM)(text)), text_mask)
    mask = ops.concatenate([ops.repeat(image_mask[:, None], 36, axis=1), text_mask], axis=1)
    tokens = [layers.LayerNormalization(epsilon=1e-5)(part) for part in (grid, words)]
    joined = block(ops.concatenate([Mark()(part) for part in tokens], axis=1), mask)
    joined = layers.LayerNormalization(epsilon=1e-5)(joined)
    weight = ops.cast(mask, "float32")[..., None]
    pooled = ops.sum(joined * weight, axis=1) / ops.maximum(ops.sum(weight, axis=1), 1.0)
    label = layers.Dense(CLASSES, activation="softmax", name="label")(layers.Dropout(0.1)(pooled))
    inputs = {"image": image, "image_mask": image_mask, "text": text, "text_mask": text_mask}
    model = keras.Model(inputs, {"label": label})
    model.compile("adam", loss={"label": "sparse_categorical_crossentropy"}, weighted_metrics={"label": ["accuracy"]})
    return model


class Mark(layers.Layer):
    """Adds one learned vector."""

    def build(self, shape):
        self.mark = self.add_weight(shape=(shape[-1],), initializer="random_normal")

    def call(self, x):
        return x + self.mark


def batches():
    """The same batches for both, with a tenth of the pictures and of the words masked."""
    random = np.random.default_rng(0)
    for _ in range(STEPS):
        lengths = random.integers(3, WORDS, BATCH)
        x = {
            "image": random.uniform(size=(BATCH, SIDE, SIDE, 3)).astype("float32"),
            "image_mask": random.uniform(size=BATCH) > 0.1,
            "text": random.integers(2, VOCABULARY, (BATCH, WORDS)).astype("int32"),
            "text_mask": np.arange(WORDS)[None] < lengths[:, None],
        }
        yield x, {"label": random.integers(0, CLASSES, BATCH)}, {"label": np.ones(BATCH, "float32")}


def seconds(model, data):
    start = time.perf_counter()
    for x, y, w in data:
        model.train_on_batch(x, y, w)
    return time.perf_counter() - start


def main():
    models, data = (ours(), by_hand()), list(batches())
    print("weights:", *(model.count_params() for model in models))
    for model in models:
        seconds(model, data)
    pairs = [[seconds(model, data) for model in models] for _ in range(TURNS)]
    ratio = statistics.median(a / b for a, b in pairs)
    mine, plain = (statistics.median(values) / STEPS * 1000 for values in zip(*pairs, strict=True))
    print(f"a step: mmkeras {mine:.0f} ms, plain Keras {plain:.0f} ms, ratio {ratio:.3f} (median of {TURNS} turns)")
    if ratio > 1.05:
        sys.exit("above the floor of 1.05")


if __name__ == "__main__":
    main()
