"""Cross-entropy of tokens, against sums by hand."""

import numpy as np
import pytest
from keras import ops

from mmkeras.losses import TokenCrossentropy
from mmkeras.metrics import Perplexity, TokenAccuracy

LABELS = np.array([[2, 3, 4, 0], [4, 1, 0, 0], [0, 0, 0, 0]])


def by_hand(logits, labels, smoothing):
    """Losses of real tokens, by row."""
    chances = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    rows = []
    for row, label in enumerate(labels):
        real = [place for place in range(len(label)) if label[place] > 1]
        rows.append(
            [
                -(1 - smoothing) * chances[row, place, label[place]] - smoothing * chances[row, place, 2:].mean()
                for place in real
            ]
        )
    return rows


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_the_mean_over_real_tokens(smoothing):
    logits = np.random.default_rng(0).normal(size=(3, 4, 5)).astype("float32")
    loss, rows = TokenCrossentropy(smoothing), by_hand(logits, LABELS, smoothing)
    every = np.concatenate(rows)
    assert float(loss(LABELS, logits)) == pytest.approx(every.mean(), rel=1e-5)
    weights = np.array([1.0, 3.0, 5.0], "float32")
    weighed = sum(w * sum(row) for w, row in zip(weights, rows, strict=True)) / len(every)
    assert float(loss(LABELS, logits, sample_weight=weights)) == pytest.approx(weighed, rel=1e-5)


def test_nothing_to_say_costs_nothing():
    logits = np.zeros((2, 3, 5), "float32")
    assert float(TokenCrossentropy()(np.zeros((2, 3), int), logits)) == 0.0


def test_metrics_count_real_tokens():
    logits = np.random.default_rng(1).normal(size=(3, 4, 5)).astype("float32")
    accuracy, perplexity = TokenAccuracy(), Perplexity()
    weights = np.array([1.0, 0.0, 1.0], "float32")
    for metric in (accuracy, perplexity):
        metric.update_state(LABELS, ops.convert_to_tensor(logits), sample_weight=weights)
    assert float(accuracy.result()) == pytest.approx(np.mean(logits[0, :3].argmax(-1) == LABELS[0, :3]))
    assert float(perplexity.result()) == pytest.approx(np.exp(np.mean(by_hand(logits, LABELS, 0.0)[0])), rel=1e-5)


def test_smoothing_out_of_range():
    with pytest.raises(ValueError, match=r"label_smoothing must be in.*label_smoothing=1"):
        TokenCrossentropy(1)
