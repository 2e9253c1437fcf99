"""What every fusion does first: order, check and clean its tokens."""

import keras
from keras import ops

from mmkeras.layers.attention_block import AttentionBlock
from mmkeras.layers.masking import hide, mask_or_full, masked_mean


def ordered_tokens(inputs, mask, names=None):
    """Tokens and masks as lists in the order of names, with nothing left under a mask."""
    names = names or sorted(inputs)
    masks = mask or {}
    full = [mask_or_full(masks.get(name), inputs[name], 2) for name in names]
    return [hide(inputs[name], real) for name, real in zip(names, full, strict=True)], full


def modality_vectors(inputs, mask, names):
    """A vector a modality, the mean of its real tokens, `(B, M, D)`, and which modalities are there, `(B, M)`."""
    tokens, masks = ordered_tokens(inputs, mask, names)
    means = [masked_mean(values, real) for values, real in zip(tokens, masks, strict=True)]
    return ops.stack(means, axis=1), ops.stack([ops.any(real, axis=1) for real in masks], axis=1)


def modality_norms(layer, dim):
    """A built layer normalisation a modality; its offset, random at first, marks the tokens as of that modality."""
    norms = []
    for place in range(len(layer.names)):
        norm = keras.layers.LayerNormalization(
            epsilon=1e-5, beta_initializer="random_normal", name=f"norm_{place}", dtype=layer.dtype_policy
        )
        norm.build((None, None, dim))
        norms.append(norm)
    return norms


def attention_block(layer, name, dim, crossed=False):
    """A built attention block with the fusion's heads, dropout and precision; `crossed`: it asks other tokens."""
    block = AttentionBlock(layer.num_heads, dropout=layer.dropout, name=name, dtype=layer.dtype_policy)
    shape = (None, None, dim)
    block.build(shape, shape if crossed else None)
    return block


def learned_tokens(layer, name, count, dim):
    """A weight `(count, D)` of tokens that belong to no modality."""
    return layer.add_weight(name=name, shape=(count, dim), initializer=keras.initializers.RandomNormal(stddev=1.0))


def for_every_row(learned, tokens):
    """Learned tokens `(N, D)` as `(B, N, D)`, with B and precision of the tokens of a modality."""
    return ops.zeros_like(tokens[:, :1]) + ops.cast(learned, tokens.dtype)


def joint_mask(inputs, mask, names):
    """Which tokens of all modalities, in the order of names, are real: `(B, T)`."""
    return ops.concatenate(ordered_tokens(inputs, mask, names)[1], axis=1)


def anything(inputs, mask, names):
    """Which rows have a real token at all, as the mask of one token: `(B, 1)`."""
    return ops.any(joint_mask(inputs, mask, names), axis=1, keepdims=True)


def shared_dim(layer, input_shape, at_least=1):
    """The one width D that all modalities share.

    Raises:
        ValueError: no dict of `(B, T, D)` shapes, too few of them, or different D.
    """
    who = f'{type(layer).__name__} "{layer.name}"'
    if not isinstance(input_shape, dict) or len(input_shape) < at_least:
        raise ValueError(
            f"{who}: it must be called on a dict name → tokens (B, T, D) of at least {at_least}. "
            f"Received: {input_shape}. Do: {type(layer).__name__}(…)({{'text': text_tokens, 'image': image_tokens}})."
        )
    shapes = ", ".join(f"{name}={tuple(shape)}" for name, shape in sorted(input_shape.items()))
    if any(len(shape) != 3 for shape in input_shape.values()):
        raise ValueError(
            f"{who}: every modality must be tokens (B, T, D). Received: {shapes}. Do: call an encoder first."
        )
    widths = {shape[-1] for shape in input_shape.values()}
    if len(widths) > 1:
        raise ValueError(
            f"{who}: modalities must share the last axis. Received: {shapes}. Do: give all encoders dim={max(widths)}."
        )
    return widths.pop()


def with_length(input_shape, length):
    """The shape of `length` tokens of the width of the modalities."""
    shape = next(iter(input_shape.values()))
    return (shape[0], length, shape[-1])


def total_length(input_shape):
    """The number of tokens of all modalities together, None where one is not known."""
    lengths = [shape[1] for shape in input_shape.values()]
    return None if None in lengths else sum(lengths)
