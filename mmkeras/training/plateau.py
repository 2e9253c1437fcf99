"""Lowers the learning rate where validation no longer improves, then ends training."""

import keras

FACTOR = 0.3
LEAST = 1e-2  # share by which a loss must be better to count
BEGUN = 0.9  # share of the first validation loss below which a model has begun to learn
LEARNED = 0.75  # the same of the training loss, the first of which is higher, since a model begins with odd answers
SLOW_START = 4  # times the patience that a model gets which has not


class Plateau(keras.callbacks.Callback):
    """Watches a validation loss; the schedule need not know how long training will be.

    Args:
        patience: int > 0. Epochs without a better loss: the first time the learning rate falls to 0.3 of what it is,
            the second time training ends. A model that has not yet learned anything gets four times as many.
        monitor: str. Defaults to `"val_loss"`.
    """

    def __init__(self, patience, monitor="val_loss"):
        super().__init__()
        self.patience = patience
        self.monitor = monitor
        self.best = self.first = self.first_train = None
        self.wait = self.falls = 0

    def on_epoch_end(self, epoch, logs=None):
        optimizer = self.model.optimizer
        logs["learning_rate"] = float(optimizer.learning_rate)
        loss = float(logs[self.monitor])
        if self.first is None:
            self.first, self.first_train = loss, logs["loss"]
        if self.best is None or loss < self.best - LEAST * abs(self.best):
            self.best, self.wait = loss, 0
            return
        self.wait += 1
        begun = self.best < BEGUN * self.first or logs["loss"] < LEARNED * self.first_train
        if self.wait < self.patience * (1 if begun else SLOW_START):
            return
        self.wait = 0
        if self.falls:
            self.model.stop_training = True
            return
        self.falls += 1
        optimizer.learning_rate = FACTOR * float(optimizer.learning_rate)

    def get_state(self):
        return {name: getattr(self, name) for name in ("best", "first", "first_train", "wait", "falls")}

    def set_state(self, state):
        self.best, self.first, self.first_train = state["best"], state["first"], state["first_train"]
        self.wait, self.falls = state["wait"], state["falls"]
