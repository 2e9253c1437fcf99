"""Several trained models → one that answers with their mean."""

import keras

from mmkeras.layers.answer_mean import AnswerMean


def ensemble(models, name="ensemble"):
    """Makes one model of several that were trained apart, of one pipeline, from other seeds or with other parts.

    It is a plain `keras.Model`: evaluate, predict, save, export it, or train it on. It costs as much as its members
    together.

    Args:
        models: list of `keras.Model` from `build`, with the same inputs and targets.
        name: str. Defaults to `"ensemble"`.
    Returns:
        `keras.Model`. In: what its members take. Out: dict target → the mean of their predictions: of probabilities,
        numbers, quantiles, pixels.
    Raises:
        ValueError: no models, models whose inputs or targets differ, or a target that is generated, such as a text.
    Example:
        >>> model = ensemble([first, second, third])
    References:
        [Lakshminarayanan et al., 2017](https://arxiv.org/abs/1612.01474), deep ensembles, without their adversarial
        training.
    """
    models = list(models)
    if not models:
        raise ValueError("ensemble: there must be a model. Received: models=[]. Do: ensemble([model, …]).")
    first = models[0]
    for number, model in enumerate(models):
        for what in ("input", "output"):
            given, due = _shapes(getattr(model, what)), _shapes(getattr(first, what))
            unlike = sorted(name for name in {**given, **due} if given.get(name) != due.get(name))
            if unlike:
                raise ValueError(
                    f"ensemble: models must have the same {what}s. Received: unlike the first, number {number} has "
                    f"{ {name: given.get(name) for name in unlike} }. Do: build them of one pipe.spec."
                )
    inputs = {key: keras.Input(each.shape[1:], dtype=each.dtype, name=key) for key, each in first.input.items()}
    # Members that were built alike have one name, which a model allows once.
    members = [keras.Model(each.input, each.output, name=f"member_{number}") for number, each in enumerate(models)]
    answers = [member(inputs) for member in members]
    outputs = {
        target: AnswerMean(first.get_layer(target), name=target)([answer[target] for answer in answers])
        for target in first.output
    }
    return keras.Model(inputs, outputs, name=name)


def _shapes(tensors):
    return {name: (tuple(tensor.shape), tensor.dtype) for name, tensor in tensors.items()}
