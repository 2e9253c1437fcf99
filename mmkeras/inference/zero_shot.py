"""Classes by texts that describe them, without a classifier."""

import keras
import numpy as np

from data_pipelines.naming import MASK, plain_names
from mmkeras.inference.row_batches import row_batches
from mmkeras.models.dual_encoder import embedded, single_encoder


def zero_shot(model, pipe, rows, target, text, media, prompts=None, batch_size=64):
    """Gives each row the class whose texts are most like its media, and tells how often that is right.

    Args:
        model: `keras.Model` from `build_dual_encoder`.
        pipe: adapted `Pipeline` with the `Category` target; the model need not have been trained on it.
        rows: `Rows` with the columns of the inputs and of the target.
        target: str. The target whose classes are told apart.
        text: str. The text input that reads the prompts.
        media: str. The input that is classified.
        prompts: dict label → text or list of texts; of a list the mean embedding counts. Defaults to `None`: each
            label is its own text.
        batch_size: int > 0. Defaults to `64`.
    Returns:
        dict, JSON-ready: `rows` (with a label and the media), `accuracy`, `balanced_accuracy` (the mean over the
        classes), `chance` (the share of the commonest class), `recall` by label.
    Raises:
        ValueError: an input that the model does not embed, a target that is no category, prompts that lack a label, or
            no row with both.
    Example:
        >>> zero_shot(model, pipe, test, "category", text="title", media="picture", prompts={"animal": ["cat", …], …})
    References:
        [Radford et al., 2021](https://arxiv.org/abs/2103.00020), §3.1.
    """
    target, text, media = plain_names((target, text, media))
    classes = _classes(model, pipe, target, (text, media))
    prompts = prompts or {label: label for label in classes}
    lacking = [label for label in classes if not prompts.get(label)]
    if lacking:
        raise ValueError(f"zero_shot: every class must have a prompt. Received: none for {lacking}.")
    kinds = _described(model, pipe, text, [prompts[label] for label in classes])
    said, truth = [], []
    encoder = single_encoder(model, media)
    encoder = keras.Model(encoder.input, {media: encoder.output})
    for batch, y, w in row_batches(encoder, pipe, rows, batch_size):
        mask = batch.x[media + MASK]
        kept = (w[target] > 0) & mask.reshape(len(mask), -1).any(1)
        said.append((batch.whole()[media] @ kinds.T).argmax(1)[kept])
        truth.append(y[target][kept])
    said, truth = np.concatenate(said), np.concatenate(truth)
    if not len(truth):
        raise ValueError(
            f"zero_shot: a row must have a label and the media. Received: {target!r} and {media!r} in none."
        )
    right = said == truth
    recall = {
        label: float(right[truth == place].mean()) for place, label in enumerate(classes) if (truth == place).any()
    }
    return {
        "rows": len(truth),
        "accuracy": float(right.mean()),
        "balanced_accuracy": float(np.mean(list(recall.values()))),
        "chance": float(np.bincount(truth).max() / len(truth)),
        "recall": recall,
    }


def _classes(model, pipe, target, inputs):
    unknown = [name for name in inputs if name not in embedded(model)]
    if unknown:
        raise ValueError(
            f"zero_shot: the model must embed text and media. Received: {unknown}. Do: of {embedded(model)}."
        )
    field, text = pipe.spec["targets"].get(target), pipe.spec["inputs"][inputs[0]]
    if field is None or "classes" not in field.details or "vocabulary_size" not in text.details:
        raise ValueError(
            "zero_shot: target must be a Category target of the pipeline, text a Text input. "
            f"Received: target={target!r}, text={inputs[0]!r}."
        )
    return field["classes"]


def _described(model, pipe, text, prompts):
    """The embeddings of the classes `(K, D)`: the mean of each one's prompts, length 1."""
    prompts = [[one] if isinstance(one, str) else list(one) for one in prompts]
    modality = pipe.inputs[text]
    texts = np.array([text for one in prompts for text in one], object)
    value, mask, _ = modality.encode([texts for _ in modality.columns(text)])
    given = {text: np.asarray(value), text + MASK: np.asarray(mask)}
    vectors = np.asarray(single_encoder(model, text).predict_on_batch(given))
    ends = np.cumsum([len(one) for one in prompts])[:-1]
    means = np.stack([part.mean(0) for part in np.split(vectors, ends)])
    return means / np.maximum(np.linalg.norm(means, axis=1, keepdims=True), 1e-9)
