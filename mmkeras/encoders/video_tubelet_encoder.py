"""Clips by attention between small blocks of space and time."""

import keras
from keras import ops

from mmkeras.component import component
from mmkeras.layers.attention_block import AttentionBlock
from mmkeras.layers.masking import hide, mask_or_full
from mmkeras.layers.position_encoding import PositionEncoding


@component
class VideoTubeletEncoder(keras.layers.Layer):
    """Cuts a clip into tubelets, some frames of one square, which all attend to each other.

    Args:
        dim: int > 0. Width of a token. Defaults to `64`.
        patch: int > 0 that divides H and W. Side of a square, in pixels. Defaults to `16`.
        depth: int > 0. Frames of a tubelet; the last may have fewer. Defaults to `2`.
        num_layers: int >= 0. Attention blocks. Defaults to `2`.
        num_heads: int > 0 that divides `dim`. Defaults to `4`.
        dropout: float in [0, 1). Defaults to `0.1`.
    Call arguments:
        inputs: float tensor `(B, F, H, W, C)` in [0, 1].
        mask: bool tensor `(B, F)` or None.
    Returns:
        float tensor `(B, T, D)`, T = F / depth, rounded up, times the squares of a frame; zeros where masked: a tubelet
        is real where one of its frames is.
    Raises:
        ValueError: a patch that does not divide height and width.
    Example:
        >>> VideoTubeletEncoder(dim=8, patch=8)(np.ones((2, 5, 16, 16, 3), "float32")).shape
        TensorShape([2, 12, 8])
    References:
        [Arnab et al., 2021](https://arxiv.org/abs/2103.15691), tubelet embedding and joint space-time attention.
        Differs: places in space and in time are encoded apart, so that clips may have any length.
    """

    modality = "Video"
    preferred = False

    def __init__(self, dim=64, patch=16, depth=2, num_layers=2, num_heads=4, dropout=0.1, **kwargs):
        super().__init__(**kwargs)
        self.dim = dim
        self.patch = patch
        self.depth = depth
        self.num_layers = num_layers
        self.num_heads = num_heads
        self.dropout = dropout
        self.supports_masking = True

    def build(self, input_shape):
        height, width = input_shape[2:4]
        if height % self.patch or width % self.patch:
            raise ValueError(
                f'VideoTubeletEncoder "{self.name}": patch must divide height and width. '
                f"Received: patch={self.patch}, shape={input_shape}. Do: a Video(size) that is a multiple of it."
            )
        options, size = {"dtype": self.dtype_policy}, (self.depth, self.patch, self.patch)
        self.grid = (height // self.patch) * (width // self.patch)
        self.embed = keras.layers.Conv3D(self.dim, size, size, name="embed", **options)
        self.embed.build((None, None, *input_shape[2:]))
        self.square = self.add_weight(name="square", shape=(1, 1, self.grid, self.dim), initializer="random_normal")
        self.place = PositionEncoding(name="place", **options)
        self.place.build((None, None, self.dim))
        self.blocks = [
            AttentionBlock(self.num_heads, dropout=self.dropout, name=f"block_{number}", **options)
            for number in range(self.num_layers)
        ]
        for block in self.blocks:
            block.build((None, None, self.dim))

    def call(self, inputs, *, mask=None, training=False):
        mask = mask_or_full(mask, inputs, 2)
        clip = hide(ops.cast(inputs, self.compute_dtype) * 2.0 - 1.0, mask)
        parts = self.embed(ops.pad(clip, [[0, 0], [0, self.depth - 1], [0, 0], [0, 0], [0, 0]]))
        steps = ops.shape(parts)[1]
        parts = ops.reshape(parts, (-1, steps, self.grid, self.dim)) + ops.cast(self.square, self.compute_dtype)
        when = self.place(ops.zeros_like(parts[:, :, 0]))
        tokens = ops.reshape(parts + when[:, :, None], (-1, steps * self.grid, self.dim))
        mask = self.compute_mask(inputs, mask)
        for block in self.blocks:
            tokens = block(tokens, mask=mask, training=training)
        return hide(tokens, mask)

    def compute_mask(self, inputs, mask=None):
        real = ops.cast(mask_or_full(mask, inputs, 2), "float32")[..., None]
        real = ops.max_pool(ops.pad(real, [[0, 0], [0, self.depth - 1], [0, 0]]), self.depth, self.depth)
        return ops.repeat(real[..., 0] > 0, self._grid(inputs.shape), axis=1)

    def _grid(self, shape):
        return (shape[2] // self.patch) * (shape[3] // self.patch)

    def compute_output_shape(self, input_shape):
        steps = None if input_shape[1] is None else -(-input_shape[1] // self.depth) * self._grid(input_shape)
        return (input_shape[0], steps, self.dim)

    def get_config(self):
        config = {"dim": self.dim, "patch": self.patch, "depth": self.depth, "num_layers": self.num_layers}
        return {**super().get_config(), **config, "num_heads": self.num_heads, "dropout": self.dropout}

    @classmethod
    def from_spec(cls, spec, dim, dropout, **options):
        """The encoder that suits what the pipeline says of the clips."""
        height, width = spec.shape[1:3]
        patch = next(size for size in range(16, 0, -1) if not (height % size or width % size))
        return cls(dim=dim, patch=patch, dropout=dropout, **options)

    @classmethod
    def example(cls):
        """A tiny instance with input shape, dtype and mask shape, for the conformance sweep."""
        layer = cls(dim=8, patch=4, depth=2, num_layers=1, num_heads=2, dropout=0.5)
        return layer, ((3, 8, 12, 3), "float32", (3,))
