"""How a model is fitted where nobody says: numbers that follow from how many rows there are."""

import math

BATCHES = {600: 16, 3000: 32, 20000: 64, math.inf: 128}  # rows below which → rows in a batch
PATIENT_STEPS = 150  # steps that training waits for a better loss, in whole epochs
MOST_EPOCHS = 200


class Choices:
    """What is chosen for a training, and can be set.

    Args:
        rows: int > 0. Training rows.
        batch_size: int > 0. Defaults to `None`: 16, 32, 64 or 128, by the number of rows.
        epochs: int > 0. The most. Defaults to `None`: 200; validation ends training long before.
        patience: int > 0. Epochs without a better validation loss, after which the learning rate falls, and, once it
            has, training ends. Defaults to `None`: as many as make 150 steps, and at least 3.
        learning_rate: float > 0. Defaults to `0.001`.
        weight_decay: float >= 0. Of AdamW. Defaults to `0.5`.
        label_smoothing: float in [0, 1). Of categories. Defaults to `0.1`.
        ema_momentum: float in [0, 1). Memory of the running mean of the weights, which is what is validated and kept;
            0 for none. Defaults to `None`: 0.99, less where an epoch has few steps.
    Raises:
        ValueError: a number out of range.
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
    ):
        self.batch_size = batch_size or next(size for most, size in BATCHES.items() if rows < most)
        self.steps = -(-rows // self.batch_size)
        self.epochs = epochs or MOST_EPOCHS
        self.patience = patience or max(3, -(-PATIENT_STEPS // self.steps))
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.label_smoothing = label_smoothing
        self.ema_momentum = ema_momentum
        if ema_momentum is None:
            self.ema_momentum = round(min(0.99, max(0.5, 1.0 - 5.0 / (3.0 * self.steps))), 4)
        self._check()

    def _check(self):
        for name in ("batch_size", "epochs", "patience", "learning_rate"):
            if getattr(self, name) <= 0:
                raise ValueError(
                    f"train: {name} must be > 0. Received: {name}={getattr(self, name)}. Do: leave it out."
                )
        for name in ("label_smoothing", "ema_momentum"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(
                    f"train: {name} must be in [0, 1). Received: {name}={getattr(self, name)}. Do: leave it out."
                )

    def facts(self):
        """All of it, JSON-ready."""
        return dict(vars(self))
