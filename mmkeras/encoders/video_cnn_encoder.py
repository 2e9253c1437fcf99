"""Clips by one CNN over all frames and attention between them."""

import keras
from keras import ops

from mmkeras.component import component
from mmkeras.encoders.image_cnn_encoder import ImageCNNEncoder
from mmkeras.layers.attention_block import AttentionBlock
from mmkeras.layers.masking import hide, mask_or_full
from mmkeras.layers.position_encoding import PositionEncoding

MAPS = 8  # weighted sums over the squares of a frame, which keep where something is


@component
class VideoCNNEncoder(keras.layers.Layer):
    """Makes one token of each frame by a CNN that all frames share; then frames attend to each other.

    Learned maps, not a mean, sum up a frame, so that a token knows where something is and attention can see it move.

    Args:
        dim: int > 0. Width of a token. Defaults to `64`.
        filters: sequence of multiples of 8. Channels of each stage of the CNN, which halves height and width.
            Defaults to `(32, 64, 128)`.
        num_layers: int >= 0. Attention blocks over time. Defaults to `1`.
        num_heads: int > 0 that divides `dim`. Defaults to `4`.
        dropout: float in [0, 1). Defaults to `0.1`.
    Call arguments:
        inputs: float tensor `(B, F, H, W, C)` in [0, 1].
        mask: bool tensor `(B, F)` or None.
    Returns:
        float tensor `(B, F, D)`, zeros where masked.
    Example:
        >>> VideoCNNEncoder(dim=8, filters=(8, 16))(np.ones((2, 5, 16, 16, 3), "float32")).shape
        TensorShape([2, 5, 8])
    References:
        [Donahue et al., 2015](https://arxiv.org/abs/1411.4389). Differs: attention in place of an LSTM, and a CNN from
        scratch.
    """

    modality = "Video"
    preferred = True

    def __init__(self, dim=64, filters=(32, 64, 128), num_layers=1, num_heads=4, dropout=0.1, **kwargs):
        super().__init__(**kwargs)
        self.dim = dim
        self.filters = tuple(filters)
        self.num_layers = num_layers
        self.num_heads = num_heads
        self.dropout = dropout
        self.supports_masking = True
        self.look = ImageCNNEncoder(dim, self.filters, dropout, name="look", dtype=self.dtype_policy)

    def build(self, input_shape):
        options, shape = {"dtype": self.dtype_policy}, (None, None, self.dim)
        self.look.build((None, *input_shape[2:]))
        grid = self.look.compute_output_shape((None, *input_shape[2:]))[1]
        self.where = self.add_weight(name="where", shape=(grid, MAPS))
        self.join = keras.layers.Dense(self.dim, name="join", **options)
        self.join.build((None, MAPS * self.dim))
        self.place = PositionEncoding(name="place", **options)
        self.place.build(shape)
        self.blocks = [
            AttentionBlock(self.num_heads, dropout=self.dropout, name=f"block_{number}", **options)
            for number in range(self.num_layers)
        ]
        for block in self.blocks:
            block.build(shape)

    def call(self, inputs, *, mask=None, training=False):
        mask = mask_or_full(mask, inputs, 2)
        pictures = ops.reshape(inputs, (-1, *inputs.shape[2:]))
        seen = self.look(pictures, mask=ops.reshape(mask, (-1,)), training=training)
        kept = ops.einsum("ngd,gm->nmd", seen, ops.cast(self.where, seen.dtype))
        tokens = self.join(ops.reshape(kept, (-1, MAPS * self.dim)))
        tokens = ops.reshape(tokens, (-1, ops.shape(inputs)[1], self.dim))
        tokens = self.place(tokens, mask=mask)
        for block in self.blocks:
            tokens = block(tokens, mask=mask, training=training)
        return hide(tokens, mask)

    def compute_mask(self, inputs, mask=None):
        return mask_or_full(mask, inputs, 2)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:2], self.dim)

    def get_config(self):
        config = {"dim": self.dim, "filters": list(self.filters), "num_layers": self.num_layers}
        return {**super().get_config(), **config, "num_heads": self.num_heads, "dropout": self.dropout}

    @classmethod
    def from_spec(cls, spec, dim, dropout, **options):
        """The encoder that suits what the pipeline says of the clips."""
        stages = max(1, min(3, min(spec.shape[1:3]).bit_length() - 3))
        return cls(dim=dim, filters=(32, 64, 128)[:stages], dropout=dropout, **options)

    @classmethod
    def example(cls):
        """A tiny instance with input shape, dtype and mask shape, for the conformance sweep."""
        layer = cls(dim=8, filters=(8, 16), num_layers=1, num_heads=2, dropout=0.5)
        return layer, ((3, 8, 12, 3), "float32", (3,))
