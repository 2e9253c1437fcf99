"""A U-Net over pictures of any size, told what to draw by a vector and by tokens; one function gives it."""

import keras
from keras import ops

from mmkeras.layers.attention_block import AttentionBlock
from mmkeras.layers.position_encoding import PositionEncoding

GROUPS = 8


def picture_unet(shape, condition_dim, context_dim, widths, patch=1, num_heads=4, dropout=0.0, dtype=None):
    """A functional model that gives every pixel a value, seeing the whole picture, a vector and tokens.

    Patches of the picture become channels; at each width but the last: a block, then half the sides; there: a block,
    attention of the places to each other and to the tokens, a block; then all the way up, with what was there on the
    way down. A block is group norm, SiLU, 3×3 convolution, group norm scaled and shifted by the vector, SiLU, dropout,
    3×3 convolution, added to what came in.

    Args:
        shape: (H, W, C) of the picture; any H and W, padded inside.
        condition_dim: int > 0. Width E of the vector.
        context_dim: int > 0. Width D of the tokens, a multiple of `num_heads`.
        widths: sequence of int > 0, multiples of 8, the last one of `num_heads` too. Channels of each level.
        patch: int > 0. Side of the squares of pixels that the first level takes as one place. Defaults to `1`.
        num_heads: int > 0. Defaults to `4`.
        dropout: float in [0, 1). Defaults to `0.0`.
        dtype: a dtype policy or None. Defaults to `None`: the global one.
    Returns:
        `keras.Model`. In: picture `(B, H, W, C)`, vector `(B, E)`, tokens `(B, T, D)`, bool `(B, T)`, True = real; at
        least one token of a row must be. Out: `(B, H, W, C)`.
    References:
        [Ronneberger et al., 2015](https://arxiv.org/abs/1505.04597); [Perez et al., 2018](https://arxiv.org/abs/1709.07871)
        for the vector; [Rombach et al., 2022](https://arxiv.org/abs/2112.10752) for the tokens.
    """
    options = {"dtype": dtype}
    height, width, channels = shape
    picture = keras.Input(shape, name="picture", dtype="float32")
    condition = keras.Input((condition_dim,), name="condition", dtype="float32")
    context = keras.Input((None, context_dim), name="context", dtype="float32")
    mask = keras.Input((None,), name="context_mask", dtype="bool")
    multiple = patch * 2 ** (len(widths) - 1)
    below, right = -height % multiple, -width % multiple
    x = keras.layers.ZeroPadding2D(((0, below), (0, right)), name="pad", **options)(picture)
    x = keras.layers.Conv2D(widths[0], patch + 2, strides=patch, padding="same", name="stem", **options)(x)
    skips = []
    for level, filters in enumerate(widths[:-1]):
        x = _block(x, condition, filters, dropout, f"down_{level}", options)
        skips.append(x)
        x = keras.layers.Conv2D(filters, 3, strides=2, padding="same", name=f"halve_{level}", **options)(x)
    x = _block(x, condition, widths[-1], dropout, "middle_a", options)
    x = _attend(x, context, mask, num_heads, dropout, options)
    x = _block(x, condition, widths[-1], dropout, "middle_b", options)
    for level, filters in reversed(list(enumerate(widths[:-1]))):
        x = keras.layers.UpSampling2D(2, name=f"double_{level}", **options)(x)
        x = keras.layers.Concatenate(name=f"join_{level}", **options)([x, skips[level]])
        x = _block(x, condition, filters, dropout, f"up_{level}", options)
    x = _norm("norm", options)(x)
    x = keras.layers.Conv2D(channels * patch**2, 3, padding="same", name="pixels", **options)(ops.silu(x))
    x = _depth_to_space(x, patch, channels)[:, :height, :width]
    return keras.Model([picture, condition, context, mask], x, name="unet")


def _norm(name, options):
    return keras.layers.GroupNormalization(GROUPS, epsilon=1e-5, name=name, **options)


def _block(x, condition, filters, dropout, name, options):
    hidden = keras.layers.Activation("silu", name=f"{name}_silu", **options)(_norm(f"{name}_norm_a", options)(x))
    hidden = keras.layers.Conv2D(filters, 3, padding="same", use_bias=False, name=f"{name}_conv_a", **options)(hidden)
    film = keras.layers.Dense(2 * filters, name=f"{name}_film", **options)(condition)[:, None, None]
    hidden = _norm(f"{name}_norm_b", options)(hidden) * (1.0 + film[..., :filters]) + film[..., filters:]
    hidden = keras.layers.Dropout(dropout, name=f"{name}_drop", **options)(ops.silu(hidden))
    hidden = keras.layers.Conv2D(filters, 3, padding="same", name=f"{name}_conv_b", **options)(hidden)
    if x.shape[-1] != filters:
        x = keras.layers.Conv2D(filters, 1, use_bias=False, name=f"{name}_short", **options)(x)
    return x + hidden


def _attend(x, context, mask, num_heads, dropout, options):
    height, width, filters = x.shape[1:]
    places = ops.reshape(x, (-1, height * width, filters))
    places = PositionEncoding(name="place", **options)(places)
    more = {"num_heads": num_heads, "dropout": dropout, **options}
    places = AttentionBlock(name="look_around", **more)(places)
    places = AttentionBlock(name="look_at_tokens", **more)(places, context, context_mask=mask)
    return ops.reshape(places, (-1, height, width, filters))


def _depth_to_space(x, patch, channels):
    if patch == 1:
        return x
    height, width = x.shape[1:3]
    x = ops.transpose(ops.reshape(x, (-1, height, width, patch, patch, channels)), (0, 1, 3, 2, 4, 5))
    return ops.reshape(x, (-1, height * patch, width * patch, channels))
