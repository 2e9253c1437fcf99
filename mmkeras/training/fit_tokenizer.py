"""A tokenizer that has learned a target's pictures or sounds."""

import keras

from data_pipelines.naming import MASK, TARGET, plain_name
from mmkeras import tokenizers
from mmkeras.decoders import MaskedTokenDecoder
from mmkeras.training.fit_part import fit_part


def fit_tokenizer(
    pipe,
    rows,
    target,
    tokenizer=None,
    validation=None,
    epochs=30,
    batch_size=32,
    learning_rate=1e-3,
    seed=0,
    verbose="auto",
):
    """Trains a tokenizer by `model.fit` to tell a target's labels in integers and to make them out of these again.

    Args:
        pipe: adapted `Pipeline`.
        rows: `Rows` to learn from.
        target: str. A target of pictures or sounds.
        tokenizer: layer of `mmkeras.tokenizers` or None: the one for the modality. Defaults to `None`.
        validation: `Rows` to judge by while it learns, or None. Defaults to `None`.
        epochs: int > 0. Defaults to `30`.
        batch_size: int > 0. Defaults to `32`.
        learning_rate: float > 0. Falls to 0 along a cosine. Defaults to `0.001`.
        seed: int. For the order of rows. Defaults to `0`.
        verbose: as in `model.fit`. Defaults to `"auto"`.
    Returns:
        The tokenizer, for `build(…, decoder="tokens", tokenizers={target: …})`.
    Raises:
        ValueError: a target that is not there, none that a tokenizer is trained for, or (`NotFiniteError`) a loss
            that is NaN or infinite.
    Example:
        >>> tokenizer = fit_tokenizer(pipe, train, "drawing", epochs=50)
    """
    target = plain_name(target)
    if target not in with_tokenizers(pipe.spec):
        raise ValueError(
            f"fit_tokenizer: target must be one of {sorted(_TRAINED)}, whose tokenizers learn. "
            f"Received: target={target!r}. Do: another target; texts, categories and tags need none."
        )
    field = pipe.spec["targets"][target]
    tokenizer = tokenizer or _TRAINED[field.modality].from_spec(field, name=f"{target}_tokenizer")
    model = _there_and_back(tokenizer, field.label)
    options = {"batch_size": batch_size, "cache": True}
    batches = _labels(pipe.batches(rows, training=True, seed=seed, **options), target)
    judged = None if validation is None else _labels(pipe.batches(validation, on_bad="mask", **options), target)
    steps = epochs * -(-len(rows) // batch_size)
    rate = keras.optimizers.schedules.CosineDecay(learning_rate, steps)
    model.compile(keras.optimizers.Adam(rate), tokenizer.default_loss())
    fit_part("fit_tokenizer", model, batches, judged, epochs, verbose)
    return tokenizer


def with_tokenizers(spec):
    """Names of the targets whose tokenizers have to learn: pictures and sounds."""
    return [
        name
        for name, field in spec["targets"].items()
        if field.modality in _TRAINED and MaskedTokenDecoder.takes(field)
    ]


_TOKENIZERS = [getattr(tokenizers, name) for name in tokenizers.__all__]
_TRAINED = {kind.modality: kind for kind in _TOKENIZERS if hasattr(kind, "default_loss")}


def _there_and_back(tokenizer, label):
    shown = keras.Input(label.shape, dtype=label.dtype, name="label")
    mask = keras.Input(label.mask_shape, dtype="bool", name="label" + MASK)
    return keras.Model({"label": shown, "label" + MASK: mask}, tokenizer(shown, mask=mask), name="tokenizer")


def _labels(batches, target):
    """Batches of the labels alone, as inputs and as labels."""
    name = target + TARGET
    return batches.map(lambda x, y, w: ({"label": x[name], "label" + MASK: x[name + MASK]}, y[target], w[target]))
