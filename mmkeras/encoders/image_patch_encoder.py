"""Pictures by a patch Transformer."""

import keras
from keras import ops

from mmkeras.component import component
from mmkeras.layers.attention_block import AttentionBlock
from mmkeras.layers.masking import hide, mask_or_full


@component
class ImagePatchEncoder(keras.layers.Layer):
    """Cuts a picture into patches and lets them attend to each other.

    Args:
        dim: int > 0, a multiple of `num_heads`. Width of a token. Defaults to `64`.
        patch: int > 0, pixels, a divisor of H and W. Defaults to `8`.
        num_layers: int > 0. Defaults to `2`.
        num_heads: int > 0. Defaults to `4`.
        dropout: float in [0, 1). Defaults to `0.1`.
    Call arguments:
        inputs: float tensor `(B, H, W, C)` in [0, 1].
        mask: bool tensor `(B,)` or None; True = there is a picture.
    Returns:
        float tensor `(B, T, D)`, T = H/patch · W/patch, zeros in an absent row; the mask becomes `(B, T)`.
    Raises:
        ValueError: `patch` does not divide the picture.
    Example:
        >>> ImagePatchEncoder(dim=16, patch=4)(np.ones((2, 8, 8, 3), "float32")).shape
        TensorShape([2, 4, 16])
    References:
        [Dosovitskiy et al., 2021](https://arxiv.org/abs/2010.11929). Differs: no class token; the fusion pools.
    """

    modality = "Image"
    preferred = False

    def __init__(self, dim=64, patch=8, num_layers=2, num_heads=4, dropout=0.1, **kwargs):
        super().__init__(**kwargs)
        self.dim = dim
        self.patch = patch
        self.num_layers = num_layers
        self.num_heads = num_heads
        self.dropout = dropout
        self.supports_masking = True

    def build(self, input_shape):
        height, width = input_shape[1:3]
        if height % self.patch or width % self.patch:
            raise ValueError(
                f'ImagePatchEncoder "{self.name}": patch must divide height and width. '
                f"Received: patch={self.patch}, shape={input_shape}. Do: an Image(size) that is a multiple of it."
            )
        self.grid = (height // self.patch) * (width // self.patch)
        options = {"dtype": self.dtype_policy}
        self.embed = keras.layers.Conv2D(self.dim, self.patch, self.patch, name="embed", **options)
        self.embed.build(input_shape)
        self.place = self.add_weight(name="place", shape=(1, self.grid, self.dim), initializer="random_normal")
        self.blocks = [
            AttentionBlock(self.num_heads, dropout=self.dropout, name=f"block_{number}", **options)
            for number in range(self.num_layers)
        ]
        for block in self.blocks:
            block.build((input_shape[0], self.grid, self.dim))

    def call(self, inputs, *, mask=None, training=False):
        mask = mask_or_full(mask, inputs, 1)
        x = hide(ops.cast(inputs, self.compute_dtype), mask) * 2.0 - 1.0
        tokens = ops.reshape(self.embed(x), (-1, self.grid, self.dim)) + ops.cast(self.place, self.compute_dtype)
        for block in self.blocks:
            tokens = block(tokens, training=training)
        return hide(tokens, mask)

    def compute_mask(self, inputs, mask=None):
        mask = mask_or_full(mask, inputs, 1)
        return ops.repeat(mask[:, None], self.grid, axis=1)

    def compute_output_shape(self, input_shape):
        return (input_shape[0], (input_shape[1] // self.patch) * (input_shape[2] // self.patch), self.dim)

    def get_config(self):
        config = {"dim": self.dim, "patch": self.patch, "num_layers": self.num_layers}
        return {**super().get_config(), **config, "num_heads": self.num_heads, "dropout": self.dropout}

    @classmethod
    def from_spec(cls, spec, dim, dropout, **options):
        """The encoder that suits what the pipeline says of the pictures."""
        height, width = spec.shape[:2]
        patch = next(size for size in (8, 7, 6, 5, 4, 3, 2, 1) if not (height % size or width % size))
        return cls(dim=dim, patch=patch, dropout=dropout, **options)

    @classmethod
    def example(cls):
        """A tiny instance with input shape, dtype and mask shape, for the conformance sweep."""
        return cls(dim=8, patch=4, num_layers=1, num_heads=2, dropout=0.5), ((8, 12, 3), "float32", ())
