"""Weighs the losses of modalities and of all together by how they generalise: Gradient-Blend."""

import keras
import numpy as np
from keras import ops

from mmkeras.balance.unimodal_heads import crossentropy, weighted_mean
from mmkeras.balance.unimodal_losses import UnimodalLosses
from mmkeras.component import component

# A smaller change of the gap, in nats, counts as this much.
LEAST = 0.01


@component
class GradientBlend(UnimodalLosses):
    """Gives tokens back unchanged, adds a loss for each modality alone, and blends their gradients with the model's.

    With M modalities and k one of them or all together: w_k = (M + 1) · v_k / Σ v, v_k = ΔG_k / ΔO_k², where over the
    last epochs ΔG_k is what the loss on validation rows came down by, and ΔO_k what the gap between validation and
    training loss changed by. An encoder gets w_m of its modality's own gradient and w_all of that of all that follows.
    All w are 1 at first; the callback measures and sets them. Only in a `LabelledModel`; elsewhere it does nothing.

    Args:
        target: str. The category target whose labels count.
        num_classes: int > 1.
    Call arguments:
        inputs: dict name → float tensor `(B, T_m, D_m)`.
        mask: dict name → bool tensor `(B, T_m)` or None.
    Returns:
        dict of the same tokens.
    Example:
        >>> tokens = {"picture": np.ones((2, 4, 8), "float32"), "title": np.ones((2, 3, 8), "float32")}
        >>> blend = GradientBlend("kind", num_classes=3)
        >>> blend(tokens)["title"].shape
        TensorShape([2, 3, 8])
        >>> blend.blend()
        {'picture': 1.0, 'title': 1.0, 'all': 1.0}
    References:
        [Wang et al., 2020](https://arxiv.org/abs/1905.12681), online Gradient-Blend. Differs: losses are measured in
        the run itself, and not in trial trainings of each modality; w_all counts at the tokens, and not in the fusion
        and the decoders, which one loss alone reaches; w add up to M + 1, and not to 1; a loss that did not come down
        gets 0, and where none did, w stay; a gap that changed by less than 0.01 counts as 0.01.
    """

    sees_evaluation = True

    def build(self, input_shape):
        super().build(input_shape)
        self.names = sorted(input_shape)
        options = {"trainable": False, "dtype": "float32", "autocast": False}
        self.weighting = self.add_weight(name="weighting", shape=(len(self.names) + 1,), initializer="ones", **options)
        # Of each modality alone, over an evaluation: the sum of losses, and of weights.
        self.seen = self.add_weight(name="seen", shape=(len(self.names), 2), initializer="zeros", **options)

    def blend(self):
        """Dict of each w: by modality, and `"all"`."""
        return dict(zip([*self.names, "all"], ops.convert_to_numpy(self.weighting).tolist(), strict=True))

    def callback(self, train, validation, every=1):
        """A Keras callback that measures the losses, on both parts, and sets the weights.

        Args:
            train: what `evaluate` takes, of training rows as they are; a part of them will do.
            validation: the same of validation rows; others than those that are judged at the end.
            every: int > 0. Epochs between. Defaults to `1`.
        Returns:
            `keras.callbacks.Callback`, for `fit`.
        Raises:
            ValueError: `every` < 1.
        """
        return _Blending(self, train, validation, every)

    def balanced(self, inputs, mask, labels, count, training):
        logits = self.heads(inputs, mask=mask)
        if not training:
            self._note(logits, labels, count)
            return inputs
        shares = ops.convert_to_tensor(self.weighting)
        losses = self.losses_of(logits, labels, count)
        self.add_loss(sum(shares[place] * losses[name] for place, name in enumerate(self.names)))
        return {name: _with_gradient(tokens, ops.cast(shares[-1], tokens.dtype)) for name, tokens in inputs.items()}

    def _note(self, logits, labels, count):
        rows = [ops.sum(count[name]) for name in self.names]
        losses = [weighted_mean(crossentropy(logits[name], labels), count[name]) for name in self.names]
        sums = [loss * number for loss, number in zip(losses, rows, strict=True)]
        self.seen.assign_add(ops.stack([ops.stack(sums), ops.stack(rows)], axis=1))


def blended(before, after):
    """w of each loss, see `GradientBlend`.

    Args:
        before, after: float arrays `(2, K)`: the losses of training and of validation rows.
    Returns:
        float array `(K,)` that adds up to K; None where no loss of validation rows came down.
    """
    before, after = np.asarray(before, "float64"), np.asarray(after, "float64")
    gained = np.maximum(before[1] - after[1], 0.0)
    grown = np.maximum(np.abs((after[1] - after[0]) - (before[1] - before[0])), LEAST)
    values = gained / grown**2
    return len(values) * values / values.sum() if values.sum() > 0 else None


class _Blending(keras.callbacks.Callback):
    def __init__(self, layer, train, validation, every):
        super().__init__()
        if every < 1:
            raise ValueError(f"GradientBlend: every must be > 0. Received: every={every}. Do: every=1.")
        self.layer, self.parts, self.every = layer, (train, validation), every

    def on_train_begin(self, logs=None):
        self.before = self._measured()

    def on_epoch_end(self, epoch, logs=None):
        if (epoch + 1) % self.every:
            return
        after = self._measured()
        weights = blended(self.before, after)
        if weights is not None:
            self.layer.weighting.assign(weights.astype("float32"))
        self.before = after

    def _measured(self):
        """Losses of both parts `(2, M + 1)`: of each modality alone, and of all together."""
        measured = []
        for part in self.parts:
            self.layer.seen.assign(np.zeros(self.layer.seen.shape, "float32"))
            logs = self.model.evaluate(part, return_dict=True, verbose=0)
            sums, rows = ops.convert_to_numpy(self.layer.seen).T
            measured.append([*sums / np.maximum(rows, 1e-9), logs.get(f"{self.layer.target}_loss", logs["loss"])])
        return np.array(measured)


def _with_gradient(tokens, share):
    """Tokens as they are, with that share of their gradient."""
    still = ops.stop_gradient(tokens)
    return still + share * (tokens - still)
