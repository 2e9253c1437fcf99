"""What is said of a training that was stopped since its loss is no finite number."""

import os

import keras
import numpy as np

from data_pipelines.sources.source import ROW
from mmkeras.training.checkpoint_file import CheckpointFile
from mmkeras.training.finite_loss import has_finite_loss
from mmkeras.training.first_not_finite import BROKEN, first_not_finite
from mmkeras.training.not_finite_error import NotFiniteError
from mmkeras.training.run_checkpoint import variables_of

REPLAYED = 300  # steps at the most that are made once more, to have the weights from before the step
LOOKED_AT = 8  # steps at which it may have been, beside those of one execution, where Keras tells the loss late


class StoppedTraining:
    """Looks for what made a loss not finite, and gives a model its last good weights back.

    The weights after such a step are not finite themselves. So those of the last checkpoint are taken, and the steps
    from there are made once more, up to the one whose loss is not finite; its batch goes through the layers in order.

    Args:
        model: compiled `keras.Model`.
        run: `RunFolder` with a run begun.
        batches: `ResumableBatches`.
        judged: `tf.data.Dataset` to validate on, or None.
        judged_rows: `BatchRows` of these, or None.
    """

    def __init__(self, model, run, batches, judged, judged_rows):
        self.model = model
        self.run = run
        self.batches = batches
        self.judged = judged
        self.judged_rows = judged_rows
        self.saved = CheckpointFile(run.checkpoint).read() if os.path.exists(run.checkpoint) else None

    def explain(self, stop):
        """The error with all that can be said, for a `NotFiniteError` that only says where."""
        self._numbered = self.judged_rows if stop.batch is None else self.batches.rows
        said, numbers, bad = self._in_validation() if stop.batch is None else self._in_training(stop)
        self._restore()
        place = ", ".join([stop.place, *([self._numbered.named(numbers)] if len(numbers) else [])])
        worst = [] if bad is None else [n for n, is_bad in zip(numbers, bad, strict=len(numbers) > 0) if is_bad]
        if 0 < len(worst) < len(numbers):
            files = self._numbered.files(worst)
            said += f", in {self._numbered.named(worst)}" + (f" ({files})" if files else "")
        message = (
            f"run: the loss must be a finite number. Received: NaN or infinity in {place}; {said}. {self._kept()} "
            "Do: look at these rows, or take a smaller learning_rate, and start anew with --overwrite (overwrite=True)."
        )
        return NotFiniteError(message, stop.epoch, stop.batch, [int(number) for number in numbers], said)

    def _in_validation(self):
        """What is not finite, the numbers of the batch's rows, and in which of them it is so."""
        for batch in self.judged if self.judged_rows is None else self.judged_rows.make(0):
            x, y, w, numbers = _parts(batch)
            found = first_not_finite(self.model, x, y, w, training=False)
            if found:
                return found[0], numbers, found[1]
        return "looked at once more, it is finite", (), None

    def _in_training(self, stop):
        at_once = self.model.steps_per_execution
        stream, count, is_near = self._steps_to(stop, at_once)
        if self.saved is not None:
            self._restore()
        before = ()
        for step, batch in enumerate(stream.take(count)):
            x, y, w, numbers = _parts(batch)
            if step >= count - at_once - LOOKED_AT:
                found = first_not_finite(self.model, x, y, w)
                if found:
                    return self._since(found[0], before), numbers, found[1]
            if is_near:
                self.model.train_on_batch(x, y, sample_weight=w)
                if not has_finite_loss(self.model):
                    return "all outputs are finite, the loss is not", numbers, None
            before = numbers
        if is_near:
            return "made once more, the steps have finite losses", (), None
        return f"with the weights of the last checkpoint, {REPLAYED} steps before or more, all is finite", before, None

    def _steps_to(self, stop, at_once):
        """Batches up to the one where training was stopped, their number, and whether they begin at the checkpoint."""
        make, steps = (self._numbered or self.batches).make, self.batches.steps
        if steps is None:
            is_near = self.saved is not None and self.saved["epoch"] == stop.epoch and stop.batch < REPLAYED
            first = 0 if is_near else max(0, stop.batch + 1 - at_once)
            return make(stop.epoch).skip(first), stop.batch + 1 - first, is_near
        last = stop.epoch * steps + stop.batch
        is_near = self.saved is not None and 0 <= last - self.saved["step"] < REPLAYED
        first = self.saved["step"] if is_near else max(0, last + 1 - at_once)
        return make(first), last + 1 - first, is_near

    def _since(self, said, before):
        """Adds which rows the step before was made of, where that is what broke the weights."""
        if not said.endswith(BROKEN) or not len(before):
            return said
        return f"{said}, since the step before, of {self._numbered.named(before)}"

    def _restore(self):
        if self.saved is not None:
            CheckpointFile(self.run.checkpoint).restore(variables_of(self.model))

    def _kept(self):
        """Sees to it that there is a model to load, where an epoch was finished, and says which."""
        if self.run.replaces:
            return f"The run that was in {self.run.folder!r} stays as it was."
        if self.run.published:
            return f"The best model so far is in {self.run.folder!r}."
        if self.saved is None or not self.saved["epoch"]:
            return "There is no model yet, for no epoch was finished and saved."
        if getattr(self.model.optimizer, "inner_optimizer", self.model.optimizer).use_ema:
            self.model.optimizer.finalize_variable_values(self.model.trainable_variables)
        self.run.save_model(self.model, "last.keras")
        self.run.publish("last.keras", finished=False)
        return f"The model of epoch {self.saved['epoch']} is in {self.run.folder!r}."


def _parts(batch):
    """A batch as arrays `x, y, w`, and the numbers of its rows, where it tells them."""
    x, y, w = (*keras.tree.map_structure(np.asarray, tuple(batch)), None, None)[:3]
    numbers = w.pop(ROW) if isinstance(w, dict) and ROW in w else ()
    return x, y, w, numbers
