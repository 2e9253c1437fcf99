"""Weighs targets by how uncertain the model is of each."""

import keras
from keras import ops

from mmkeras.balance.target_losses import target_losses
from mmkeras.component import component


@component
class UncertaintyWeighting(keras.Model):
    """A functional model of several targets that learns the weights of their losses.

    loss = Σ_t exp(−s_t) · L_t + s_t, with a trained s_t = log σ_t² for each target, 0 at first. A target without a
    label in a batch leaves its s alone. It is made like any functional model, `UncertaintyWeighting(model.input,
    model.output)`, shares the layers of `model`, and is compiled with a `keras.losses.Loss` for each target, as
    `mmkeras.compile` does. Works on every backend. `loss_weights` do not count.

    Call arguments:
        inputs: what the functional model takes.
        mask: masks of the inputs, or None.
    Returns:
        what the functional model gives.
    Raises:
        ValueError: the outputs are no dict, or a target has no `keras.losses.Loss`.
    Example:
        >>> x = keras.Input((3,))
        >>> plain = keras.Model(x, {"kind": keras.layers.Dense(2)(x), "price": keras.layers.Dense(1)(x)})
        >>> tuple(UncertaintyWeighting(plain.input, plain.output).log_variances.shape)
        (2,)
    References:
        [Kendall et al., 2018](https://arxiv.org/abs/1705.07115), eq. 10. Differs: every target has the same form, twice
        that of the paper for regression, so that training starts from the plain sum.
    """

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        if not isinstance(self.output, dict):
            raise ValueError(
                "UncertaintyWeighting: the outputs must be a dict target → tensor. "
                f"Received: {type(self.output).__name__}. Do: keras.Model(x, {{'kind': …, 'price': …}})."
            )
        self.log_variances = self.add_weight(name="log_variances", shape=(len(self.output),), initializer="zeros")

    def call(self, inputs, training=None, mask=None):
        return super().call(inputs, training=training, mask=mask)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        total = sum(self.losses, start=ops.zeros((), "float32"))
        losses = target_losses(self, y, y_pred, sample_weight)
        for place, name in enumerate(sorted(self.output)):
            log_variance = ops.convert_to_tensor(self.log_variances)[place]
            weights = None if sample_weight is None else sample_weight[name]
            seen = 1.0 if weights is None else ops.cast(ops.any(ops.convert_to_tensor(weights) > 0), "float32")
            total = total + seen * (ops.exp(-log_variance) * losses[name] + log_variance)
        return total
