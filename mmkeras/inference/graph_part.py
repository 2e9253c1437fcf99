"""A stretch of a functional model as a model of its own."""

import keras


class _Shown(keras.layers.Layer):
    """Gives a tensor with the mask that travels with it: a list of both, or of the tensor alone."""

    def __init__(self):
        super().__init__(name="shown", dtype="float32", autocast=False)
        self.supports_masking = True

    def call(self, inputs, *, mask=None):
        return [inputs] if mask is None else [inputs, mask]

    def compute_mask(self, inputs, mask=None):
        return None


class _Marked(keras.layers.Layer):
    """Hands a tensor on with a mask."""

    def __init__(self):
        super().__init__(name="marked", dtype="float32", autocast=False)
        self.supports_masking = True

    def call(self, inputs, *, mask=None):
        return inputs


class GraphPart(keras.Model):
    """What lies between some tensors of a functional model and others; layers and weights are the model's own.

    The model is not touched: Keras' own way, `keras.Model` of tensors within, adds to its layers a call each time.

    Args:
        starts: dict name → `KerasTensor` of the model that is given.
        ends: dict name → `KerasTensor` that is asked for.
    Call arguments:
        inputs: dict name → list of a tensor and, where one travels with it, its mask; or the tensor alone.
    Returns:
        dict name → list of a tensor and, where one travels with it, its mask.
    Raises:
        ValueError: an end that needs more than the starts.
    Example:
        >>> GraphPart(model.input, {"tokens": model.get_layer("fusion").output})(x)["tokens"][0].shape
    """

    def __init__(self, starts, ends):
        super().__init__(name="graph_part", dtype="float32", autocast=False)
        self.supports_masking = True
        self._starts = {name: (id(origin(start)), start.dtype) for name, start in starts.items()}
        self._ends = {name: id(origin(end)) for name, end in ends.items()}
        way = nodes_between(starts.values(), ends.values())
        self._way = tuple((node, tuple((id(t), id(origin(t))) for t in node.input_tensors)) for node in way)
        self.parts = [node.operation for node in way if isinstance(node.operation, keras.layers.Layer)]
        self.show, self.mark = _Shown(), _Marked()
        self.built = True

    def call(self, inputs, training=False):
        values = {}
        for name, (start, dtype) in self._starts.items():
            value, *mask = inputs[name] if isinstance(inputs[name], (list, tuple)) else [inputs[name]]
            value = keras.ops.convert_to_tensor(value, dtype)
            values[start] = self.mark(value, mask=mask[0]) if mask else value
        for node, taken in self._way:
            values.update({tensor: values[source] for tensor, source in taken})
            args, kwargs = node.arguments.fill_in(values)
            found = keras.tree.flatten(node.operation(*args, **kwargs))
            values.update(zip(map(id, node.outputs), found, strict=True))
        return {name: self.show(values[end]) for name, end in self._ends.items()}

    def compute_mask(self, inputs, mask=None):
        return None


def nodes_between(starts, ends):
    """The calls that lead from starts to ends, each behind those that it needs.

    Raises:
        ValueError: ends that need an input which is not among the starts.
    """
    given, seen, ordered = {id(origin(start)) for start in starts}, set(), []
    waiting = [(origin(end), False) for end in ends]
    while waiting:
        tensor, is_ready = waiting.pop()
        node = _node(tensor)
        if id(tensor) in given or (id(node) in seen and not is_ready):
            continue
        if is_ready:
            ordered.append(node)
            continue
        if node.is_input:
            raise ValueError(
                "GraphPart: the ends must follow from the starts alone. "
                f"Received: ends that need {tensor.name!r}. Do: give it as well."
            )
        seen.add(id(node))
        waiting.append((tensor, True))
        waiting += [(origin(needed), False) for needed in node.input_tensors]
    return ordered


def origin(tensor):
    """Where a symbolic tensor comes from, past layers that only hand a dict on outside training."""
    node = _node(tensor)
    if not getattr(node.operation, "passes_through", False):
        return tensor
    given = keras.tree.flatten(node.arguments.args[0])
    return origin(given[tensor._keras_history.tensor_index])


def _node(tensor):
    history = tensor._keras_history
    return history.operation._inbound_nodes[history.node_index]
