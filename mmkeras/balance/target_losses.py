"""The loss of each target of a compiled model, as it is."""

import keras


def target_losses(model, y, y_pred, sample_weight):
    """What each target's own loss says of a batch, without `loss_weights`.

    Args:
        model: compiled `keras.Model` whose outputs are a dict target → tensor.
        y, y_pred: dicts target → tensor.
        sample_weight: dict target → tensor `(B,)`, or None.
    Returns:
        dict target → scalar tensor.
    Raises:
        ValueError: a target without a `keras.losses.Loss`.
    """
    weights = sample_weight or {}
    return {
        name: _loss_of(model, name)(y[name], y_pred[name], sample_weight=weights.get(name)) for name in sorted(y_pred)
    }


def _loss_of(model, name):
    loss = model.loss.get(name) if isinstance(model.loss, dict) else model.loss
    if not isinstance(loss, keras.losses.Loss):
        raise ValueError(
            f"{type(model).__name__}: a target must have a keras.losses.Loss. Received: loss[{name!r}]={loss!r}. "
            "Do: keras.losses.MeanSquaredError()."
        )
    return loss
