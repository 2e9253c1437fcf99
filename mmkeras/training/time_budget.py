"""Ends training when its time is used up, and notes what each epoch has cost."""

import math
import time

import keras


class TimeBudget(keras.callbacks.Callback):
    """Notes the processor's seconds so far in each epoch's scores, and ends training when its time is used up.

    The clock runs from when the budget is made. Training ends so early that what comes afterwards has time too, but has
    half of it at least. Validation that takes longer than there is time for ends as well: its scores are those of the
    rows so far in the first epoch, and none in a later one.

    Args:
        minutes: float > 0 or None. Defaults to `None`: no end.
        after: float >= 0. What comes after the last step, in the time of steps. Defaults to `0.0`.
    Attributes:
        ended: str or None. Why training has come to an early end.
    """

    def __init__(self, minutes=None, after=0.0):
        super().__init__()
        self.minutes = minutes
        self.after = after
        self.ended = None
        self.used = self.cpu = 0.0  # by the training that this one goes on from
        self._made = time.monotonic()
        self._steps = self._spent = 0.0
        self._epoch = self._judged = 0

    @property
    def left(self):
        """Seconds that are left; None where there is no end."""
        return None if self.minutes is None else 60.0 * self.minutes - self._seconds()

    def require_time(self):
        """Refuses a budget that is used up before the first step.

        Raises:
            ValueError: it is.
        """
        if self.minutes is not None and self.left <= 0:
            raise ValueError(
                "train: minutes must leave time for a step. "
                f"Received: minutes={self.minutes}, of which reading the table and building the model took "
                f"{self._seconds() / 60:.2g}. Do: more minutes."
            )

    def on_train_begin(self, logs=None):
        self._cpu_begun = time.process_time()

    def on_epoch_begin(self, epoch, logs=None):
        self._epoch = epoch

    def on_train_batch_begin(self, batch, logs=None):
        self._begun = time.monotonic()

    def on_train_batch_end(self, batch, logs=None):
        if self.minutes is None:
            return
        # The first step is traced, and waits until rows are mixed: no other will take as long.
        if self._steps or batch:
            self._steps += self._model.steps_per_execution
            self._spent += time.monotonic() - self._begun
        reserve = self.after * self._spent / max(1.0, self._steps)
        if self.left <= min(reserve, 30.0 * self.minutes):
            self._model.stop_training = True
            count = self.params.get("steps")
            self.ended = (
                f"minutes={self.minutes} were used up in epoch {self._epoch + 1}, after step {batch + 1}"
                f"{f' of {count}' if count else ''}"
            )

    def on_test_batch_end(self, batch, logs=None):
        if self.minutes is not None and self.left <= 0:
            self._model.stop_evaluating = True
            self._judged = batch + 1

    def on_epoch_end(self, epoch, logs=None):
        logs["cpu_seconds"] = self.cpu + time.process_time() - self._cpu_begun
        if self._judged:
            self._model.stop_training = True
            self.ended = self.ended or f"minutes={self.minutes} were used up after epoch {epoch + 1}"
            self.ended += f"; its validation ended after {self._judged} batches"
            logs.update({name: math.nan for name in logs if epoch and name.startswith("val_")})

    def _seconds(self):
        return self.used + time.monotonic() - self._made

    def get_state(self):
        return {"used": self._seconds(), "cpu": self.cpu + time.process_time() - self._cpu_begun}

    def set_state(self, state):
        self.used, self.cpu = state["used"], state["cpu"]
