"""Saves all that a run consists of while it learns, and goes on from there."""

import time

import keras

from mmkeras.training.checkpoint_file import CheckpointFile
from mmkeras.training.finite_loss import has_finite_loss
from mmkeras.training.not_finite_error import NotFiniteError

# Keras' own callbacks keep no state; these of their attributes decide what they do next.
ATTRIBUTES = ("best", "wait", "best_epoch", "stopped_epoch", "cooldown_counter")
KNOWN = (keras.callbacks.EarlyStopping, keras.callbacks.ReduceLROnPlateau, keras.callbacks.ModelCheckpoint)


class RunCheckpoint(keras.callbacks.Callback):
    """Saves a checkpoint when one is due, and the run goes on from it at the same step. The last of the callbacks.

    A checkpoint holds the weights and seeds of the model, the optimizer with its iterations and running means, the
    metrics so far in the epoch, the place in the data, the state of callbacks, and what must be the same to go on.
    Callbacks with `get_state` and `set_state` keep a state, and so do Keras' `EarlyStopping`, `ReduceLROnPlateau` and
    `ModelCheckpoint`.

    Args:
        run: `RunFolder` with a run begun.
        every: `SaveEvery`.
        conditions: dict, JSON-ready. See `conditions_of`.
        callbacks: list of the other callbacks.
        steps: int or None. Steps an epoch; None saves at the end of epochs only.
        interruption: `Interruption` to look at between steps.
    Attributes:
        epoch, batch, step: int. Epochs that are finished, steps of the next one that are, steps over all epochs.
        stopped: bool. Whether training has come to its end before its last epoch.
    """

    def __init__(self, run, every, conditions, callbacks, steps, interruption):
        super().__init__()
        self.run = run
        self.every = every
        self.conditions = conditions
        self.callbacks = callbacks
        self.steps = steps
        self.interruption = interruption
        self.file = CheckpointFile(run.checkpoint)
        self.epoch = self.batch = self.step = self._offset = 0
        self.stopped = False
        self._saved = None
        self._cost = self._at = 0.0
        self._at_step = 0

    def load(self, saved, model):
        """Goes on from a checkpoint: its place at once and its variables, the rest when training begins.

        Args:
            saved: dict. What `CheckpointFile.read` gave.
            model: compiled `keras.Model`, built as before.
        """
        self._saved = saved
        self.epoch, self.batch, self.step, self.stopped = (saved[n] for n in ("epoch", "batch", "step", "stopped"))
        self._offset = self.batch
        self.file.restore(variables_of(model))

    def on_train_begin(self, logs=None):
        if self._saved is None:
            self.save()
            self.run.keep_resumable()
            return
        for callback, state in zip(self.callbacks, self._saved["callbacks"], strict=True):
            _set_state(callback, state)
        self._at, self._at_step = time.monotonic(), self.step

    def on_epoch_begin(self, epoch, logs=None):
        # Keras has just set the metrics back.
        if self.batch and self._saved is not None:
            self.file.restore(_metrics(self.model))
        self._saved = None

    def on_train_batch_begin(self, batch, logs=None):
        self.step += self._offset + batch - self.batch
        self.batch = self._offset + batch
        if self.steps is None:
            self._stop_if_asked()
        elif self.interruption.asked or self._due(epoch_ends=False):
            self.save()
            self._stop_if_asked()

    def on_epoch_end(self, epoch, logs=None):
        self.step += self._model.steps_per_execution
        self.epoch, self.batch, self._offset = epoch + 1, 0, 0
        self.stopped = self._model.stop_training
        if self.interruption.asked or self._due(epoch_ends=True):
            self.save()
            self._stop_if_asked()

    def save(self):
        """Writes a checkpoint, and the history beside it."""
        begun = time.monotonic()
        model = self.model  # which has JAX's state brought into the variables
        if self.batch and not has_finite_loss(model):
            raise NotFiniteError("", self.epoch, self.batch - 1)
        groups = {**variables_of(model), **(_metrics(model) if self.batch else {})}
        facts = {name: getattr(self, name) for name in ("epoch", "batch", "step", "stopped", "conditions")}
        states = [_state(callback) for callback in self.callbacks]
        self.file.write({"run": self.run.id, **facts, "callbacks": states}, groups)
        for callback in self.callbacks:
            getattr(callback, "on_saved", lambda: None)()
        self._at, self._at_step = time.monotonic(), self.step
        self._cost = self._at - begun

    def _due(self, epoch_ends):
        return self.every.due(self.step - self._at_step, time.monotonic() - self._at, self._cost, epoch_ends)

    def _stop_if_asked(self):
        if self.interruption.asked:
            raise KeyboardInterrupt(
                f"stopped in epoch {self.epoch + 1}; {self.run.folder} holds all that is needed to go on: "
                "the same with --resume (resume=True)"
            )


def variables_of(model):
    """What a checkpoint holds of a model: weights, seeds, and the optimizer's, which must be there before a step."""
    if not model.optimizer.built:
        model.optimizer.build(model.trainable_variables)
    return {"model": model.variables, "optimizer": model.optimizer.variables}


def _metrics(model):
    return {"metrics": model.metrics_variables}


def _state(callback):
    if hasattr(callback, "get_state"):
        return callback.get_state()
    if not isinstance(callback, KNOWN):
        return None
    found = {name: getattr(callback, name) for name in ATTRIBUTES if hasattr(callback, name)}
    return {name: None if value is None else float(value) for name, value in found.items()}


def _set_state(callback, state):
    if hasattr(callback, "set_state"):
        callback.set_state(state)
    elif state is not None:
        for name, value in state.items():
            setattr(callback, name, value)
