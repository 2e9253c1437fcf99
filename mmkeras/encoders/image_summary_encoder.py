"""A picture in one token, by descriptions that nobody has to learn and by a small CNN."""

import keras
from keras import ops

from mmkeras.component import component
from mmkeras.layers.built_dense import built_dense, built_scale, scale_rows
from mmkeras.layers.image_descriptors import colour_histogram, edge_histograms, shrink, thumbnail
from mmkeras.layers.masking import hide, mask_or_full
from mmkeras.layers.random_warp import RandomWarp

GRID = 3  # cells along each axis that the CNN ends with, so that it knows where something is
LARGE = 40  # pixels of a side from which the first convolution goes by two
DESCRIBED = 24  # pixels of a side that descriptions are made from; more cost much and tell little
SMALL = 16  # pixels of its map up to which nothing is pooled then


@component
class ImageSummaryEncoder(keras.layers.Layer):
    """Sums up a picture: edges by place, colours and a thumbnail, and what a small CNN finds.

    t = W_d relu(W f(x)) + W_c relu(W g(x)): f gives the descriptions, which cost little and teach much where pictures
    are few; g is a CNN whose last map, of about 3 × 3, is read place by place. On images of 40 pixels and more its
    first convolution has a stride of two. In training each image is a little turned, stretched and moved.

    Args:
        dim: int > 0. Width of the token. Defaults to `64`.
        filters: sequence of int > 0. Channels of each convolution of the CNN. Defaults to
            `(32, 64, 128, 128)`.
        hidden_dim: int > 0. Width of the dense layers: of the descriptions; half of it, of the CNN. Defaults to `256`.
        dropout: float in [0, 1). Share of features dropped in training; of the dense layer on the descriptions, more.
            Defaults to `0.3`.
        warp: bool. Whether images are changed in training, see `mmkeras.layers.RandomWarp`. Defaults to `True`.
    Call arguments:
        inputs: float tensor `(B, H, W, C)` in [0, 1], H and W > 1.
        mask: bool tensor `(B,)` or None; True = there is a picture.
    Returns:
        float tensor `(B, 1, D)`, zeros in an absent row; the mask becomes `(B, 1)`.
    Raises:
        ValueError: no filters.
    Example:
        >>> ImageSummaryEncoder(dim=16)(np.ones((2, 28, 28, 3), "float32")).shape
        TensorShape([2, 1, 16])
    References:
        See `mmkeras.layers.image_descriptors`.
    """

    modality = "Image"
    preferred = False
    summary = True

    def __init__(self, dim=64, filters=(32, 64, 128, 128), hidden_dim=256, dropout=0.3, warp=True, **kwargs):
        super().__init__(**kwargs)
        if not filters:
            raise ValueError("ImageSummaryEncoder: there must be filters. Received: filters=(). Do: (32, 64, 128).")
        self.dim = dim
        self.filters = tuple(filters)
        self.hidden_dim = hidden_dim
        self.dropout = dropout
        self.warp = warp
        self.supports_masking = True

    def build(self, input_shape):
        options, shape = {"dtype": self.dtype_policy}, (None, *input_shape[1:])
        self.convs, self.pools = [], []
        large = min(input_shape[1:3]) >= LARGE
        for place, width in enumerate(self.filters):
            kernel, stride = (5, 2) if large and place == 0 else (3, 1)
            conv = keras.layers.Conv2D(
                width, kernel, stride, padding="same", activation="relu", name=f"conv_{place}", **options
            )
            conv.build(shape)
            shape = conv.compute_output_shape(shape)
            small = min(shape[1:3]) <= SMALL and stride > 1
            size = tuple(2 if not small and side > GRID else 1 for side in shape[1:3])
            if place == len(self.filters) - 1:
                size = tuple(-(-side // GRID) for side in shape[1:3])
            pool = keras.layers.MaxPooling2D(size, padding="same", **options)
            shape = pool.compute_output_shape(shape)
            self.convs.append(conv)
            self.pools.append(pool)
        self.map_size = shape[1] * shape[2] * shape[3]
        self.drop = keras.layers.Dropout(self.dropout, **options)
        self.drop_described = keras.layers.Dropout((1.0 + self.dropout) / 2.6, **options)
        if self.warp:
            self.change = RandomWarp(dtype="float32")
        described = describe_images(keras.KerasTensor((1, *input_shape[1:]))).shape[1]
        self.scale_described = built_scale(self, "scale_described", described)
        self.scale_looked = built_scale(self, "scale_looked", self.map_size)
        self.describe = built_dense(self, "describe", described, self.hidden_dim, "relu")
        self.look = built_dense(self, "look", self.map_size, self.hidden_dim // 2, "relu")
        self.project = built_dense(self, "project", self.hidden_dim + self.hidden_dim // 2, self.dim)

    def call(self, inputs, *, mask=None, training=False):
        mask = mask_or_full(mask, inputs, 1)
        images = hide(ops.cast(inputs, "float32"), mask)
        images = self.change(images, mask=mask, training=training) if self.warp else images
        described = self._scaled(self.scale_described, describe_images(images), mask, training)
        described = self.drop_described(self.describe(described), training=training)
        looked = self._scaled(self.scale_looked, self._looked(images), mask, training)
        looked = self.drop(self.look(looked), training=training)
        token = self.project(ops.concatenate([described, looked], axis=1))
        return hide(token[:, None], mask)

    def _scaled(self, scale, features, mask, training):
        features = scale_rows(scale, ops.cast(features, self.compute_dtype), mask, training)
        return self.drop(features, training=training)

    def _looked(self, images):
        x = ops.cast(images, self.compute_dtype) * 2.0 - 1.0
        for conv, pool in zip(self.convs, self.pools, strict=True):
            x = pool(conv(x))
        return ops.reshape(x, (-1, self.map_size))

    def compute_mask(self, inputs, mask=None):
        return mask_or_full(mask, inputs, 1)[:, None]

    def compute_output_shape(self, input_shape):
        return (input_shape[0], 1, self.dim)

    def get_config(self):
        config = {"dim": self.dim, "filters": list(self.filters), "hidden_dim": self.hidden_dim}
        return {**super().get_config(), **config, "dropout": self.dropout, "warp": self.warp}

    @classmethod
    def from_spec(cls, spec, dim, dropout, **options):
        return cls(dim=dim, **options)

    @classmethod
    def example(cls):
        """A tiny instance with input shape, dtype and mask shape, for the conformance sweep."""
        return cls(dim=8, filters=(8, 8), hidden_dim=16), ((16, 12, 3), "float32", ())


def describe_images(images):
    """Edges, colours and a thumbnail of pictures `(B, H, W, C)`, side by side: float32 `(B, N)`."""
    images = shrink(images, DESCRIBED)
    return ops.concatenate([edge_histograms(images), thumbnail(images), colour_histogram(images)], axis=1)
