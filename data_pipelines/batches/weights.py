"""Weights of classes, for sets in which some are rare."""

import numpy as np
import tensorflow as tf

from data_pipelines.cells.labels import canonical_label
from data_pipelines.naming import title_of


def class_weights(targets, wanted):
    """Weights by class for category targets.

    Args:
        targets: dict name → modality.
        wanted: None, `"balanced"` for every category, or dict target → `"balanced"` or dict label → weight; a label
            without one has weight 1.
    Returns:
        dict target → float32 tensor `(K,)`, in the order of classes.
    Raises:
        ValueError: something else, or a name that is no category target.
    """
    if wanted is None:
        return {}
    categories = {name: m for name, m in targets.items() if hasattr(m, "class_weights")}
    if wanted == "balanced":
        wanted = dict.fromkeys(categories, "balanced")
    if not isinstance(wanted, dict) or set(wanted) - set(categories):
        titles = [title_of(name, modality.column) for name, modality in categories.items()]
        raise ValueError(
            "Pipeline.batches: class_weight must be 'balanced' or a dict of category targets. "
            f"Received: class_weight={wanted!r}. Do: choose from {titles}."
        )
    weights = {}
    for name, weight in wanted.items():
        if weight == "balanced":
            weights[name] = tf.constant(categories[name].class_weights())
        else:
            weight = {canonical_label(str(label)): value for label, value in weight.items()}
            given = [weight.get(canonical_label(label), 1.0) for label in categories[name].classes]
            weights[name] = tf.constant(np.array(given, "float32"))
    return weights
