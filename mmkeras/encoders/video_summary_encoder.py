"""A video in one token: what it looks like, what moves where, and what a small CNN of space and time finds."""

import math

import keras
from keras import ops

from mmkeras.component import component
from mmkeras.layers.built_dense import built_dense, built_scale, scale_rows
from mmkeras.layers.image_descriptors import cell_size, colour_histogram, edge_histograms
from mmkeras.layers.masking import hide, mask_or_full
from mmkeras.layers.random_warp import RandomWarp
from mmkeras.layers.sequence_summary import stretches

GRID = 3  # cells along each axis that the CNN ends with, so that it knows where something is
LARGE = 40  # pixels of a side from which the first convolution goes by two
SIDE = 10  # cells along each axis of the maps of light and of change


@component
class VideoSummaryEncoder(keras.layers.Layer):
    """Sums up a video by descriptions that nobody has to learn, and by a small CNN over space and time.

    t = W_d relu(W f(x)) + W_c relu(W g(x)): f gives edges and colours of the mean frame, and maps of the light and of
    the change between frames, over `parts` stretches of time; g is a 3-D CNN whose maps of about 3 × 3 are read place
    by place, over the same stretches. On frames of 40 pixels and more its first convolution has a stride of two. In
    training each video is a little turned, stretched and moved, all its frames alike.

    Args:
        dim: int > 0. Width of the token. Defaults to `64`.
        filters: sequence of int > 0. Channels of each convolution. Defaults to `(16, 32, 64)`.
        parts: int > 0. Stretches of time. Defaults to `3`.
        hidden_dim: int > 0. Width of each of the two dense layers. Defaults to `128`.
        dropout: float in [0, 1). Share of features dropped in training. Defaults to `0.3`.
        warp: bool. Whether videos are changed in training, see `mmkeras.layers.RandomWarp`. Defaults to `True`.
    Call arguments:
        inputs: float tensor `(B, F, H, W, C)` in [0, 1], H and W > 1.
        mask: bool tensor `(B, F)` or None.
    Returns:
        float tensor `(B, 1, D)`, zeros in an absent row; the mask becomes `(B, 1)`.
    Raises:
        ValueError: no filters.
    Example:
        >>> VideoSummaryEncoder(dim=8)(np.ones((2, 5, 16, 16, 3), "float32")).shape
        TensorShape([2, 1, 8])
    References:
        Convolutions over space and time as in [Tran et al., 2015](https://doi.org/10.1109/ICCV.2015.510); see
        `mmkeras.layers.image_descriptors` for the descriptions. Differs: both, and small.
    """

    modality = "Video"
    preferred = False
    summary = True

    def __init__(self, dim=64, filters=(16, 32, 64), parts=3, hidden_dim=128, dropout=0.3, warp=True, **kwargs):
        super().__init__(**kwargs)
        if not filters:
            raise ValueError("VideoSummaryEncoder: there must be filters. Received: filters=(). Do: (16, 32, 64).")
        self.dim = dim
        self.filters = tuple(filters)
        self.parts = parts
        self.hidden_dim = hidden_dim
        self.dropout = dropout
        self.warp = warp
        self.supports_masking = True

    def build(self, input_shape):
        options, shape = {"dtype": self.dtype_policy}, (None, None, *input_shape[2:])
        self.convs, self.pools = [], []
        large = min(input_shape[2:4]) >= LARGE
        for place, width in enumerate(self.filters):
            space = 2 if large and place == 0 else 1
            conv = keras.layers.Conv3D(
                width, 3, (1, space, space), padding="same", activation="relu", name=f"conv_{place}", **options
            )
            conv.build(shape)
            height, width_of_map = (-(-side // space) for side in shape[2:4])
            last = place == len(self.filters) - 1
            pool = tuple(-(-side // GRID) if last else min(2, side) for side in (height, width_of_map))
            self.convs.append(conv)
            self.pools.append((1 if place == 0 else 2, *pool))
            shape = (None, None, -(-height // pool[0]), -(-width_of_map // pool[1]), width)
        self.found = math.prod(shape[2:])
        frame = keras.KerasTensor((1, *input_shape[2:]))
        still = edge_histograms(frame).shape[1] + colour_histogram(frame).shape[1]
        cells = _map(frame).shape[1]
        described = still + (2 * self.parts + 2) * cells
        self.scale_described = built_scale(self, "scale_described", described)
        self.scale_found = built_scale(self, "scale_found", (self.parts + 2) * self.found)
        self.describe = built_dense(self, "describe", described, self.hidden_dim, "relu")
        self.look = built_dense(self, "look", (self.parts + 2) * self.found, self.hidden_dim, "relu")
        self.project = built_dense(self, "project", 2 * self.hidden_dim, self.dim)
        self.drop = keras.layers.Dropout(self.dropout, **options)
        if self.warp:
            self.change = RandomWarp(dtype="float32")

    def call(self, inputs, *, mask=None, training=False):
        mask = mask_or_full(mask, inputs, 2)
        present = ops.any(mask, axis=1)
        frames = hide(ops.cast(inputs, "float32"), mask)
        if self.warp and training:
            frames = hide(self._warped(frames, present), mask)

        def drop(values):
            return self.drop(values, training=training)

        def view(dense, scale, values):
            values = ops.cast(ops.concatenate(values, axis=1), self.compute_dtype)
            return drop(dense(drop(scale_rows(scale, values, present, training))))

        views = [
            view(self.describe, self.scale_described, self._described(frames, mask)),
            view(self.look, self.scale_found, self._looked(frames, mask)),
        ]
        token = self.project(ops.concatenate(views, axis=1))
        return hide(token[:, None], self.compute_mask(inputs, mask))

    def _warped(self, frames, present):
        """All frames of a row under the same change: they are channels of one image."""
        count, (height, width, channels) = ops.shape(frames)[1], frames.shape[2:]
        images = ops.reshape(ops.transpose(frames, (0, 2, 3, 1, 4)), (-1, height, width, count * channels))
        images = self.change(images, mask=present, training=True)
        return ops.transpose(ops.reshape(images, (-1, height, width, count, channels)), (0, 3, 1, 2, 4))

    def _described(self, frames, mask):
        """What the mean frame looks like, and where light and change are, stretch by stretch."""
        shape, count = frames.shape[2:], ops.shape(frames)[1]
        real = ops.cast(mask, "float32")
        real = real / ops.maximum(ops.sum(real, axis=1, keepdims=True), 1.0)
        mean = ops.einsum("bf,bfhwc->bhwc", real, frames)
        light = hide(ops.reshape(_map(ops.reshape(frames, (-1, *shape))), (-1, count, self._cells(shape))), mask)
        both = mask & ops.concatenate([ops.zeros_like(mask[:, :1]), mask[:, :-1]], axis=1)
        moved = ops.abs(frames - ops.concatenate([frames[:, :1], frames[:, :-1]], axis=1))
        moved = hide(ops.reshape(_map(ops.reshape(moved, (-1, *shape))), (-1, count, self._cells(shape))), both)
        return [
            edge_histograms(mean),
            colour_histogram(mean),
            *stretches(light, mask, self.parts),
            *stretches(moved, both, self.parts),
        ]

    def _cells(self, shape):
        return math.prod(side // cell_size(side, SIDE) for side in shape[:2])

    def _looked(self, frames, mask):
        x, real = hide(ops.cast(frames, self.compute_dtype) * 2.0 - 1.0, mask), mask
        for conv, pool in zip(self.convs, self.pools, strict=True):
            x = _pooled(hide(conv(x), real), pool[1:])
            if pool[0] > 1:
                x, real = _every_second(x), _every_second(ops.cast(real, "float32")) > 0
        x = ops.reshape(x, (-1, ops.shape(x)[1], self.found))
        return [*stretches(x, real, self.parts), ops.max(x, axis=1)]  # at least 0, which padding is

    def compute_mask(self, inputs, mask=None):
        return ops.any(mask_or_full(mask, inputs, 2), axis=1, keepdims=True)

    def compute_output_shape(self, input_shape):
        return (input_shape[0], 1, self.dim)

    def get_config(self):
        config = {"dim": self.dim, "filters": list(self.filters), "parts": self.parts, "hidden_dim": self.hidden_dim}
        return {**super().get_config(), **config, "dropout": self.dropout, "warp": self.warp}

    @classmethod
    def from_spec(cls, spec, dim, dropout, **options):
        return cls(dim=dim, **options)

    @classmethod
    def example(cls):
        """A tiny instance with input shape, dtype and mask shape, for the conformance sweep."""
        return cls(dim=8, filters=(8, 8), parts=2, hidden_dim=8), ((4, 16, 12, 3), "float32", (4,))


def _map(images):
    """The light of pictures `(B, H, W, C)` in about 10 × 10 cells, `(B, N)`."""
    grey = ops.mean(images, axis=-1, keepdims=True)
    size = tuple(cell_size(side, SIDE) for side in images.shape[1:3])
    cells = ops.average_pool(grey, size, size, padding="valid", data_format="channels_last")
    return ops.reshape(cells, (-1, math.prod(cells.shape[1:])))


def _pooled(frames, size):
    """The largest values of each field of `size` in each frame `(B, F, H, W, C)`."""
    x = ops.reshape(frames, (-1, *frames.shape[2:]))
    x = ops.max_pool(x, size, size, padding="same", data_format="channels_last")
    return ops.reshape(x, (-1, ops.shape(frames)[1], *x.shape[1:]))


def _every_second(values):
    """The larger of two steps that follow each other, `(B, F, …)`, at half the length."""
    shape = values.shape[2:]
    x = ops.reshape(values, (-1, ops.shape(values)[1], math.prod(shape)))
    x = ops.max_pool(x, 2, 2, padding="same", data_format="channels_last")
    return ops.reshape(x, (-1, ops.shape(x)[1], *shape))
