"""Learns at one rate until validation no longer improves, then lets the rate run out, and ends."""

import keras

LEAST = 1e-2  # share by which a loss must be better to count
LEAST_EPOCHS, SHARE = 2, 0.2  # epochs in which the rate runs out: at least, and as a share of those before
BEGUN = 0.9  # share of the first validation loss below which a model has begun to learn
LEARNED = 0.75  # the same of the training loss, the first of which is higher, since a model begins with odd answers
SLOW_START = 4  # times the patience that a model gets which has not


class Plateau(keras.callbacks.Callback):
    """Watches a validation loss; the schedule need not know how long training will be.

    Once the loss is no longer better, the learning rate falls along a straight line to nearly 0, over a fifth as many
    epochs as there were, and training ends.

    Args:
        patience: int > 0. Epochs without a loss better by 1 %. A model that has not yet learned anything gets four
            times as many.
        monitor: str. Defaults to `"val_loss"`.
        mode: `"min"`; or `"max"`, for a score up to 1: what it lacks of 1 is the loss. Defaults to `"min"`.
    References:
        [Hägele et al., 2024](https://arxiv.org/abs/2405.18392), a constant rate with a cooldown. Differs: validation
        says when it begins.
    """

    def __init__(self, patience, monitor="val_loss", mode="min"):
        super().__init__()
        self.patience = patience
        self.monitor = monitor
        self.mode = mode
        self.best = self.first = self.first_train = self.rate = None
        self.wait = self.begin = self.end = 0

    def on_epoch_begin(self, epoch, logs=None):
        if self.rate is not None:
            left = self.end - epoch - 0.5
            self.model.optimizer.learning_rate = self.rate * left / (self.end - self.begin)

    def on_epoch_end(self, epoch, logs=None):
        rate = logs["learning_rate"] = float(self.model.optimizer.learning_rate)
        if self.rate is not None:
            self.model.stop_training = self.model.stop_training or epoch + 1 >= self.end
        elif self._is_over(self._loss(logs), logs["loss"]):
            self.rate, self.begin = rate, epoch + 1
            self.end = self.begin + max(LEAST_EPOCHS, round(SHARE * self.begin))

    def _loss(self, logs):
        score = float(logs[self.monitor])
        return 1.0 - score if self.mode == "max" else score

    def _is_over(self, loss, train_loss):
        """Whether the model has long enough been no better."""
        if self.first is None:
            self.first, self.first_train = loss, train_loss
        if self.best is None or loss < self.best - LEAST * abs(self.best):
            self.best, self.wait = loss, 0
            return False
        self.wait += 1
        begun = self.best < BEGUN * self.first or train_loss < LEARNED * self.first_train
        return self.wait >= self.patience * (1 if begun else SLOW_START)

    def get_state(self):
        return {name: getattr(self, name) for name in ("best", "first", "first_train", "rate", "wait", "begin", "end")}

    def set_state(self, state):
        self.best, self.first, self.first_train = state["best"], state["first"], state["first_train"]
        self.rate, self.wait, self.begin, self.end = state["rate"], state["wait"], state["begin"], state["end"]
