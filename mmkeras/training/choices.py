"""How a model is fitted where nobody says: numbers that follow from how many rows there are."""

import math

from mmkeras.training.monitored import AUTO

BATCHES = {600: 16, 3000: 32, 20000: 64, math.inf: 128}  # rows below which → rows in a batch
PATIENT_STEPS = 200  # steps that training waits for a better loss, in whole epochs
PATIENT_EPOCHS = 3  # at least
MOST_EPOCHS, COSINE_EPOCHS = 200, 20
PLATEAU, COSINE = SCHEDULES = ("plateau", "cosine")
KEPT = ("best", "last")


class Choices:
    """What is chosen for a training, and can be set.

    Args:
        rows: int > 0. Training rows.
        batch_size: int > 0. Defaults to `None`: 16, 32, 64 or 128, by the number of rows.
        epochs: int > 0. The most. Defaults to `None`: 200; validation ends training long before. With a cosine,
            20, all of which are trained.
        patience: int > 0. Epochs without a better validation loss, after which the learning rate runs out and training
            ends. Defaults to `None`: as many as make 200 steps, and at least 3. With a cosine, epochs without a better
            score after which training ends, by default never.
        learning_rate: float > 0. Defaults to `0.001`.
        weight_decay: float >= 0. Of AdamW. Defaults to `0.5`.
        label_smoothing: float in [0, 1). Of categories. Defaults to `0.1`.
        ema_momentum: float in [0, 1). Memory of the running mean of the weights, which is what is validated and kept;
            0 for none. Defaults to `None`: 0.99, less where an epoch has few steps.
        schedule: `"plateau"`: where validation no longer improves, the learning rate falls to nearly 0 over a fifth as
            many epochs as there were; or `"cosine"`: it rises from a twentieth of `learning_rate` to all of it, then
            falls along a cosine to nearly 0 in the last epoch. Defaults to `"plateau"`.
        warmup: float in [0, 1). Share of the steps in which the rate of a cosine rises. Defaults to `None`: 0.05.
        clipnorm: float > 0. Longest gradient of one weight. Defaults to `None`: any.
        keep: `"best"`: the weights of the epoch with the best validation score; or `"last"`. Defaults to `"best"`.
        monitor: str or None. The score to keep the best by, see `mmkeras.training.monitored`. Defaults to `"auto"`: the
            loss, or, of tags alone, the area under the precision-recall curve.
    Raises:
        ValueError: a number out of range, an unknown word, or choices that exclude each other.
    """

    def __init__(
        self,
        rows,
        batch_size=None,
        epochs=None,
        patience=None,
        learning_rate=1e-3,
        weight_decay=0.5,
        label_smoothing=0.1,
        ema_momentum=None,
        schedule=PLATEAU,
        warmup=None,
        clipnorm=None,
        keep="best",
        monitor=AUTO,
    ):
        self.batch_size = batch_size or next(size for most, size in BATCHES.items() if rows < most)
        self.steps = -(-rows // self.batch_size)
        self.epochs = epochs or (COSINE_EPOCHS if schedule == COSINE else MOST_EPOCHS)
        patient = None if schedule == COSINE else max(PATIENT_EPOCHS, -(-PATIENT_STEPS // self.steps))
        self.patience = patience or patient
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.label_smoothing = label_smoothing
        self.ema_momentum = ema_momentum
        if ema_momentum is None:
            self.ema_momentum = round(min(0.99, max(0.5, 1.0 - 5.0 / (3.0 * self.steps))), 4)
        self.schedule = schedule
        self.warmup = 0.05 if warmup is None and schedule == COSINE else warmup
        self.clipnorm = clipnorm
        self.keep = keep
        self.monitor = monitor
        self._check()
        self._check_words()

    def _check(self):
        for name in ("batch_size", "epochs", "patience", "learning_rate", "clipnorm"):
            if getattr(self, name) is not None and getattr(self, name) <= 0:
                raise ValueError(
                    f"train: {name} must be > 0. Received: {name}={getattr(self, name)}. Do: leave it out."
                )
        for name in ("label_smoothing", "ema_momentum", "warmup"):
            if getattr(self, name) is not None and not 0 <= getattr(self, name) < 1:
                raise ValueError(
                    f"train: {name} must be in [0, 1). Received: {name}={getattr(self, name)}. Do: leave it out."
                )

    def _check_words(self):
        for name, words in (("schedule", SCHEDULES), ("keep", KEPT)):
            if getattr(self, name) not in words:
                raise ValueError(
                    f"train: {name} must be one of {words}. Received: {name}={getattr(self, name)!r}. Do: leave it out."
                )
        if self.schedule == PLATEAU and self.warmup is not None:
            raise ValueError(
                "train: only a cosine has a warm-up. "
                f"Received: warmup={self.warmup} with schedule='plateau'. Do: schedule='cosine'."
            )
        if self.schedule == COSINE and self.keep == "last" and self.patience is not None:
            raise ValueError(
                "train: a cosine has patience with a score, and keep='last' has none. "
                f"Received: patience={self.patience}. Do: keep='best', or leave patience out."
            )

    def facts(self):
        """All of it, JSON-ready."""
        return dict(vars(self))
