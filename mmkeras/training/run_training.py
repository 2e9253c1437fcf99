"""One training of a run, from its beginning or from where it was cut off, to its end."""

import os

import keras
import numpy as np

from mmkeras.runs.run_folder import HISTORY, MODEL
from mmkeras.training.finite_loss import FiniteLoss
from mmkeras.training.interruption import Interruption
from mmkeras.training.keep_best import KeepBest
from mmkeras.training.not_finite_error import NotFiniteError
from mmkeras.training.rest_of_epoch import RestOfEpoch
from mmkeras.training.run_checkpoint import RunCheckpoint
from mmkeras.training.run_history import RunHistory
from mmkeras.training.stopped_training import StoppedTraining

LAST = "last.keras"


class RunTraining:
    """Trains a model by `model.fit` with what keeps the run, and gives out its model at the end.

    Args:
        run: `RunFolder` with a run begun.
        model: compiled `keras.Model`.
        batches: `ResumableBatches`.
        judged: `tf.data.Dataset` to validate on, or None.
        callbacks: Keras callbacks beside the run's own.
        choice: tuple (score, `"min"` or `"max"`) to keep the best model by, or None, which keeps the last.
        patience: int or None. Epochs without a better score before stopping.
        judged_rows: `BatchRows` of `judged`, or None. Defaults to `None`.
    """

    def __init__(self, run, model, batches, judged, callbacks, choice, patience, judged_rows=None):
        self.run = run
        self.model = model
        self.batches = batches
        self.judged = judged
        self.judged_rows = judged_rows
        self.finite = FiniteLoss()
        self.history = RunHistory(os.path.join(run.training, HISTORY), run.id)
        self.best = choice and KeepBest(run, *choice, self.history)
        stopping = [keras.callbacks.EarlyStopping(choice[0], mode=choice[1], patience=patience)] if patience else []
        self.callbacks = [*callbacks, *stopping, self.history, *([self.best] if choice else [])]

    def fit(self, epochs, verbose, every=None, conditions=None, saved=None):
        """Trains to the last epoch, or until a callback stops.

        Args:
            epochs: int > 0.
            verbose: as in `model.fit`.
            every: `SaveEvery`, or None: no checkpoints. Defaults to `None`.
            conditions: dict of what must be the same to go on; see `conditions_of`. Defaults to `None`.
            saved: dict. What the checkpoint holds that training goes on from. Defaults to `None`.
        Raises:
            NotFiniteError: a loss is NaN or infinite.
        """
        try:
            try:
                self._train(epochs, verbose, every, conditions, saved)
            finally:
                if self.best is not None:
                    self.best.write()
        except NotFiniteError as stop:
            stopped = StoppedTraining(self.model, self.run, self.batches, self.judged, self.judged_rows)
            raise stopped.explain(stop) from None

    def _train(self, epochs, verbose, every, conditions, saved):
        if every is None:
            self._fit(epochs, verbose, self.batches.make(0), self.callbacks)
            return
        with Interruption() as interruption:
            steps = self.batches.steps
            checkpoint = RunCheckpoint(self.run, every, conditions, self.callbacks, steps, interruption)
            callbacks = [*self.callbacks, checkpoint]
            if saved is not None:
                self._build_metrics(saved)
                checkpoint.load(saved, self.model)
                epochs = checkpoint.epoch if checkpoint.stopped else epochs
                callbacks = [*self._rest(checkpoint), *callbacks]
                self.finite.offset = checkpoint.batch
            dataset = self.batches.make(checkpoint.epoch if steps is None else checkpoint.step)
            self._fit(epochs, verbose, dataset, callbacks, initial_epoch=checkpoint.epoch)

    def finish(self):
        """Gives out the model, the run's last; the one in memory has its weights then."""
        if self.best is None:
            self.run.save_model(self.model, LAST)
        self.history.write()
        self.run.publish(LAST if self.best is None else self.best.file, finished=True)
        if self.best is not None:
            self.model.load_weights(self.run.path(MODEL))

    def _fit(self, epochs, verbose, dataset, callbacks, **options):
        self.model.fit(
            dataset,
            validation_data=self.judged,
            epochs=epochs,
            steps_per_epoch=self.batches.steps,
            callbacks=[self.finite, *callbacks],
            shuffle=False,
            verbose=verbose,
            **options,
        )

    def _rest(self, checkpoint):
        """What ends the epoch that training goes on in."""
        return [RestOfEpoch(self.batches.steps - checkpoint.batch)] if checkpoint.batch else []

    def _build_metrics(self, saved):
        """Makes the variables of metrics that a checkpoint within an epoch holds, where only a step would make them."""
        missing = len(saved["shapes"].get("metrics", ())) - len(self.model.metrics_variables)
        if saved["batch"] and missing:
            # Training batches that are looked at would be drawn in another order afterwards.
            spec = self.batches.make(0).element_spec
            self.model.test_on_batch(*(_empty(spec) if self.judged is None else next(iter(self.judged))))


def _empty(spec):
    """A batch of one row with nothing in it, like those that a spec describes."""
    return keras.tree.map_structure(
        lambda part: np.zeros([size or 1 for size in part.shape], part.dtype.as_numpy_dtype), spec
    )
