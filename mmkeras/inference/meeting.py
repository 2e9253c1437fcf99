"""Where the inputs of a functional model first meet."""

from mmkeras.inference.graph_part import nodes_between, origin
from mmkeras.models.generator import Generation

SEVERAL = "several"


def meeting(model, owners):
    """The tensors that follow from one input each, and go where several meet.

    Args:
        model: `keras.Model`.
        owners: dict key of `model.input` → the input it belongs to: a mask belongs to what it masks.
    Returns:
        dict input → list of `KerasTensor`: what all answers follow from. Empty where no place is such: the model is not
        functional, takes no dict, has other inputs, or what meets there is inputs as they are or no batch of rows.
    """
    given, answers = getattr(model, "input", None), getattr(model, "output", None)
    if not isinstance(given, dict) or not isinstance(answers, dict) or set(given) - set(owners):
        return {}
    sources = {id(tensor): {owners[key]} for key, tensor in given.items()}
    ends = [origin(end) for end in answers.values()]
    found = {}
    for node in nodes_between(given.values(), ends):
        taken = [origin(tensor) for tensor in node.input_tensors]
        # What draws by chance is asked for again and again.
        drawn = {SEVERAL} if isinstance(node.operation, Generation) else set()
        met = drawn.union(*(sources[id(tensor)] for tensor in taken))
        sources.update({id(tensor): met for tensor in node.outputs})
        if len(met) > 1:
            found.update({id(tensor): tensor for tensor in taken if len(sources[id(tensor)]) == 1})
    found.update({id(end): end for end in ends if len(sources[id(end)]) == 1})
    inputs = {id(tensor) for tensor in given.values()}
    if set(found) <= inputs or any(tensor.shape[:1] != (None,) for tensor in found.values()):
        return {}
    grouped = {}
    for tensor in found.values():
        (name,) = sources[id(tensor)]
        grouped.setdefault(name, []).append(tensor)
    return grouped


def generates(model):
    """Whether a model draws or searches its answers, see `mmkeras.generator`."""
    return any(isinstance(layer, Generation) for layer in model.layers)
