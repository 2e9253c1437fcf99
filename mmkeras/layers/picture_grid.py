"""Tokens → a map with a place for every pixel."""

import keras
from keras import ops

from mmkeras.component import component
from mmkeras.layers.attention_block import AttentionBlock
from mmkeras.layers.masking import hide, mask_or_full


@component
class PictureGrid(keras.layers.Layer):
    """Lets a small grid of learned queries look at the tokens and doubles it by convolutions until it is a picture.

    Each stage: nearest-neighbour doubling, 3×3 convolution, group norm, SiLU.

    Args:
        height: int > 0. Pixels.
        width: int > 0. Pixels.
        filters: sequence of int > 0, multiples of 8. Channels of each stage; the grid is 2 to their number times
            smaller than the picture. Defaults to `(64, 32)`.
        num_heads: int > 0, a divisor of D. Defaults to `4`.
        dropout: float in [0, 1). Share dropped in training, see `AttentionBlock`. Defaults to `0.0`.
    Call arguments:
        inputs: float tensor `(B, T, D)`.
        mask: bool tensor `(B, T)` or None.
    Returns:
        float tensor `(B, H, W, filters[-1])`; where every token is absent, what the queries alone say.
    Raises:
        ValueError: no filters, or some that are no multiples of 8.
    Example:
        >>> PictureGrid(height=6, width=9)(np.ones((2, 5, 8), "float32")).shape
        TensorShape([2, 6, 9, 32])
    References:
        [Jaegle et al., 2021](https://arxiv.org/abs/2107.14795) for queries of the output;
        [Odena et al., 2016](https://doi.org/10.23915/distill.00003) for doubling before convolving.
    """

    def __init__(self, height, width, filters=(64, 32), num_heads=4, dropout=0.0, **kwargs):
        super().__init__(**kwargs)
        self.height = height
        self.width = width
        self.filters = tuple(filters)
        self.num_heads = num_heads
        self.dropout = dropout
        self.supports_masking = True
        if not self.filters or any(channels % 8 for channels in self.filters):
            raise ValueError(
                f"PictureGrid: filters must be multiples of 8. Received: filters={self.filters}. Do: (64, 32)."
            )

    def build(self, input_shape):
        options, dim = {"dtype": self.dtype_policy}, input_shape[-1]
        scale = 2 ** len(self.filters)
        self.grid = (-(-self.height // scale), -(-self.width // scale))
        self.query = self.add_weight(
            name="query", shape=(1, *self.grid, dim), initializer=keras.initializers.RandomNormal(0.0, 0.5)
        )
        more = {"num_heads": self.num_heads, "dropout": self.dropout, **options}
        places = (None, self.grid[0] * self.grid[1], dim)
        self.look = AttentionBlock(name="look_at_tokens", **more)
        self.look.build(places, input_shape)
        self.share = AttentionBlock(name="look_around", **more)
        self.share.build(places)
        self.stages, shape = [], (None, *self.grid, dim)
        for place, channels in enumerate(self.filters):
            for layer in (
                keras.layers.UpSampling2D(2, name=f"double_{place}", **options),
                keras.layers.Conv2D(channels, 3, padding="same", use_bias=False, name=f"conv_{place}", **options),
                keras.layers.GroupNormalization(8, epsilon=1e-5, name=f"norm_{place}", **options),
                keras.layers.Activation("silu", name=f"silu_{place}", **options),
            ):
                layer.build(shape)
                shape = layer.compute_output_shape(shape)
                self.stages.append(layer)

    def call(self, inputs, *, mask=None, training=False):
        mask = mask_or_full(mask, inputs, 2)
        rows, dim = ops.shape(inputs)[0], inputs.shape[-1]
        query = ops.reshape(ops.cast(self.query, inputs.dtype), (1, -1, dim))
        places = ops.broadcast_to(query, (rows, query.shape[1], dim))
        places = self.look(places, hide(inputs, mask), context_mask=mask, training=training)
        x = ops.reshape(self.share(places, training=training), (-1, *self.grid, dim))
        for layer in self.stages:
            x = layer(x)
        return x[:, : self.height, : self.width]

    def compute_mask(self, inputs, mask=None):
        return None

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.height, self.width, self.filters[-1])

    def get_config(self):
        config = {
            "height": self.height,
            "width": self.width,
            "filters": list(self.filters),
            "num_heads": self.num_heads,
            "dropout": self.dropout,
        }
        return {**super().get_config(), **config}

    @classmethod
    def example(cls):
        """A tiny instance with input shape, dtype and mask shape, for the conformance sweep."""
        return cls(height=3, width=5, filters=(16,), num_heads=2, dropout=0.5), ((5, 8), "float32", (5,))


def filters_for(shape):
    """Filters that leave the queries a grid of about 8 × 8 places, 1 to 3 of them."""
    stages = max(1, min(3, min(shape[:2]).bit_length() - 4))
    return (128, 64, 32)[-stages:]
