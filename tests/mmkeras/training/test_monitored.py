import types

import keras
import pytest

from mmkeras.training.monitored import monitored


class Decoder(keras.layers.Layer):
    def __init__(self, score, **kwargs):
        super().__init__(**kwargs)
        self.score = score

    def call(self, inputs):
        return inputs

    def default_metrics(self):
        kind = keras.metrics.BinaryAccuracy if self.score == "accuracy" else keras.metrics.Mean
        return [kind(name=self.score)]


def choice(monitor, **scores):
    """What is monitored of a model with a target of each name, whose decoder has that score."""
    model = keras.Sequential([keras.Input((1,)), *[Decoder(score, name=name) for name, score in scores.items()]])
    return monitored(model, types.SimpleNamespace(targets=list(scores)), monitor)


@pytest.mark.parametrize(
    ("monitor", "scores", "expected"),
    [
        (None, {"kind": "accuracy"}, ("val_accuracy", "max")),
        (None, {"kind": "accuracy", "price": "mae"}, ("val_kind_accuracy", "max")),
        (None, {"price": "mae", "kind": "accuracy"}, ("val_loss", "min")),
        ("auto", {"kind": "accuracy"}, ("val_loss", "min")),
        ("auto", {"words": "pr_auc"}, ("val_pr_auc", "max")),
        ("auto", {"words": "pr_auc", "price": "mae"}, ("val_loss", "min")),
        ("val_mae", {"price": "mae"}, ("val_mae", "min")),
        ("accuracy", {"kind": "accuracy"}, ("val_accuracy", "max")),
        ("val_kind_accuracy", {"kind": "accuracy", "price": "mae"}, ("val_kind_accuracy", "max")),
        ("loss", {"kind": "accuracy"}, ("val_loss", "min")),
    ],
)
def test_the_score_and_which_is_better(monitor, scores, expected):
    assert choice(monitor, **scores) == expected
