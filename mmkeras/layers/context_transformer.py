"""Tokens that look at each other and at a context, layer by layer."""

import keras

from mmkeras.component import component
from mmkeras.layers.attention_block import AttentionBlock
from mmkeras.layers.masking import mask_or_full


@component
class ContextTransformer(keras.layers.Layer):
    """Layers of self-attention and attention to a context, in turn: what several decoders can share.

    Args:
        num_layers: int > 0. Defaults to `2`.
        num_heads: int > 0, a divisor of D. Defaults to `4`.
        dropout: float in [0, 1). Defaults to `0.1`.
    Call arguments:
        inputs: float tensor `(B, T, D)`.
        context: float tensor `(B, C, D)` or None: there is nothing to ask.
        mask: bool tensor `(B, T)` or None.
        inputs_mask: the same; the name under which Keras hands over a mask by itself where there is a context.
        context_mask: bool tensor `(B, C)` or None.
    Returns:
        float tensor `(B, T, D)`, zeros where masked; a row whose context is all absent gets nothing from it.
    Raises:
        ValueError: `num_layers` < 1.
    Example:
        >>> ContextTransformer(num_heads=2)(np.ones((3, 5, 8), "float32"), np.ones((3, 2, 8), "float32")).shape
        TensorShape([3, 5, 8])
    References:
        [Vaswani et al., 2017](https://arxiv.org/abs/1706.03762); see `AttentionBlock`. Differs: attention to the
        context has a feed-forward of its own.
    """

    def __init__(self, num_layers=2, num_heads=4, dropout=0.1, **kwargs):
        super().__init__(**kwargs)
        if num_layers < 1:
            raise ValueError(f"ContextTransformer: num_layers must be > 0. Received: num_layers={num_layers}. Do: 2.")
        self.num_layers = num_layers
        self.num_heads = num_heads
        self.dropout = dropout
        self.supports_masking = True

    def build(self, inputs_shape, context_shape=None):
        options = {"dropout": self.dropout, "dtype": self.dtype_policy}
        self.selves, self.contexts = [], []
        for number in range(self.num_layers):
            block = AttentionBlock(self.num_heads, name=f"self_{number}", **options)
            block.build(inputs_shape)
            self.selves.append(block)
            if context_shape is not None:
                block = AttentionBlock(self.num_heads, name=f"context_{number}", **options)
                block.build(inputs_shape, context_shape)
                self.contexts.append(block)
        self.final = keras.layers.LayerNormalization(epsilon=1e-5, name="final", dtype=self.dtype_policy)
        self.final.build(inputs_shape)

    def call(self, inputs, context=None, *, mask=None, inputs_mask=None, context_mask=None, training=False):
        mask = mask_or_full(inputs_mask if mask is None else mask, inputs, 2)
        x = inputs
        for number, block in enumerate(self.selves):
            x = block(x, mask=mask, training=training)
            if context is not None:
                options = {"mask": mask, "context_mask": context_mask, "training": training}
                x = self.contexts[number](x, context, **options)
        return keras.ops.where(mask[..., None], self.final(x), 0.0)

    def compute_mask(self, inputs, mask=None):
        return mask

    def compute_output_shape(self, inputs_shape, context_shape=None):
        return inputs_shape

    def get_config(self):
        config = {"num_layers": self.num_layers, "num_heads": self.num_heads, "dropout": self.dropout}
        return {**super().get_config(), **config}

    @classmethod
    def example(cls):
        """A tiny instance with input shape, dtype and mask shape, for the conformance sweep."""
        return cls(num_layers=1, num_heads=2, dropout=0.5), ((5, 8), "float32", (5,))
