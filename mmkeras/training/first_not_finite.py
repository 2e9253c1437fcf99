"""Which part of a model is the first whose output is not finite."""

import keras
import numpy as np

BROKEN = ", whose weights are not finite"  # ends what is said of a layer


def first_not_finite(model, x, y, w, training=True):
    """Runs a batch through the layers of a model in order; weights and seeds stay as they are.

    Args:
        model: compiled `keras.Model`.
        x, y, w: arrays of a batch, as `Pipeline.batches` gives them.
        training: bool. Whether the layers run as in training. Defaults to `True`.
    Returns:
        tuple (what it is, in words; bool array `(B,)`: in which rows, or None), or None where all is finite.
    """
    for kind, values in (("input", x), ("label", y), ("weight of", w)):
        for name, value in _named(values).items():
            if not _is_finite(value):
                return f"the {kind} {name!r} is not finite", _rows(value, _size(x))
    states = [keras.ops.convert_to_numpy(variable) for variable in model.non_trainable_variables]
    try:
        return _first_layer(model, x, training) or _loss(model, x, y, w, training)
    finally:
        for variable, value in zip(model.non_trainable_variables, states, strict=True):
            variable.assign(value)


def _first_layer(model, x, training):
    by_depth = getattr(model, "_nodes_by_depth", {})  # of functional models
    nodes = [(node.operation, node) for depth in sorted(by_depth, reverse=True) for node in by_depth[depth]]
    nodes = [(part, node) for part, node in nodes if not isinstance(part, keras.layers.InputLayer)]
    if not nodes:
        return None
    watched = keras.Model(model.input, [node.output_tensors for _, node in nodes])
    for (part, _), outputs in zip(nodes, watched(x, training=training), strict=True):
        for output in keras.tree.flatten(outputs):
            value = keras.ops.convert_to_numpy(output)
            if not _is_finite(value):
                said = f'the first layer whose output is not finite is "{part.name}" ({type(part).__name__})'
                broken = not all(_is_finite(keras.ops.convert_to_numpy(v)) for v in getattr(part, "variables", ()))
                return said + (BROKEN if broken else ""), _rows(value, _size(x))
    return None


def _loss(model, x, y, w, training):
    answers = model(x, training=training)
    if not isinstance(answers, dict) or not isinstance(model.loss, dict):
        return None
    for name, loss in model.loss.items():
        value = float(keras.ops.mean(loss(y[name], answers[name], sample_weight=_named(w).get(name))))
        if not np.isfinite(value):
            return f"all outputs are finite, the loss of {name!r} is not", None
    return None


def _named(values):
    return values if isinstance(values, dict) else {"": values} if values is not None else {}


def _size(x):
    return len(keras.tree.flatten(x)[0])


def _is_finite(value):
    value = np.asarray(value)
    return value.dtype.kind in "biuSUO" or bool(np.isfinite(value.astype("float32")).all())


def _rows(value, size):
    """In which rows of the batch a value is not finite; None where it has none."""
    value = np.asarray(value).astype("float32")
    if not value.ndim or len(value) != size:
        return None
    return ~np.isfinite(value.reshape(size, -1)).all(1)
