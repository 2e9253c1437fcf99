"""The validation score by which the best epoch of a training is chosen."""

AUTO = "auto"


def monitored(model, pipe, monitor=None):
    """The score's name in the logs, and which is better, as Keras' callbacks take them.

    Tags are chosen by the area under their precision-recall curve: where most tags are rare, the loss is lowest while
    a model dares to name hardly any.

    Args:
        model: `keras.Model` whose decoders are named after their targets.
        pipe: `Pipeline`.
        monitor: str or None. `"auto"`: the area under the curve of a lone target that is tags, else `"val_loss"`; None:
            the first target's accuracy, or the loss; else the name of a score, with or without `"val_"`: a metric
            that Keras says is to rise is to be large, any other small. Defaults to `None`.
    Returns:
        tuple (str, `"min"` or `"max"`).
    """
    if monitor not in (None, AUTO):
        return _named(model, pipe, monitor)
    first, *others = pipe.targets
    wanted = "pr_auc" if monitor == AUTO else "accuracy"
    known = wanted in [metric.name for metric in model.get_layer(first).default_metrics()]
    if not known or (monitor == AUTO and others):
        return "val_loss", "min"
    return f"val_{first}_{wanted}" if others else f"val_{wanted}", "max"


def _named(model, pipe, monitor):
    """A score by its name, and whether Keras says that it is to rise."""
    name = monitor.removeprefix("val_")
    prefixes = {target: f"{target}_" if len(pipe.targets) > 1 else "" for target in pipe.targets}
    rises = any(
        prefix + metric.name == name and getattr(metric, "_direction", None) == "up"
        for target, prefix in prefixes.items()
        for metric in model.get_layer(target).default_metrics()
    )
    return f"val_{name}", "max" if rises else "min"
