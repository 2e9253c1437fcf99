"""A functional model that tells the labels to those of its layers that want them."""

import contextlib

import keras

from mmkeras.balance.target_losses import target_losses
from mmkeras.component import component


@component
class LabelledModel(keras.Model):
    """A functional model whose layers may see the labels while it is trained or evaluated.

    It is made like any functional model, `LabelledModel(model.input, model.output)`, shares the layers of `model`, and
    trains by `fit`. Before each step, a layer with a `tell` method gets the labels and weights of its `target`; in
    training, one with `tell_losses` gets the loss of each target as it is, after the forward pass. `predict`, the
    exported model, and `keras.Model(model.input, model.output)` know nothing of it.

    Call arguments:
        inputs: what the functional model takes.
        mask: masks of the inputs, or None.
    Returns:
        what the functional model gives.
    Example:
        >>> x = keras.Input((3,))
        >>> plain = keras.Model(x, keras.layers.Dense(2)(x))
        >>> LabelledModel(plain.input, plain.output).layers == plain.layers
        True
    """

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)

    def call(self, inputs, training=None, mask=None):
        return super().call(inputs, training=training, mask=mask)

    def train_step(self, *args):
        with self._told(args[-1]):
            return super().train_step(*args)

    def test_step(self, *args):
        with self._told(args[-1]):
            return super().test_step(*args)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        layers = [layer for layer in self.layers if hasattr(layer, "tell_losses")] if training else []
        if layers:
            losses = target_losses(self, y, y_pred, sample_weight)
            for layer in layers:
                layer.tell_losses(losses)
        return super().compute_loss(x, y, y_pred, sample_weight, training)

    @contextlib.contextmanager
    def _told(self, data):
        _, labels, weights = keras.utils.unpack_x_y_sample_weight(data)
        layers = [layer for layer in self.layers if hasattr(layer, "tell")]
        for layer in layers:
            layer.tell(_of(layer.target, labels, layer.name), weights and _of(layer.target, weights, layer.name))
        try:
            yield
        finally:
            for layer in layers:
                layer.tell(None, None)


def _of(target, given, name):
    if not isinstance(given, dict) or target not in given:
        names = list(given) if isinstance(given, dict) else type(given).__name__
        raise ValueError(
            f'LabelledModel: the batch must hold the labels that "{name}" wants. '
            f"Received: {names} without {target!r}. Do: fit(x, {{{target!r}: labels}})."
        )
    return given[target]
