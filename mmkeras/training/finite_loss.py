"""Stops training at the step whose loss is no finite number."""

import math

import keras

from mmkeras.training.not_finite_error import NotFiniteError


class FiniteLoss(keras.callbacks.Callback):
    """Looks at the loss that Keras brings to the host after each step, and stops before the next one.

    Where no other callback waits for the loss, Keras brings it beside training, so that no device waits either. The
    loss is a mean over the epoch: once it is not finite, it stays so. The first of the callbacks, so that nothing of
    such a step is kept.

    Attributes:
        offset: int. Steps of the first epoch that were made before this training went on.
    """

    async_safe = True

    def __init__(self):
        super().__init__()
        self.offset = 0
        self._epoch = self._steps = 0
        self._found = None

    def on_epoch_begin(self, epoch, logs=None):
        self._epoch, self._steps, self._found = epoch, 0, None

    def on_train_batch_begin(self, batch, logs=None):
        self._stop()

    def on_train_batch_end(self, batch, logs=None):
        self._steps = max(self._steps, batch + 1)
        if not math.isfinite(logs.get("loss", 0.0)):
            self._found = batch if self._found is None else min(batch, self._found)

    def on_test_begin(self, logs=None):
        self._stop()

    def on_epoch_end(self, epoch, logs=None):
        if self._found is None and not math.isfinite(logs.get("loss", 0.0)):
            self._found = max(0, self._steps - 1)
        self._stop()
        if not math.isfinite(logs.get("val_loss", 0.0)):
            raise NotFiniteError("", epoch, None)
        self.offset = 0

    def _stop(self):
        if self._found is not None:
            raise NotFiniteError("", self._epoch, self.offset + self._found)


def has_finite_loss(model):
    """Whether the mean loss of the epoch so far, which a model keeps, is a finite number."""
    losses = [float(metric.result()) for metric in model.metrics if metric.name == "loss"]
    return all(map(math.isfinite, losses))
