"""Series by attention between patches of neighbouring steps."""

import keras
from keras import ops

from mmkeras.component import component
from mmkeras.layers.attention_block import AttentionBlock
from mmkeras.layers.masking import hide, mask_or_full
from mmkeras.layers.position_encoding import PositionEncoding


@component
class TimeSeriesPatchEncoder(keras.layers.Layer):
    """Cuts a series into patches, one token each, that attend to each other.

    Args:
        dim: int > 0. Width of a token. Defaults to `64`.
        patch_size: int > 0. Steps a patch; the last may be shorter. Defaults to `8`.
        num_layers: int ≥ 0. Attention blocks. Defaults to `2`.
        num_heads: int > 0 that divides `dim`. Defaults to `4`.
        dropout: float in [0, 1). Defaults to `0.1`.
    Call arguments:
        inputs: float tensor `(B, T, C)`; gaps are flagged by channels of their own, as `TimeSeries` gives them.
        mask: bool tensor `(B, T)` or None.
    Returns:
        float tensor `(B, T′, D)`, T′ = T / patch_size, rounded up, zeros where masked; the mask becomes `(B, T′)`: a
        patch is real where one of its steps is.
    Raises:
        ValueError: `patch_size` below 1.
    Example:
        >>> TimeSeriesPatchEncoder(dim=8, patch_size=4)(np.ones((2, 10, 6), "float32")).shape
        TensorShape([2, 3, 8])
    References:
        [Nie et al., 2023](https://arxiv.org/abs/2211.14730). Differs: channels share a token, patches do not overlap.
    """

    modality = "TimeSeries"
    preferred = False

    def __init__(self, dim=64, patch_size=8, num_layers=2, num_heads=4, dropout=0.1, **kwargs):
        super().__init__(**kwargs)
        if patch_size < 1:
            raise ValueError(
                f"TimeSeriesPatchEncoder: patch_size must be > 0. Received: patch_size={patch_size}. Do: patch_size=8."
            )
        self.dim = dim
        self.patch_size = patch_size
        self.num_layers = num_layers
        self.num_heads = num_heads
        self.dropout = dropout
        self.supports_masking = True

    def build(self, input_shape):
        options = {"dtype": self.dtype_policy}
        shape = (None, None, self.dim)
        self.patches = keras.layers.Conv1D(self.dim, self.patch_size, self.patch_size, name="patches", **options)
        self.patches.build((None, None, input_shape[-1]))
        self.place = PositionEncoding(name="place", **options)
        self.place.build(shape)
        self.drop = keras.layers.Dropout(self.dropout, **options)
        self.blocks = [
            AttentionBlock(self.num_heads, dropout=self.dropout, name=f"block_{number}", **options)
            for number in range(self.num_layers)
        ]
        for block in self.blocks:
            block.build(shape)

    def call(self, inputs, *, mask=None, training=False):
        mask = mask_or_full(mask, inputs, 2)
        steps = ops.cast(hide(inputs, mask), self.compute_dtype)
        tokens = self.patches(ops.pad(steps, [[0, 0], [0, self.patch_size - 1], [0, 0]]))
        mask = self.compute_mask(inputs, mask)
        tokens = self.drop(self.place(tokens, mask=mask), training=training)
        for block in self.blocks:
            tokens = block(tokens, mask=mask, training=training)
        return hide(tokens, mask)

    def compute_mask(self, inputs, mask=None):
        real = ops.cast(mask_or_full(mask, inputs, 2), "float32")[..., None]
        padded = ops.pad(real, [[0, 0], [0, self.patch_size - 1], [0, 0]])
        return ops.max_pool(padded, self.patch_size, self.patch_size)[..., 0] > 0

    def compute_output_shape(self, input_shape):
        length = None if input_shape[1] is None else -(-input_shape[1] // self.patch_size)
        return (input_shape[0], length, self.dim)

    def get_config(self):
        config = {"dim": self.dim, "patch_size": self.patch_size, "num_layers": self.num_layers}
        return {**super().get_config(), **config, "num_heads": self.num_heads, "dropout": self.dropout}

    @classmethod
    def from_spec(cls, spec, dim, dropout, **options):
        """The encoder that suits what the pipeline says of the series."""
        return cls(dim=dim, dropout=dropout, **options)

    @classmethod
    def example(cls):
        """A tiny instance with input shape, dtype and mask shape, for the conformance sweep."""
        return cls(dim=8, patch_size=2, num_layers=1, num_heads=2, dropout=0.5), ((9, 6), "float32", (9,))
