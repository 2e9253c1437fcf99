"""The one place that makes the learning rate, the optimizer, the callbacks and what is kept from what was chosen."""

import keras

from mmkeras.training.choices import PLATEAU
from mmkeras.training.compile import compile as compile_model
from mmkeras.training.monitored import AUTO, monitored
from mmkeras.training.plateau import Plateau

RISE = 20  # times that the learning rate grows in the warm-up


class TrainingStage:
    """Compiles a model and says how it is fitted. `mmkeras.train`, the recipes and `compare` all train by it.

    Args:
        chosen: `Choices`.
        epochs: int > 0. Epochs after which a cosine, which is as long as chosen, is cut off. Defaults to `None`: none.
        rates: list of float. Learning rate of each epoch, in place of the schedule. Defaults to `None`.
    """

    def __init__(self, chosen, epochs=None, rates=None):
        self.chosen = chosen
        self.epochs = epochs
        self.rates = rates
        self._watched = ("val_loss", "min")

    @property
    def learning_rate(self):
        """What the optimizer takes: a float, or the cosine with its warm-up."""
        chosen = self.chosen
        if chosen.schedule == PLATEAU:
            return chosen.learning_rate
        steps = chosen.epochs * chosen.steps
        return keras.optimizers.schedules.CosineDecay(
            chosen.learning_rate / RISE,
            steps,
            warmup_target=chosen.learning_rate,
            warmup_steps=max(1, int(steps * chosen.warmup)),
        )

    def compile(self, model, pipe, **options):
        """Compiles a model with AdamW; labels are smoothed where classes are told apart.

        Args:
            model: `keras.Model` whose decoders are named after their targets.
            pipe: adapted `Pipeline`.
            options: other arguments of `mmkeras.compile`, or other values of these.
        Returns:
            The model.
        """
        chosen = self.chosen
        if chosen.monitor == AUTO:
            self._watched = monitored(model, pipe, AUTO)
        # Validation sees the running means on TensorFlow only.
        averages = keras.backend.backend() == "tensorflow" or chosen.keep == "last"
        classes = [name for name in pipe.targets if hasattr(model.get_layer(name), "num_classes")]
        found = {
            "learning_rate": self.learning_rate,
            "weight_decay": chosen.weight_decay,
            "label_smoothing": dict.fromkeys(classes, chosen.label_smoothing),
            "clipnorm": chosen.clipnorm,
            "ema_momentum": chosen.ema_momentum if averages else None,
        }
        return compile_model(model, pipe.spec, **{**found, **options})

    def fit_options(self, callbacks=()):
        """The arguments of `mmkeras.training.run.fit` and `fit_batches` that follow from what was chosen.

        Args:
            callbacks: Keras callbacks that come before the schedule's own. Defaults to none.
        """
        chosen = self.chosen
        stops = chosen.schedule != PLATEAU and self.epochs is None
        return {
            "epochs": self.epochs or chosen.epochs,
            "patience": chosen.patience if stops else None,
            "keep": chosen.keep,
            "monitor": chosen.monitor,
            "callbacks": [*callbacks, *self._schedule()],
        }

    def _schedule(self):
        """The callbacks that set the learning rate from epoch to epoch."""
        if self.rates is not None:
            return [keras.callbacks.LearningRateScheduler(lambda epoch: self.rates[epoch])]
        return [Plateau(self.chosen.patience, *self._watched)] if self.chosen.schedule == PLATEAU else []
