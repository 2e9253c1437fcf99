"""A training of seconds with all that has a state: dropout, running means, a schedule, early stopping, a best epoch."""

import sys

import keras
import numpy as np
import pandas

import mmkeras as mm
from data_pipelines import Category, Number, Pipeline, read_table
from mmkeras.training import run

ROWS, EPOCHS, BATCH = 70, 4, 8
STEPS = 7  # of 50 rows, the last batch with 2


def table(labels=("no", "yes")):
    """Rows to learn from and rows to judge by; the label is whether a noisy number is above 0."""
    random = np.random.default_rng(0)
    x = random.normal(size=ROWS).round(3)
    wide = (x + random.normal(scale=0.5, size=ROWS)).round(3)
    rows = read_table(
        pandas.DataFrame({"x": wide, "y": random.normal(size=ROWS).round(3), "kind": [labels[int(v > 0)] for v in x]})
    )
    return rows.take(50), rows.where(kind=list(labels)).take(ROWS)


def pipeline(rows):
    return Pipeline({"x": Number(), "y": Number()}, {"kind": Category()}).adapt(rows)


def model_for(pipe, epochs=EPOCHS, dim=8, learning_rate=0.02, **options):
    keras.utils.set_random_seed(1)
    model = mm.build(pipe.spec, fusion="SumFusion", encoders=dict.fromkeys("xy", "NumberMLPEncoder"), dim=dim)
    rate = keras.optimizers.schedules.CosineDecay(learning_rate, epochs * STEPS)
    return mm.compile(model, pipe.spec, learning_rate=rate, weight_decay=0.01, ema_momentum=0.9, **options)


def fit(folder, labels=("no", "yes"), epochs=EPOCHS, batch_size=BATCH, compiled=None, **options):
    """Builds and trains as a process of its own would; gives the model."""
    train, validation = table(labels)
    pipe = pipeline(train)
    model = model_for(pipe, epochs, **(compiled or {}))
    return run.fit(model, pipe, train, validation, folder, epochs, batch_size, verbose=0, **options)


def values(model):
    return [np.array(variable) for variable in (*model.variables, *model.optimizer.variables)]


if __name__ == "__main__":
    fit(sys.argv[1], epochs=int(sys.argv[2]), **dict.fromkeys(sys.argv[3:], True), save_every=2)
