"""How far log-mel frames and the end of a sound are off."""

import keras
from keras import ops

from mmkeras.component import component


@component
class MelLoss(keras.losses.Loss):
    """Mean absolute or squared error of the real frames of a row, and cross-entropy of where it ends.

    Args:
        end_weight: float ≥ 0. Of the cross-entropy, averaged over all frames. Defaults to `1.0`.
        deviation: float > 0 or None. If given, errors are divided by it and squared. Defaults to `None`.
    Call arguments:
        y_true: float tensor `(B, T, C + 1)`: log-mel frames; the last channel is 1 in a real frame, 0 in padding.
        y_pred: float tensor `(B, T, k · C + 1)`: k guesses of the frames, whose errors are averaged; the last channel
            is the logit of a real frame.
    Raises:
        ValueError: `end_weight` < 0 or `deviation` ≤ 0.
    Example:
        >>> value = MelLoss(end_weight=0.0)(np.array([[[3.0, 1.0]]]), np.array([[[1.0, 0.0]]], "float32"))
        >>> float(value)
        2.0
    References:
        [Shen et al., 2018](https://arxiv.org/abs/1712.05884), the stop token; [Shen et al.,
        2020](https://arxiv.org/abs/2010.04301). Differs: padding has no part in the first term.
    """

    def __init__(self, end_weight=1.0, deviation=None, name="mel_loss", **kwargs):
        super().__init__(name=name, **kwargs)
        if end_weight < 0:
            raise ValueError(f"MelLoss: end_weight must be ≥ 0. Received: end_weight={end_weight}. Do: 1.0.")
        if deviation is not None and deviation <= 0:
            raise ValueError(f"MelLoss: deviation must be > 0. Received: deviation={deviation}. Do: 4.0, or None.")
        self.end_weight = end_weight
        self.deviation = deviation

    def call(self, y_true, y_pred):
        y_true, y_pred = ops.cast(y_true, "float32"), ops.cast(y_pred, "float32")
        flags, logits = y_true[..., -1], y_pred[..., -1]
        guesses = (y_pred.shape[-1] - 1) // (y_true.shape[-1] - 1)
        away = ops.concatenate([y_true[..., :-1]] * guesses, axis=-1) - y_pred[..., :-1]
        error = ops.mean(ops.abs(away) if self.deviation is None else (away / self.deviation) ** 2, axis=-1)
        total = ops.sum(ops.where(flags > 0, error, 0.0), axis=1)
        ends = ops.mean(ops.softplus(logits) - logits * flags, axis=1)
        return total / ops.maximum(ops.sum(flags, axis=1), 1.0) + self.end_weight * ends

    def get_config(self):
        return {**super().get_config(), "end_weight": self.end_weight, "deviation": self.deviation}

    @classmethod
    def example(cls):
        """A tiny instance, labels and predictions, for the conformance sweep."""
        return cls(0.5), [[[2.0, 1.0], [0.0, 0.0]], [[0.0, 0.0]] * 2], [[[1.0, 3.0], [9.0, -2.0]]] * 2
