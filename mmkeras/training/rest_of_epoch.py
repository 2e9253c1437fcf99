"""Ends the epoch that training went on with where it would have ended."""

import keras


class RestOfEpoch(keras.callbacks.Callback):
    """Breaks off the first epoch after some steps; the next ones are whole.

    Args:
        steps: int > 0. Steps that are left of the first epoch.
    """

    def __init__(self, steps):
        super().__init__()
        self.steps = steps
        self._ending = False

    def on_train_batch_begin(self, batch, logs=None):
        # `self.model` would have JAX copy its state.
        if self.steps and batch + self._model.steps_per_execution >= self.steps:
            self._ending = not self._model.stop_training
            self._model.stop_training = True

    def on_epoch_end(self, epoch, logs=None):
        if self._ending:
            self._model.stop_training = False
        self.steps, self._ending = None, False
