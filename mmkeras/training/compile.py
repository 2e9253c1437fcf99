"""Optimizer, losses and metrics by target."""

import keras
from keras import ops

from data_pipelines.naming import plain_names


def compile(
    model,
    spec,
    optimizer="adam",
    learning_rate=1e-3,
    weight_decay=0.0,
    label_smoothing=0.0,
    clipnorm=None,
    ema_momentum=None,
    loss_weights=None,
    **options,
):
    """Compiles a model with what each target's decoder asks for; `model.compile` stays open for anything else.

    Args:
        model: `keras.Model` whose decoders are named after their targets.
        spec: dict. `Pipeline.spec`.
        optimizer: a name or a `keras.optimizers.Optimizer`. Defaults to `"adam"`; with `weight_decay`, `"adamw"`, which
            leaves biases, norms and embeddings of absent things alone.
        learning_rate: float > 0 or a `keras.optimizers.schedules.LearningRateSchedule`. Defaults to `0.001`.
        weight_decay: float >= 0. Defaults to `0.0`.
        label_smoothing: float in [0, 1), or dict target → float, `0.0` for those that it does not name. For categories,
            tags and tokens. Defaults to `0.0`.
        clipnorm: float > 0 or None. Longest gradient of one weight. Defaults to `None`: any.
        ema_momentum: float in (0, 1) or None. The weights left after training are a running mean with that memory, such
            as `0.99`, which helps where rows are few. Defaults to `None`: the last weights.
        loss_weights: dict target → float or None. Defaults to `None`: 1 each.
        options: whatever else `model.compile` takes, such as `jit_compile` or `steps_per_execution`.
    Returns:
        The model.
    Raises:
        ValueError: a target without a decoder of its name, or loss weights or a smoothing for a name that is no target.
    Example:
        >>> compile(model, pipe.spec, learning_rate=3e-4, weight_decay=0.05)
    """
    decoders = {}
    for name in spec["targets"]:
        decoder = next((layer for layer in model.layers if layer.name == name and hasattr(layer, "default_loss")), None)
        if decoder is None:
            raise ValueError(
                f"compile: every target must have a decoder of its name. Received: target={name!r}, "
                f"layers={[layer.name for layer in model.layers]}. Do: CategoryDecoder(…, name={name!r})."
            )
        decoders[name] = decoder
    loss_weights = plain_names(loss_weights)
    whole = not isinstance(label_smoothing, dict)
    smoothing = dict.fromkeys(decoders, label_smoothing) if whole else plain_names(label_smoothing)
    for what, named in (("loss_weights", loss_weights or {}), ("label_smoothing", smoothing)):
        unknown = sorted(set(named) - set(decoders))
        if unknown:
            raise ValueError(f"compile: {what} must name targets. Received: {unknown}. Do: of {list(decoders)}.")
    if isinstance(optimizer, str):
        averaged = {"use_ema": True, "ema_momentum": ema_momentum} if ema_momentum else {}
        optimizer = _optimizer(optimizer, learning_rate, weight_decay, clipnorm=clipnorm, **averaged)
        if model.dtype_policy.name == "mixed_float16":
            # Keras would scale losses too, but lose that, and the optimizer's state, in a file.
            optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
    model.compile(
        optimizer=optimizer,
        loss={name: decoder.default_loss(smoothing.get(name, 0.0)) for name, decoder in decoders.items()},
        weighted_metrics={name: decoder.default_metrics() for name, decoder in decoders.items()},
        loss_weights=loss_weights and {name: loss_weights.get(name, 1.0) for name in decoders},
        **options,
    )
    _build_ahead(model, spec["targets"])
    return model


def _build_ahead(model, targets):
    """Makes the variables of optimizer, losses and metrics: born in the first step, they would have it traced twice."""
    if keras.backend.backend() != "tensorflow":
        return
    with model.distribute_strategy.scope():
        labels, answers = {}, {}
        for name, field in targets.items():
            label = field.label
            answers[name] = _zeros(model.output[name].shape[1:], label.longest)
            labels[name] = _zeros(label.shape, label.longest, label.dtype)
        model.optimizer.build(model.trainable_variables)
        model.compute_loss(None, labels, answers, training=False)
        model.compute_metrics(None, labels, answers)
        model.reset_metrics()


def _zeros(shape, length, dtype="float32"):
    """One row of nothing, as long as it may be where its length is open."""
    return ops.zeros((1, *(length if size is None else size for size in shape)), dtype)


def _optimizer(name, learning_rate, weight_decay, **more):
    if weight_decay and name == "adam":
        name = "adamw"
    config = {"learning_rate": learning_rate, **more, **({"weight_decay": weight_decay} if weight_decay else {})}
    optimizer = keras.optimizers.get({"class_name": name, "config": config})
    if weight_decay:
        optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta", "mark", "starts", "place", "scale"])
    return optimizer
