"""Fits a model that is no run of its own: a tokenizer, a vocoder."""

from mmkeras.training.finite_loss import FiniteLoss
from mmkeras.training.not_finite_error import NotFiniteError


def fit_part(who, model, batches, validation, epochs, verbose):
    """Trains a compiled model by `model.fit` and stops at the step whose loss is no finite number.

    Args:
        who: str. The function that trains, for the error.
        model: compiled `keras.Model`.
        batches: `tf.data.Dataset` to learn from.
        validation: `tf.data.Dataset` to judge by, or None.
        epochs: int > 0.
        verbose: as in `model.fit`.
    Raises:
        NotFiniteError: a loss is NaN or infinite.
    """
    options = {"validation_data": validation, "epochs": epochs, "callbacks": [FiniteLoss()], "verbose": verbose}
    try:
        model.fit(batches, shuffle=False, **options)
    except NotFiniteError as stop:
        message = (
            f"{who}: the loss must be a finite number. Received: NaN or infinity in {stop.place}. "
            "Do: a smaller learning_rate, or look at these rows."
        )
        raise NotFiniteError(message, stop.epoch, stop.batch) from None
