"""Keeps the model of the best epoch."""

import math
import os
import time

import keras

from mmkeras.runs.run_marks import require_whole

SHARE = 0.05  # of the time, at most, that saving takes


class KeepBest(keras.callbacks.Callback):
    """Keeps the model whose validation score is better than ever, and gives it out where no other run is.

    Where the optimizer keeps running means of the weights, these are what is validated and kept. Where epochs are so
    short that saving each better model would take more than 5 % of the time, its weights wait in memory: until time has
    passed, a checkpoint is made or training ends.

    Args:
        run: `RunFolder` with a run begun.
        monitor: str. Name of the score.
        mode: `"min"` or `"max"`.
        history: `RunHistory`, which is given out with the model.
    Attributes:
        file: str or None. Name of the file of the best model that was saved.
    """

    def __init__(self, run, monitor, mode, history):
        super().__init__()
        self.run = run
        self.monitor = monitor
        self.mode = mode
        self.history = history
        self.score = self.file = self._safe = self._waiting = None
        self._due = 0.0
        self.means = keras.callbacks.SwapEMAWeights()

    def on_test_begin(self, logs=None):
        self._swap(self.means.on_test_begin)

    def on_test_end(self, logs=None):
        self._swap(self.means.on_test_end)

    def _swap(self, swap):
        optimizer = self.model.optimizer
        if getattr(optimizer, "inner_optimizer", optimizer).use_ema:  # the inner one where losses are scaled
            self.means.set_model(self.model)
            swap()

    def on_epoch_end(self, epoch, logs=None):
        score = float(logs[self.monitor])
        if not self._better(score):
            return
        self.score = score
        self._swap(self.means.on_test_begin)
        self._waiting = (f"best-{epoch + 1}.keras", self.model.get_weights())
        if time.monotonic() >= self._due:
            self._save()
        self._swap(self.means.on_test_end)

    def write(self):
        """Saves the best model if it waits in memory."""
        if self._waiting is None:
            return
        now = self.model.get_weights()
        self.model.set_weights(self._waiting[1])
        self._save()
        self.model.set_weights(now)

    def _save(self):
        """Saves the model, which has the best weights."""
        begun = time.monotonic()
        former, (self.file, _) = self.file, self._waiting
        self.run.save_model(self.model, self.file)
        self._waiting = None
        if former != self._safe:
            self._remove(former)
        if not self.run.replaces:
            self.history.write()
            self.run.publish(self.file, finished=False)
        ended = time.monotonic()
        self._due = ended + (ended - begun) / SHARE

    def get_state(self):
        self.write()
        return {"score": self.score, "file": self.file}

    def set_state(self, state):
        """Goes on with the best model that a checkpoint names, which must be there."""
        self.score, self.file = state["score"], state["file"]
        self._safe = self.file
        if self.file is not None:
            require_whole(os.path.join(self.run.training, self.file))

    def on_saved(self):
        """A checkpoint names this model now, and none the one before."""
        if self._safe != self.file:
            self._remove(self._safe)
        self._safe = self.file

    def _better(self, score):
        if self.score is None or math.isnan(self.score):
            return self.score is None or not math.isnan(score)
        return score < self.score if self.mode == "min" else score > self.score

    def _remove(self, name):
        if name is not None:
            os.remove(os.path.join(self.run.training, name))
