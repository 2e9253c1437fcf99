"""What every fusion does first: order, check and clean its tokens."""

from mmkeras.layers.masking import hide, mask_or_full


def ordered_tokens(inputs, mask, names=None):
    """Tokens and masks as lists in the order of names, with nothing left under a mask."""
    names = names or sorted(inputs)
    masks = mask or {}
    full = [mask_or_full(masks.get(name), inputs[name], 2) for name in names]
    return [hide(inputs[name], real) for name, real in zip(names, full, strict=True)], full


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


def total_length(input_shape):
    """The number of tokens of all modalities together, None where one is not known."""
    lengths = [shape[1] for shape in input_shape.values()]
    return None if None in lengths else sum(lengths)
