"""Ends training when its time is used up, and notes what each epoch has cost."""

import time

import keras


class TimeBudget(keras.callbacks.Callback):
    """Notes the processor's seconds so far in each epoch's scores, and ends training when its time is used up.

    Args:
        minutes: float > 0 or None. Minutes of training. Defaults to `None`: no end.
    """

    def __init__(self, minutes=None):
        super().__init__()
        self.minutes = minutes
        self.used = self.cpu = 0.0  # by the training that this one goes on from

    def on_train_begin(self, logs=None):
        self._begun, self._cpu_begun = time.monotonic(), time.process_time()

    def on_train_batch_end(self, batch, logs=None):
        if self.minutes is not None and self._seconds() >= 60.0 * self.minutes:
            self.model.stop_training = True

    def on_epoch_end(self, epoch, logs=None):
        logs["cpu_seconds"] = self.cpu + time.process_time() - self._cpu_begun

    def _seconds(self):
        return self.used + time.monotonic() - self._begun

    def get_state(self):
        return {"used": self._seconds(), "cpu": self.cpu + time.process_time() - self._cpu_begun}

    def set_state(self, state):
        self.used, self.cpu = state["used"], state["cpu"]
