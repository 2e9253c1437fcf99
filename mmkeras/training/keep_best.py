"""Keeps the model of the best epoch."""

import math
import os

import keras

from mmkeras.training.run_marks import require_whole


class KeepBest(keras.callbacks.Callback):
    """Saves the model whenever its validation score is better than ever, and gives it out where no other run is.

    Where the optimizer keeps running means of the weights, these are what is validated and saved.

    Args:
        run: `RunFolder` with a run begun.
        monitor: str. Name of the score.
        mode: `"min"` or `"max"`.
        history: `RunHistory`, which is given out with the model.
    Attributes:
        file: str or None. Name of the best model's file.
    """

    def __init__(self, run, monitor, mode, history):
        super().__init__()
        self.run = run
        self.monitor = monitor
        self.mode = mode
        self.history = history
        self.score = self.file = self._safe = None
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
        former, self.score, self.file = self.file, score, f"best-{epoch + 1}.keras"
        self._swap(self.means.on_test_begin)
        self.run.save_model(self.model, self.file)
        self._swap(self.means.on_test_end)
        if former != self._safe:
            self._remove(former)
        if not self.run.replaces:
            self.history.write()
            self.run.publish(self.file, finished=False)

    def get_state(self):
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
