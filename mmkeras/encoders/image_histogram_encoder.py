"""Pictures by counts of edges and colours: strong where training pictures are few."""

import math

import keras
from keras import ops

from mmkeras.component import component
from mmkeras.layers.masking import hide, mask_or_full

SIDE, CELL, DIRECTIONS, SHADES, THUMB = 48, 8, 8, 4, 6
EDGES, COLOURS, THUMBNAIL = (SIDE // CELL) ** 2 * DIRECTIONS, SHADES**3, (SIDE // THUMB) ** 2 * 3


@component
class ImageHistogramEncoder(keras.layers.Layer):
    """Describes a picture by where its edges point, which colours it has and what it looks like from afar.

    Three descriptions without weights: edge directions in 6 × 6 cells, a histogram of 4 × 4 × 4 colours, and an 8 × 8
    thumbnail; then two dense layers. With a thousand or two of training pictures this beats convolutions.

    Args:
        dim: int > 0. Width of the token. Defaults to `64`.
        hidden_dim: int > 0. Width of the first dense layer. Defaults to `256`.
        feature_dropout: float in [0, 1). Share of the descriptions dropped in training. Defaults to `0.2`.
        dropout: float in [0, 1). Share of hidden features dropped in training. Defaults to `0.5`.
        mirror: bool. Whether left and right mean the same, as in drawings of things, not in writing or digits: the
            first dense layer reads the picture and its mirror image, and the mean goes on. Defaults to `False`.
    Call arguments:
        inputs: float tensor `(B, H, W, 3)` in [0, 1]; resized to 48 × 48 where it is not.
        mask: bool tensor `(B,)` or None; True = there is a picture.
    Returns:
        float tensor `(B, 1, D)`, zeros in an absent row; the mask becomes `(B, 1)`.
    Raises:
        ValueError: pictures without three channels.
    Example:
        >>> ImageHistogramEncoder(dim=16)(np.ones((2, 48, 48, 3), "float32")).shape
        TensorShape([2, 1, 16])
    References:
        [Dalal and Triggs, 2005](https://doi.org/10.1109/CVPR.2005.177) for the edges. Differs: one norm a picture.
    """

    modality = "Image"
    preferred = False

    def __init__(self, dim=64, hidden_dim=256, feature_dropout=0.2, dropout=0.5, mirror=False, **kwargs):
        super().__init__(**kwargs)
        self.dim = dim
        self.hidden_dim = hidden_dim
        self.feature_dropout = feature_dropout
        self.dropout = dropout
        self.mirror = mirror
        self.supports_masking = True

    def build(self, input_shape):
        if len(input_shape) != 4 or input_shape[-1] != 3:
            raise ValueError(
                f'ImageHistogramEncoder "{self.name}": pictures must be (B, H, W, 3). Received: shape={input_shape}. '
                "Do: repeat a grey channel three times."
            )
        options = {"dtype": self.dtype_policy}
        self.drop_features = keras.layers.Dropout(self.feature_dropout, **options)
        self.expand = keras.layers.Dense(self.hidden_dim, activation="relu", name="expand", **options)
        self.expand.build((None, EDGES + COLOURS + THUMBNAIL))
        self.drop = keras.layers.Dropout(self.dropout, **options)
        self.project = keras.layers.Dense(self.dim, name="project", **options)
        self.project.build((None, self.hidden_dim))

    def call(self, inputs, *, mask=None, training=False):
        mask = mask_or_full(mask, inputs, 1)
        x = hide(ops.cast(inputs, "float32"), mask)
        if tuple(x.shape[1:3]) != (SIDE, SIDE):
            x = ops.image.resize(x, (SIDE, SIDE), antialias=True, data_format="channels_last")
        hidden = self._read(x, training)
        if self.mirror:
            hidden = (hidden + self._read(ops.flip(x, axis=2), training)) / 2.0
        return hide(self.project(self.drop(hidden, training=training))[:, None], mask)

    def _read(self, x, training):
        features = ops.concatenate([_edges(x), _colours(x), _thumbnail(x)], axis=1)
        return self.expand(self.drop_features(ops.cast(features, self.compute_dtype), training=training))

    def compute_mask(self, inputs, mask=None):
        return mask_or_full(mask, inputs, 1)[:, None]

    def compute_output_shape(self, input_shape):
        return (input_shape[0], 1, self.dim)

    def get_config(self):
        config = {
            "dim": self.dim,
            "hidden_dim": self.hidden_dim,
            "feature_dropout": self.feature_dropout,
            "dropout": self.dropout,
            "mirror": self.mirror,
        }
        return {**super().get_config(), **config}

    @classmethod
    def from_spec(cls, spec, dim, dropout, **options):
        """The encoder that suits what the pipeline says of the pictures."""
        return cls(dim=dim, **options)

    @classmethod
    def example(cls):
        """A tiny instance with input shape, dtype and mask shape, for the conformance sweep."""
        return cls(dim=8, hidden_dim=16, mirror=True), ((48, 48, 3), "float32", ())


def _edges(x):
    """Strength of edges by direction in every cell, of norm 8: `(B, EDGES)`."""
    grey = ops.mean(x, axis=-1)
    across = ops.pad((grey[:, :, 2:] - grey[:, :, :-2]) / 2.0, ((0, 0), (0, 0), (1, 1)))
    down = ops.pad((grey[:, 2:] - grey[:, :-2]) / 2.0, ((0, 0), (1, 1), (0, 0)))
    strength = ops.sqrt(across**2 + down**2 + 1e-8)
    turn = ops.mod(ops.arctan2(down, across + 1e-9), math.pi) / math.pi
    direction = ops.one_hot(ops.cast(turn * (DIRECTIONS - 1e-3), "int32"), DIRECTIONS, dtype="float32")
    cells = SIDE // CELL
    split = ops.reshape(strength[..., None] * direction, (-1, cells, CELL, cells, CELL, DIRECTIONS))
    counts = ops.reshape(ops.sum(split, axis=(2, 4)), (-1, EDGES))
    return 8.0 * counts / (ops.sqrt(ops.sum(counts**2, axis=1, keepdims=True)) + 1e-3)


def _colours(x):
    """Roots of the shares of each colour, times 8: `(B, COLOURS)`."""
    level = ops.cast(ops.clip(x[:, ::2, ::2] * SHADES, 0.0, SHADES - 1e-3), "int32")
    colour = (level[..., 0] * SHADES + level[..., 1]) * SHADES + level[..., 2]
    flat = ops.reshape(colour, (-1, (SIDE // 2) ** 2))
    return 8.0 * ops.sqrt(ops.mean(ops.one_hot(flat, COLOURS, dtype="float32"), axis=1))


def _thumbnail(x):
    """The picture at 8 × 8, in [-1, 1]: `(B, THUMBNAIL)`."""
    side = SIDE // THUMB
    small = ops.mean(ops.reshape(x, (-1, side, THUMB, side, THUMB, 3)), axis=(2, 4))
    return ops.reshape(small, (-1, THUMBNAIL)) * 2.0 - 1.0
